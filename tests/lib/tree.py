#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tree - file trees and layers as text that can be compared.

    tree.py list DIR              every file below DIR, with all that a layer has to keep
    tree.py changes LAYER LOWER   what a layer does to LOWER, one JSON array ["A", path] a line
    tree.py rows DIFF.jsonl       the same of our own rows
    tree.py docker SOCKET ID      the same as dockerd tells it
    tree.py atimes LAYER          access times, but of symlinks: those cannot be read without it

A changed, added or deleted path is said as 'docker diff' does: what a deleted or replaced
directory held is not told one by one, below a replaced directory that is one again it is.
"""
import hashlib
import http.client
import json
import os
import socket
import stat
import sys
import tarfile

OPAQUE = ".wh..wh..opq"
WHITEOUT = ".wh."


digests = {}  # by inode: a program may have hundreds of names


def digest(path, inode):
    if inode not in digests:
        h = hashlib.sha256()
        with open(path, "rb") as f:
            while block := f.read(1 << 20):
                h.update(block)
        digests[inode] = h.hexdigest()
    return digests[inode]


def describe(path, st, links):
    row = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
    if stat.S_ISREG(st.st_mode):
        row += [st.st_size, digest(path, st.st_ino)]
        if st.st_nlink > 1:
            links.setdefault(st.st_ino, []).append(path)
    elif stat.S_ISLNK(st.st_mode):
        row.append(os.fsdecode(os.readlink(path)))
    elif not stat.S_ISDIR(st.st_mode):
        row.append(st.st_rdev)
    names = sorted(os.listxattr(path, follow_symlinks=False))
    xattrs = {n: os.getxattr(path, n, follow_symlinks=False).hex() for n in names}
    # no layer can have an empty one: in a pax header that means that there is none
    return row + [{n: v for n, v in xattrs.items() if v}]


def list_tree(top):
    """The root itself is no part of a layer. A socket is in none either: left out."""
    top = os.fsencode(top)
    links = {}
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            st = os.lstat(path)
            if not stat.S_ISSOCK(st.st_mode):
                print(json.dumps([os.fsdecode(path[len(top):])] + describe(path, st, links)))
    for group in sorted(sorted(g) for g in links.values()):
        print("one file:", json.dumps([os.fsdecode(p[len(top):]) for p in group]))


def same(member, lower):
    """A copy that nothing was done to: overlay made it for another name of the file."""
    st = os.lstat(lower)
    if (stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid) != (member.mode, member.uid, member.gid):
        return False
    if member.isdir():
        return stat.S_ISDIR(st.st_mode)
    return member.isreg() and stat.S_ISREG(st.st_mode) and st.st_size == member.size and \
        abs(st.st_mtime - float(member.pax_headers.get("mtime", member.mtime))) < 1e-6


def layer_changes(layer, lower):
    with tarfile.open(layer, errors="surrogateescape") as tar:
        members = {os.path.normpath(m.name): m for m in tar}
    found, parents = [], []
    for name, m in members.items():
        folder, base = os.path.split(name)
        below = os.path.join(lower, folder)
        if base == OPAQUE:
            hidden = os.listdir(below) if os.path.isdir(below) else []
            found += [("D", f"{folder}/{h}") for h in hidden if f"{folder}/{h}" not in members]
        elif base.startswith(WHITEOUT):
            found.append(("D", os.path.join(folder, base[len(WHITEOUT):])))
        elif not os.path.lexists(os.path.join(lower, name)):
            found.append(("A", name))
        elif not same(m, os.path.join(lower, name)):
            found.append(("C", name))
        elif m.isdir():
            parents.append(name)
    return found + [("C", p) for p in parents if any(f.startswith(p + "/") for _, f in found)]


def row_changes(rows):
    kinds = {"added": "A", "modified": "C", "deleted": "D"}
    with open(rows, encoding="utf-8") as f:
        for line in f:
            row = json.loads(line)
            if row["change"] in kinds and row["path"] != "/":
                yield kinds[row["change"]], row["path"]


def list_atimes(layer):
    with tarfile.open(layer, errors="surrogateescape") as tar:
        for m in tar:
            if not m.issym():
                print(json.dumps([m.name, m.pax_headers.get("atime")]))


class Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def docker_changes(where, container):
    c = Unix(where)
    c.request("GET", f"/v1.41/containers/{container}/changes", headers={"Host": "docker"})
    for change in json.loads(c.getresponse().read()) or ():
        yield "CAD"[change["Kind"]], change["Path"]


def main(what, *args):
    if what in ("list", "atimes"):
        {"list": list_tree, "atimes": list_atimes}[what](*args)
        return
    changes = {"changes": layer_changes, "rows": row_changes, "docker": docker_changes}[what]
    # dockerd's JSON has no bytes that are not UTF-8
    found = {(kind, "/" + os.fsencode(path.lstrip("/")).decode("utf-8", "replace"))
             for kind, path in changes(*args)}
    for kind, path in sorted(found, key=lambda c: c[1]):
        print(json.dumps([kind, path]))


if __name__ == "__main__":
    main(*sys.argv[1:])
