#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 600
# Trees and files made to exhaust a reader: time, memory, room. How much memory each took is
# tested here, as that of the largest process.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh
LIMIT=$((64 << 10)) # KiB

still() { # NAME
	ok "$1: the files around are there" tar -xOf "$1.x/filesystem/diff.tar" opt/still
}

flood() { # NAME COMMAND...: makes it in the upper directory of a new target, and starts that
	local name=$1
	shift
	target_make "$name"
	mkdir -p "$name/upper/opt"
	echo still >"$name/upper/opt/still"
	[ $# = 0 ] || "$@"
	target_run "$name" 'echo ready; exec sleep 1000'
}

done_with() { # NAME: a million files are not kept for nothing
	target_end "$1"
	umount "$1/merged"
	rm -rf "$1" "$1.x" "out/$1"
}

# --- many files
flood files "$BIN/flood" files files/upper/opt/many 100000
collect files 120 --pid "$pid"
sound files 0
still files
is "files: a row for each" "$(row files 'select(.path | startswith("/opt/many/"))' | wc -l)" 100000
is "files: each in the layer" "$(tar -tf files.x/filesystem/diff.tar | grep -c '^opt/many/.')" 100000
no_loss files
peak files "$LIMIT"
done_with files
flood million "$BIN/flood" files million/upper/opt/many 1000000
collect million 300 --pid "$pid"
sound million 0
is "million: a row for each" "$(grep -c '"path":"/opt/many/' million.x/filesystem/diff.jsonl)" 1000000
no_loss million
peak million "$LIMIT"
done_with million

# --- deep
flood deep "$BIN/flood" deep deep/upper/opt/deep 20000
collect deep 120 --pid "$pid"
sound deep 0 3
still deep
is "deep: a row for each" "$(grep -c . deep.x/filesystem/diff.jsonl)" 20005
ok "deep: what lies at the bottom is there" grep -rqaF BOTTOM deep.x/filesystem --include='*.tar'
peak deep "$LIMIT"
done_with deep

# --- sparse, in a tmpfs of the target's
target_make sparse
mkdir -p sparse/upper/opt
echo still >sparse/upper/opt/still
target_run sparse 'mount -t tmpfs tmpfs /tmpfs
flood sparse /tmpfs/big && flood extents /tmpfs/extents 50000
echo ready; exec sleep 1000'
collect sparse 120 --pid "$pid"
sound sparse 0 3
still sparse
mount=$(jq -r '[.[] | select(.point == "/tmpfs").n] | max' sparse.x/volumes/mounts.json)
rows=sparse.x/volumes/$mount/content.jsonl
is "sparse: its size" "$(jq -c 'select(.path == "/big") | [.sparse, .size > 9e18]' "$rows")" "[true,true]"
is "sparse: its only bytes are there" \
	"$(grep -cF HIDDEN "sparse.x/volumes/$mount/content.tar")" 1
peak sparse "$LIMIT"
done_with sparse

# --- names, links, attributes
flood names "$BIN/flood" names names/upper/opt/names
echo whiteout >names/upper/opt/names/.wh.opaque
echo whiteout >names/upper/opt/names/.wh..wh..opq
echo colon >"names/upper/opt/names/C:\\windows"
collect names 30 --pid "$pid"
sound names 0 3
still names
for i in $(seq 10); do
	ok "names: the content of name $i" grep -qa "NAME-$i\$" names.x/filesystem/diff.tar
done
is "names: a row for each" "$(row names 'select(.parent == "/opt/names" or
	((.path // "") | startswith("/opt/names/")) or has("path_b64"))' | wc -l)" 13
is "names: no control character in rows" \
	"$(LC_ALL=C grep -Pc '[\x00-\x09\x0b-\x1f\x7f]' names.x/filesystem/diff.jsonl)" 0
unlike "names: none on the terminal" "$(LC_ALL=C tr -d '\n' <names.err | od -c)" '033'
"$TAPHOS" inspect out/names/bundle.tar.zst >inspect.out 2>&1
is "names: nor from inspect" "$(LC_ALL=C grep -Pc '[\x00-\x08\x0b-\x1f\x7f]' inspect.out)" 0
no_loss names
done_with names

flood links "$BIN/flood" links links/upper/opt/links 30000
collect links 60 --pid "$pid"
sound links 0
is "links: a row for each" "$(grep -c '"path":"/opt/links/l' links.x/filesystem/diff.jsonl)" 30000
ok "links: the content once" test "$(stat -c %s links.x/filesystem/diff.tar)" -lt $((64 << 20))
peak links "$LIMIT"
done_with links

flood xattrs "$BIN/flood" xattrs xattrs/upper/many-attributes
collect xattrs 30 --pid "$pid"
sound xattrs 0 3
still xattrs
ok "xattrs: the file itself is there" grep -qa "file of many attributes" xattrs.x/filesystem/diff.tar
done_with xattrs
done_testing
