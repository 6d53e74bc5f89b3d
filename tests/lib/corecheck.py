#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""corecheck - is a core what its process holds? Page by page against /proc/PID/mem, which must
not change meanwhile.

    corecheck.py PID FOLDER    (FOLDER/PID.core, FOLDER/PID.json, and those of other processes)

Every page that exists is in the core, or is as the JSON says: zero, as in the file, in another
core. Whatever a PT_LOAD without bytes covers reads as zero, or is its file's. Prints what is
wrong, then "PAGES pages, DUMPED of them in the core"; fails when something is.
"""
import json
import os
import struct
import sys

PAGE = 4096
PT_NULL, PT_LOAD, PT_NOTE, PN_XNUM = 0, 1, 4, 0xFFFF


class Core:
    def __init__(self, path):
        self.f = open(path, "rb")
        head = self.f.read(64)
        assert head[:6] == b"\x7fELF\2\1", "a 64-bit little-endian ELF file"
        phoff, shoff = struct.unpack_from("<QQ", head, 32)
        count = struct.unpack_from("<H", head, 56)[0]
        if count == PN_XNUM:
            self.f.seek(shoff + 44)
            count = struct.unpack("<I", self.f.read(4))[0]
        self.f.seek(phoff)
        table = self.f.read(56 * count)
        self.loads = []
        for i in range(count):
            kind, _, offset, start, _, filesz, memsz, _ = struct.unpack_from(
                "<IIQQQQQQ", table, 56 * i)
            assert kind in (PT_NULL, PT_LOAD, PT_NOTE), "a type of segment"
            if kind == PT_LOAD:
                assert filesz in (0, memsz) and offset % PAGE == 0
                self.loads.append((start, start + memsz, offset, filesz))
        self.at = 0

    def page(self, address):
        """Its bytes; b"" when it has none but is covered; None when nobody knows."""
        while self.at and self.loads[self.at][0] > address:
            self.at -= 1
        while self.at < len(self.loads) - 1 and self.loads[self.at][1] <= address:
            self.at += 1
        if not self.loads:
            return None
        start, end, offset, filesz = self.loads[self.at]
        if not start <= address < end:
            return None
        if not filesz:
            return b""
        self.f.seek(offset + address - start)
        return self.f.read(PAGE)


def pagemap(pid, start, end):
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        f.seek(start // PAGE * 8)
        data = f.read((end - start) // PAGE * 8)
    return struct.unpack(f"<{len(data) // 8}Q", data)


class Check:
    def __init__(self, pid, folder):
        self.pid, self.folder = pid, folder
        self.core = Core(f"{folder}/{pid}.core")
        self.mem = open(f"/proc/{pid}/mem", "rb", buffering=0)
        self.pages = self.dumped = self.bad = 0

    def wrong(self, address, why):
        self.bad += 1
        if self.bad <= 20:
            print(f"{address:x}: {why}")

    def real(self, address):
        try:
            self.mem.seek(address)
            return self.mem.read(PAGE)
        except (OSError, OverflowError, ValueError):
            return None

    def one(self, address, fate, exists):
        got = self.core.page(address)
        real = self.real(address) if exists else None
        self.pages += 1
        if fate == "dumped":
            self.dumped += 1
            if got is None or len(got) != PAGE:
                self.wrong(address, "dumped, but not in the core")
            elif real is not None and got != real:
                self.wrong(address, "other bytes")
        elif fate == "zero":
            if got is None or got.strip(b"\0") or (real or b"").strip(b"\0"):
                self.wrong(address, "is not zero")
        elif fate == "as_file":
            if got != b"":
                self.wrong(address, "of a file, and has bytes or no segment")
        elif got is not None:
            self.wrong(address, f"{fate}, but in the core")
        elif exists and fate in ("not_present", "failed"):
            self.wrong(address, f"exists, but is {fate}")

    def run(self):
        with open(f"{self.folder}/{self.pid}.json", encoding="utf-8") as f:
            doc = json.load(f)
        for m in doc["mappings"]:
            at = int(m["start"], 16)
            for r in m["runs"]:
                start, end = int(r["start"], 16), int(r["end"], 16)
                if start != at:
                    self.wrong(at, "a page without a fate")
                at = end
                step = 1 if end - start < 1 << 30 else 4096
                entries = pagemap(self.pid, start, end) if step == 1 else ()
                for i in range(0, (end - start) // PAGE, step):
                    there = i < len(entries) and entries[i] >> 62 != 0
                    self.one(start + i * PAGE, r["fate"], there)
            if at != int(m["end"], 16):
                self.wrong(at, "pages without a fate at the end")
        print(f"{self.pages} pages, {self.dumped} of them in the core")
        return self.bad


def main():
    check = Check(int(sys.argv[1]), sys.argv[2])
    return bool(check.run()) or os.path.getsize(f"{sys.argv[2]}/{sys.argv[1]}.core") == 0


if __name__ == "__main__":
    sys.exit(main())
