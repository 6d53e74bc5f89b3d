#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""protobuf - a message in protobuf's wire format, from its arguments, to stdout.

    protobuf.py FIELD:TEXT FIELD=NUMBER FIELD{ ... }      1:name 4=7 6{ 1:key 2:value }
"""
import sys


def varint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def message(words):
    out = b""
    while words:
        word = words.pop(0)
        if word == "}":
            return out
        digits = len(word) - len(word.lstrip("0123456789"))
        number, kind, text = int(word[:digits]), word[digits], word[digits + 1:]
        if kind == "=":
            out += varint(number << 3) + varint(int(text))
            continue
        inner = message(words) if kind == "{" else text.encode()
        out += varint(number << 3 | 2) + varint(len(inner)) + inner
    return out


sys.stdout.buffer.write(message(sys.argv[1:]))
