#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is given to the program itself: each bad thing has one line that says what to do, the right
# exit code, and leaves nothing behind.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh openssl

target_make bad
mkdir -p bad/upper/opt
head -c 24M /dev/urandom >bad/upper/opt/bulk
target_run bad 'echo ready; exec sleep 1000'

refused() { # NAME EXIT ERE ARGS...
	local name=$1 want=$2 text=$3 lines
	shift 3
	"$BIN/deadline" 60 refused.report "$TAPHOS" "$@" >refused.out 2>refused.err </dev/null
	is "$name: exit" $? "$want"
	like "$name: says so" "$(cat refused.err)" "$text"
	lines=$(grep -c '^taphos: ' refused.err)
	is "$name: in one line" "$lines" 1
	is "$name: nothing on stdout" "$(cat refused.out)" ""
	is "$name: nobody left" "$(grep left refused.report)" ""
}

collect_to() { # NAME EXIT ERE ARGS...
	local name=$1 want=$2 text=$3
	shift 3
	refused "$name" "$want" "$text" collect --pid "$pid" --quiet "$@"
}

# --- the output
mkdir ro full
mount -t tmpfs -o ro,size=1m ro ro && container_atexit umount "$scratch/ro"
collect_to "a read-only file system" 1 'Read-only' --output ro
mount -t tmpfs -o size=8m full full && container_atexit umount "$scratch/full"
"$BIN/deadline" 60 full.report "$TAPHOS" collect --pid "$pid" --output full/x.tar.zst >full.out 2>full.err
rc=$?
ok "a full disk: exit 1 or 3 ($rc)" test "$rc" = 1 -o "$rc" = 3
like "a full disk: says so" "$(cat full.err)" '^taphos: .*(No space|full|space)'
unlike "a full disk: no claim to be whole" "$("$TAPHOS" verify full/x.tar.zst* 2>&1)" 'SEALED|BAD'
rm -f full/*
collect_to "no such folder" 1 'nowhere' --output nowhere/x.tar.zst
echo precious >exists.tar.zst
collect_to "an existing output" 1 "exists" --output exists.tar.zst
is "an existing output: as it was" "$(cat exists.tar.zst)" precious
ln -s "$HOSTFILE" link.tar.zst
collect_to "a link in place of the output" 1 "exists" --output link.tar.zst
is "a link in place of the output: as it was" "$(cat "$HOSTFILE")" "$MARKER"
mkdir fifo && mkfifo fifo/x.tar.zst
collect_to "a FIFO in place of the output" 1 "exists" --output fifo/x.tar.zst

# --- profiles: file, line and key
profile() { # NAME ERE TEXT
	printf '%s\n' "$3" >"profile.json"
	collect_to "$1" 2 "$2" --profile "$PWD/profile.json" --output out/never.tar.zst
}
profile "a profile that is no JSON" 'profile\.json:2' $'{"name": "x",\n"dumpers": }'
profile "an unknown dumper" 'profile\.json:2: .*nonesuch' $'{"name": "x", "dumpers": {\n"nonesuch": {}}}'
profile "an unknown option" 'profile\.json:3: .*colour' $'{"name": "x", "dumpers": {\n"process": {\n"colour": 1}}}'
profile "a wrong type" 'profile\.json:3: .*max_fds' $'{"name": "x", "dumpers": {\n"process": {\n"max_fds": "many"}}}'
profile "a key twice" 'profile\.json:.*(twice|duplicate)' $'{"name": "x", "dumpers": {"process": {},\n"process": {}}}'
profile "an empty profile" 'profile\.json' ''
head -c 1M /dev/zero | tr '\0' '[' >deep.json
collect_to "a profile of brackets" 2 'deep\.json' --profile "$PWD/deep.json" --output out/never.tar.zst
collect_to "a profile that is a folder" 2 '/etc' --profile /etc --output out/never.tar.zst

# --- keys
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
echo nonsense >broken.key
head -c 2M /dev/urandom >large.key
openssl genpkey -algorithm ED25519 -out good.key
openssl pkey -in good.key -pubout -out good.pub
for key in rsa broken large; do
	collect_to "a key that is $key" 1 "$key\.key" --key $key.key --output out/never.tar.zst
done
collect_to "the public part for a key" 1 'good\.pub' --key good.pub --output out/never.tar.zst
is "nothing was written for any of them" "$(ls out)" ""

# --- targets
refused "a vanished target" 4 'no process' collect --pid 4194303
sleep 0.01 &
gone=$!
wait $gone
refused "one that just ended" 4 'no process' collect --pid $gone
target_make bad2
first=$pid
target_run bad2 'echo ready; exec sleep 1000'
pid=$first
"$BIN/deadline" 20 r "$TAPHOS" collect --container "hostile-$$-bad" --output out/named.tar.zst >/dev/null 2>named.err
is "a whole name wins over a longer one" $? 0
"$BIN/deadline" 20 r "$TAPHOS" collect --container "hostile-$$-b" >ambiguous.out 2>ambiguous.err
is "an ambiguous prefix: exit" $? 4
is "an ambiguous prefix: the candidates" "$(grep -c "^  .*hostile-$$-bad" ambiguous.err)" 2
refused "a cgroup that is none" 4 'cgroup' collect --cgroup /nonesuch/cgroup
refused "a cgroup outside" 2 . collect --cgroup ../../../../etc
target_end bad2

# --- bundles
bundle=out/named.tar.zst
size=$(stat -c %s $bundle)
verify() { # NAME EXIT ERE FILE
	"$BIN/deadline" 60 r "$TAPHOS" verify "$4" >verify.out 2>&1
	is "verify $1: exit" $? "$2"
	like "verify $1: verdict" "$(cat verify.out)" "$3"
}
verify "whole" 0 SEALED $bundle
for part in 0 1 7 50 99; do
	head -c $((size * part / 100)) $bundle >cut.tar.zst
	verify "cut to $part%" 3 'INTERRUPTED|NOTHING' cut.tar.zst
done
for part in 3 20 50 80 97; do
	cp $bundle flipped.tar.zst
	at=$((size * part / 100))
	byte=$(od -An -tu1 -j$at -N1 $bundle)
	printf '%b' "\\0$(printf %o $((byte ^ 16)))" | dd of=flipped.tar.zst bs=1 seek=$at conv=notrunc status=none
	verify "a bit flipped at $part%" 7 BAD flipped.tar.zst
done
tar -C bad/upper -cf - opt/bulk | zstd -q >foreign.tar.zst
verify "another archive" 7 'BAD' foreign.tar.zst
verify "no archive" 7 BAD "$HOSTFILE"
verify "a folder" 1 . /etc
cat $bundle $bundle >twice.tar.zst
verify "one behind another" 7 BAD twice.tar.zst
"$TAPHOS" verify --key good.pub $bundle >verify.out 2>&1
is "verify with another's key: exit" $? 7
"$TAPHOS" inspect foreign.tar.zst >inspect.out 2>&1
is "inspect of another archive: exit" $? 7
like "inspect of another archive: verdict" "$(cat inspect.out)" BAD
refused "inspect of no such member" 1 'nonesuch' inspect $bundle nonesuch

# --- where it writes to goes away
"$BIN/deadline" 60 closed.report "$TAPHOS" collect --pid "$pid" --output out/closed.tar.zst >&- 2>&-
ok "closed stdout: the bundle is whole" "$TAPHOS" verify out/closed.tar.zst
mkfifo pipe
head -c 1000 pipe >/dev/null &
"$BIN/deadline" 60 pipe.report "$TAPHOS" collect --pid "$pid" --output - >pipe 2>pipe.err
is "a reader that goes away: exit" $? 1
like "a reader that goes away: says so" "$(cat pipe.err)" '^taphos: .*(pipe|closed|reader)'
is "a reader that goes away: nobody left" "$(grep left pipe.report)" ""
tail -f /dev/null 3<pipe &
sleeper=$!
disown
container_atexit kill "$sleeper"
"$BIN/deadline" 30 slow.report "$TAPHOS" collect --pid "$pid" --deadline 5s --output - >pipe 2>slow.err
rc=$?
ok "a reader that does not read: it ends ($rc, $(sed -n 's/^ms //p' slow.report) ms)" test "$rc" != 124
kill "$sleeper"
target_end bad
done_testing
