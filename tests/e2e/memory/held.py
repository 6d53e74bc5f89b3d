# SPDX-License-Identifier: Apache-2.0
"""held - an interpreter that holds bytes. Prints as threads.c does."""
import ctypes
import threading
import time

HELD = bytes("planted in a bytes object", "ascii")


def deep(n):
    if n:
        deep(n - 1)
    else:
        time.sleep(100000)


for _ in range(3):
    threading.Thread(target=deep, args=(5,), daemon=True).start()
address = ctypes.cast(ctypes.c_char_p(HELD), ctypes.c_void_p).value
print(f"{address:#x} {HELD.decode()}\nready", flush=True)
deep(10)
