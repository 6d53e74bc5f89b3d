#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Little room to copy to, little time to stand still, a disk that fills; and how much memory we
# take ourselves.
#
# Whose memory is whose: the staging area is a memfd, so that the kernel counts it as RssShmem of
# who has it mapped. RssAnon and RssFile are the rest of a process; 'own' is the highest sum of them
# that 'deadline' saw, looking every 5 ms. VmHWM misses no peak, but has the staging area in it:
# 'peak' is that, where there is none (--stage 0).
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/memory.sh
. "$(dirname "$0")/memory.sh"
memory_start
LIMIT=$((64 << 10)) # KiB
MIB=200

effect() { # NAME JQ
	jq -r ".memory | $2" "$1.x/collector/effects.json"
}

# Wherever its bytes waited: a debugger finds what was written, at the beginning and the end.
filled() { # NAME WHAT
	local pid_of
	pid_of=$(number "$1" fill)
	is "$1, $2: all of it is in the core" \
		"$(told "$1" "$pid_of" ".totals | (.dumped >= $((MIB << 20))) and .failed == 0")" true
	like "$1, $2: page by page" "$(filled_pages "$1" "$pid_of")" '^all of them$'
}

# 'hoard fill' numbers its pages: they follow each other in the core as they do in memory.
filled_pages() {
	python3 - "$1.x/memory/$2.core" "$MIB" <<-'END'
		import struct, sys
		core, pages = open(sys.argv[1], "rb").read(), int(sys.argv[2]) * 256
		at = core.find(bytes([1]) * 64 + struct.pack("<Q", 4096)) - 4096
		wrong = [i for i in range(pages) if core[at + i * 4096 + 64:at + i * 4096 + 72] != struct.pack("<Q", i * 4096)]
		print(f"{len(wrong)} are wrong, {wrong[0]} first" if wrong else "all of them")
	END
}

# --- little room, little time
memory_target fill "run hoard fill $MIB"
take fill 60 --stage 0 --max-freeze 30s
whole fill 0 3
no_loss fill
filled fill "no memory to copy to"
is "fill, no memory to copy to: all of it stood still" "$(effect fill '"\(.stage_bytes) \(.live_bytes)"')" "0 0"
peak fill "$LIMIT"
take fill 60 --stage 1M --max-freeze 30s
whole fill 0 3
no_loss fill
filled fill "1 MiB of memory"
is "fill, 1 MiB of memory" "$(effect fill '"\(.stage_bytes) \(.live_bytes)"')" "1048576 0"
peak fill $((LIMIT + 1024))
for stage in 0 1M 64M; do
	take fill 60 --stage "$stage" --max-freeze 1ms
	whole fill 3
	filled fill "1 ms, $stage"
	# even to freeze it may take longer, where others want the processors
	lost fill changed '^freeze: ([0-9]+ bytes did not fit the staging area or --max-freeze|a task did not freeze)'
	ok "fill, 1 ms, $stage: what was read while it ran is marked" test \
		"$(told fill "$(number fill fill)" .totals.of_dumped_live)" -gt 0
done
take fill 60 --max-size 30M
whole fill 3
lost fill over_budget '^process [0-9]+: [0-9]+ bytes in '
planted fill fill hoard
ok "fill, 30 MB: of what is too large, the part that fits is there" test \
	"$(cat fill.x/memory/[0-9]*.json | jq -s 'map(.totals.dumped) | add')" -gt $((24 << 20))
is "fill, 30 MB: its stack is whole" "$(told fill "$(number fill fill)" '.mappings[] |
	select(.name == "[stack]").runs[] | select(.fate == "over_budget")')" ""

# --- a file system in memory takes no staging area: what does not fit is read live
small() { # ARG...: to a small one
	"$BIN/deadline" 60 small.report "$TAPHOS" collect --pid "$pid" --profile memory \
		--output small/x.tar.zst "$@" >small.out 2>small.err </dev/null
	rc=$?
	beat_was=$(beats)
}
mkdir small
mount -t tmpfs -o size=64m small small && container_atexit umount "$scratch/small"
small --stage 16M
is "small: exit" "$rc" 3
like "small: sealed" "$("$TAPHOS" verify small/x.tar.zst)" '^SEALED, partial'
is "small: what did not fit was read live" "$("$TAPHOS" inspect small/x.tar.zst collector/effects.json \
	2>/dev/null | jq '.memory | .spill_bytes == 0 and .staged_bytes <= 16777216 and
		.live_bytes >= '$(((MIB - 16) << 20)))" true
ok "small: the target runs on" wait_until beat_goes_on
target_end fill

# --- the output fills in the middle of a core
memory_target noise "run hoard noise $MIB"
for stage in 0 512M; do
	rm -f small/*
	small --stage "$stage"
	is "noise, $stage: exit" "$rc" 3
	like "noise, $stage: one clear line" "$(cat small.err)" '^taphos: .*No space left on device'
	like "noise, $stage: what was sealed is authentic" \
		"$("$TAPHOS" verify small/x.tar.zst.partial 2>&1)" '^INTERRUPTED: authentic up to byte [1-9]'
	like "noise, $stage: with part of the core" "$("$TAPHOS" verify small/x.tar.zst.partial 2>&1)" \
		'cut +memory/[0-9]+\.core: [1-9]'
	is "noise, $stage: nobody left" "$(grep left small.report)" ""
	ok "noise, $stage: the target runs on" wait_until beat_goes_on
	is "noise, $stage: none of it is held" "$(stopped noise; frozen)" ""
done
target_end noise

# --- the disk fills, by somebody else, before memory is copied to it: what is left is the bundle's
captures() { # has it got its capture worker?
	local t c comm workers=()
	read -r t _ <"/proc/$run/task/$run/children"
	[ -n "$t" ] || return 1
	read -ra workers <"/proc/$t/task/$t/children"
	for c in "${workers[@]}"; do
		read -r comm <"/proc/$c/comm" && [ "$comm" = taphos-capture ] && return
	done
	return 1
} 2>/dev/null

free_kib() {
	df -k --output=avail disk | tail -n 1
}

mkdir disk
truncate -s 3G disk.img
if mkfs.ext4 -qF -m 0 disk.img 2>/dev/null && mount -o loop disk.img disk 2>loop.err; then
	container_atexit umount "$scratch/disk"
	memory_target spill "run hoard noise $MIB"
	mkdir spill.x
	"$BIN/deadline" 60 spill.report "$TAPHOS" collect --pid "$pid" --profile memory --stage 0 \
		--output disk/bundle.tar.zst >spill.out 2>spill.err </dev/null &
	run=$!
	until captures || [ ! -e "/proc/$run" ]; do sleep 0.002; done
	# one of both has room now, the copy or the bundle
	fallocate -l "$(($(free_kib) - (3 * MIB / 2 << 10)))K" disk/filler
	wait "$run"
	rc=$?
	mkdir out/spill
	rm disk/filler
	mv disk/bundle.tar.zst* out/spill
	zstd -dqcf out/spill/bundle.tar.zst | tar -x -C spill.x --strip-components 1
	whole spill 0 3
	planted spill noise hoard
	is "spill: all of it is in the core" \
		"$(told spill "$(number spill noise)" ".totals.dumped >= $((MIB << 20))")" true
	# on a very busy machine all of it was copied before
	[ "$rc" = 0 ] || lost spill changed '^freeze: [0-9]+ bytes did not fit the staging area'
	target_end spill
	umount disk
else
	skip "a disk that fills" "no loop devices: $(tail -n 1 loop.err)"
fi
rm -f disk.img

# --- our own memory
available=$(($(awk '/^MemAvailable/ { print $2 }' /proc/meminfo) >> 20)) # GiB
if [ "$available" -ge 8 ]; then
	memory_target large "run hoard fill 2048"
	take large 110 --max-freeze 30s
	whole large 0
	no_loss large
	own large "$LIMIT"
	peak large $((LIMIT + (2 << 20)))
	target_end large
else
	skip "a process of 2 GiB" "$available GiB of memory are free: it takes 8"
fi
memory_target maps "run hoard maps 60000"
take maps 110 --max-freeze 30s
whole maps 0
no_loss maps
ok "maps: 60,000 mappings" test "$(told maps "$(number maps maps)" .totals.mappings)" -ge 60000
own maps "$LIMIT"
take maps 110 --max-freeze 30s --stage 0
whole maps 0
peak maps "$LIMIT"
target_end maps
done_testing
