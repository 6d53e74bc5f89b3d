#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
# An output that ends, is full, slow or taken away: what was sealed before stays and verifies,
# the exit code and one line say so. SEED=N repeats the sizes, SIZES=N changes how many.
# shellcheck source=tests/crash/lib.sh disable=SC2154
. "$(dirname "$0")/lib.sh"

SIZES=${SIZES:-50}
loops=()
cleanup() {
	local l
	umount out small 2>/dev/null
	for l in "${loops[@]}"; do losetup -d "$l" 2>/dev/null; done
	umount backing 2>/dev/null
}
target 32
mkdir -p small backing
export TMPDIR # spools go beside the bundle, not there

# What must hold of a run whose output failed: WHAT, an ERE of what stderr says
check() {
	local left said
	left=$(bundle)
	case $rc in
	0) [ -z "${3:-}" ] || problem "$1: complete"
		said=$("$EXAMINE" "$left") || problem "$1: $said" ;;
	1) [ -z "$left" ] || problem "$1: exit 1, but $left is there"
		grep -Eq "^taphos: .*($2)" stderr || problem "$1: exit 1: $(cat stderr)" ;;
	3) said=$("$EXAMINE" "$left") || problem "$1: $said"
		grep -Eq "^taphos: .*($2)" stderr || problem "$1: exit 3: $(cat stderr)"
		case $said in
		INTERRUPTED | NOTHING) ;;
		SEALED) grep -q '^taphos: the bundle is whole, but' stderr || problem "$1: SEALED" ;;
		*) problem "$1: $said" ;;
		esac ;;
	*) problem "$1: exit $rc: $(cat stderr)" ;;
	esac
	seen[$rc${said:+ $said}]=$((${seen[$rc${said:+ $said}]:-0} + 1))
}

tell_seen() {
	local s
	for s in "${!seen[@]}"; do echo "# ${seen[$s]}: $s"; done
}

# --- tmpfs of random sizes ------------------------------------------------------------------
declare -A seen=()
for ((i = 0; i < SIZES; i++)); do
	# the spools are in it too; half of the sizes are small, where most happens
	kb=$((i % 2 ? 40 + $(moment 2000) : 40 + $(moment 40000)))
	mount -t tmpfs -o "size=${kb}k" tmpfs out
	start --output out
	finish 30
	check "tmpfs of $kb KiB" 'No space left|no room|memory'
	if [ $((i % 10)) = 0 ]; then
		mount -o remount,size=200m out
		start --output out
		finish 30
		[ "$rc" = 0 ] || problem "after $kb KiB: the next run gave $rc: $(cat stderr)"
	fi
	umount out
done
tell_seen
no_problem "a full tmpfs, $SIZES sizes"

mount -t tmpfs -o nr_inodes=2 tmpfs out
start --output out
finish 30
check "no inodes" 'No space left'
umount out
no_problem "no inodes"

# --- ext4 on a disk that is smaller than it says: write() succeeds, the flush fails ----------
seen=()
if mkfs=$(command -v mkfs.ext4) && [ -e /dev/loop-control ]; then
	for ((i = 0; i < 8; i++)); do
		kb=$((3000 + $(moment 30000)))
		mount -t tmpfs -o "size=${kb}k" tmpfs backing
		truncate -s 64M backing/disk
		"$mkfs" -q -O ^has_journal -E lazy_itable_init=1 backing/disk 2>/dev/null
		loop=$(losetup --show -f backing/disk) || break
		loops=("$loop")
		mount "$loop" out || break
		start --output out
		finish 60
		check "ext4 on $kb KiB" 'Input/output error|No space left|Read-only|Structure'
		# what the kernel may have dropped is not kept behind the last seal
		! grep -q 'flush the bundle' stderr ||
			"$TAPHOS" verify --json "$(bundle)" | jq -e '.sealed_bytes == .file_bytes' >/dev/null ||
			problem "ext4 on $kb KiB: bytes behind the last seal"
		umount out
		losetup -d "$loop"
		loops=()
		umount backing
	done
	tell_seen
	no_problem "a disk whose flush fails"
else
	skip "a disk whose flush fails" "no mkfs.ext4 or loop devices"
fi

# --- limits ---------------------------------------------------------------------------------
seen=()
for blocks in 1 64 4000 12000; do
	(ulimit -f $blocks && exec env "$TAPHOS" collect --pid "$pid" --quiet --output out) \
		>stdout 2>stderr &
	run=$!
	finish 30
	check "at most $blocks KiB a file" 'File too large|no room'
	rm -rf out/*
done
tell_seen
no_problem "RLIMIT_FSIZE"

mount -t tmpfs tmpfs out
start --output out
await_child filesyst
pause "$(moment 100)"
mount -o remount,ro out 2>/dev/null # refused while a file is open for writing: then it is not ours to test
finish 30
check "read-only in the middle" 'Read-only|.'
mount -o remount,rw out
umount out
no_problem "remounted read-only"

start --output /proc/self/nowhere/x.tar.zst
finish 10
is "a folder that is none: exit" "$rc" 1

# --- stdout ---------------------------------------------------------------------------------
streams() { # NAME EXIT VERDICT
	local said
	said=$("$EXAMINE" stream) || problem "$1: $said"
	[ "$said" = "$3" ] || problem "$1: $said"
	case " $2 " in *" $rc "*) ;; *) problem "$1: exit $rc: $(cat stderr)" ;; esac
}

for n in 100 5000 100000 20000000; do
	rm -f stream rc
	{ "$TAPHOS" collect --pid "$pid" --quiet --output - 2>stderr; echo $? >rc; } | head -c $n >stream
	rc=$(cat rc)
	case $n in
	100) streams "$n bytes taken" "1 3" NOTHING ;;
	*) streams "$n bytes taken" "1 3" INTERRUPTED ;;
	esac
	grep -q 'Broken pipe' stderr || problem "$n bytes taken: $(cat stderr)"
done
no_problem "a reader that goes away"

"$TAPHOS" collect --pid "$pid" --quiet --output - >/dev/full 2>stderr
is "/dev/full: exit" $? 1
like "/dev/full: it says so" "$(cat stderr)" '^taphos: nothing was collected: .*No space left'

{ "$TAPHOS" collect --pid "$pid" --quiet --output - 2>stderr; echo $? >rc; } | (sleep 7; cat >stream)
rc=$(cat rc)
streams "slow" 0 SEALED
no_problem "a reader that sleeps longer than a stall"

mkfifo fifo
exec 7<>fifo
"$TAPHOS" collect --pid "$pid" --quiet --output - >fifo 2>stderr 7<&- &
run=$!
sleep 1
since=$(now_ms)
kill -TERM "$run"
finish 40
ok "a reader that never reads, SIGTERM: exit" grep -qx '[13]' <<<"$rc"
ok "and it ends" [ $(($(now_ms) - since)) -lt 35000 ]
exec 7<&-

mkdir -p out
start --output out
finish 30
is "then the next run works" "$rc $("$EXAMINE" "$(bundle)")" "0 SEALED"
done_testing
