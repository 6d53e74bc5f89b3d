#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who asked the kernel to be asked before a file is opened, and never answers: the reader waits in
# open(). It is killed for it, and the next one takes up behind the file.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh
FILES=400
HELD=200

many() { # DIR: with one in the middle
	local i
	mkdir -p "$1"
	for i in $(seq -w "$FILES"); do echo "file $i" >"$1/f$i"; done
}

mkdir probe
echo probe >probe/f
"$BIN/storm" permit "$scratch/probe/f" >probe.out 2>&1 &
holder=$!
wait_until test -s probe.out
grep -q ready probe.out || skip_all "no permission events: $(cat probe.out)"
kill $holder
wait $holder 2>/dev/null

stalled() { # NAME DUMPER WHERE: the only loss there is
	is "$1: one gap, of $2" "$(jq -r '.gaps[] | select(.kind | IN("by_profile", "special_file") | not) |
		"\(.kind) \(.dumper) \(.where)"' "$1.x/manifest.json")" "stalled $2 $3"
}

complete() { # NAME TAR PREFIX: all but the held one, byte for byte
	rm -rf extracted want
	mkdir extracted
	many want
	tar -xf "$2" -C extracted
	rm -f "want/f$HELD" "extracted/$3/f$HELD"
	ok "$1: all around it is there" diff -r want "extracted/$3"
}

# --- held by the target, in a file system of its own
target_make tmpfs '.mounts += [{destination: "/tmpfs", type: "tmpfs", source: "tmpfs", options: ["nosuid"]}]'
target_run tmpfs "
mkdir /tmpfs/many
i=1000
while [ \$i -lt $((1000 + FILES)) ]; do
	i=\$((i + 1))
	echo \"file \${i#1}\" >/tmpfs/many/f\${i#1}
done
storm permit /tmpfs/many/f$HELD >/tmp/permit 2>&1 &
until grep -q ready /tmp/permit; do usleep 1000; done
echo ready; exec sleep 1000"
collect tmpfs 60 --pid "$pid"
sound tmpfs 3
stalled tmpfs volumes "/many/f$HELD"
mount=$(jq -r '[.[] | select(.point == "/tmpfs").n] | max' tmpfs.x/volumes/mounts.json)
complete tmpfs "tmpfs.x/volumes/$mount/content.tar" many
is "tmpfs: a row for each" \
	"$(grep -c '"path":"/many/f' "tmpfs.x/volumes/$mount/content.jsonl")" "$FILES"
target_end tmpfs

# --- in the writable layer: held from where that can be seen
target_make layer
many layer/upper/opt/many
target_run layer 'echo ready; exec sleep 1000'
"$BIN/storm" permit "$scratch/layer/upper/opt/many/f$HELD" >layer.permit 2>&1 &
holder=$!
wait_until grep -q ready layer.permit
collect layer 60 --pid "$pid"
kill $holder
wait $holder 2>/dev/null
sound layer 3
stalled layer filesystem "/opt/many/f$HELD"
complete layer layer.x/filesystem/diff.tar opt/many
is "layer: a row for each" "$(row layer 'select(.path | startswith("/opt/many/f")).path' | wc -l)" "$FILES"
target_end layer

# --- a program, held in the view of the target
target_make program
mkdir -p program/upper/opt
cp "$BIN/actor" program/upper/opt/held
target_run program '
/opt/held wait held >/tmp/held &
actor wait after >/tmp/after &
until grep -q ready /tmp/held && grep -q ready /tmp/after; do usleep 1000; done
storm permit /opt >/tmp/permit 2>&1 &
until grep -q ready /tmp/permit; do usleep 1000; done
echo ready; exec sleep 1000'
collect program 60 --pid "$pid"
sound program 3
held=$(jq -r '.processes[] | select(.argv[2] == "held").pid' program.x/process/tree.json)
stalled program process "process $held: its files"
after=$(jq -r '.processes[] | select(.argv[2] == "after").pid' program.x/process/tree.json)
ok "program: the files of the process after it" test -s "program.x/process/$after/files.json"
target_end program
done_testing
