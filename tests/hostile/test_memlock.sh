#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
# Processes that hold the lock of their memory for ever: whoever reads their mappings waits as long,
# and nobody else's memory may be lost for it. Beware: ps hangs while one is there.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh
[ -c /dev/fuse ] || skip_all "needs /dev/fuse"
mkdir fusectl
mount -t fusectl fusectl fusectl && container_atexit umount "$scratch/fusectl"
container_atexit abort_all
export may_be_stuck=yes
echo '{"name": "memory-alone", "dumpers": {"memory": {}}}' >memory.json
mount=$(awk '$9 == "cgroup2" || $8 == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
old=$(awk '/ - cgroup / && /[ ,]freezer[, ]|,freezer$/ { print $5; exit }' /proc/self/mountinfo)

abort_all() {
	local device
	for device in $devices; do
		echo 1 >"fusectl/$device/abort"
	done
}
devices=

# A container where writes to /mnt/fuse/f are never answered. COMMAND is run beside two others.
start() { # NAME COMMAND
	target_make "$1"
	target_run "$1" 'mknod /dev/fuse c 10 229
		mkdir -p /mnt/fuse /tmp/out
		hangfs /mnt/fuse write /tmp/mounted /bin/actor &
		until [ -e /tmp/mounted ]; do usleep 1000; done
		run() { n=$1; shift; "$@" >/tmp/out/$n & echo $! >/tmp/out/$n.pid
			until grep -q ready /tmp/out/$n; do usleep 1000; done; }
		run before /bin/actor wait planted-before
		'"$2"'
		run after /bin/actor wait planted-after
		echo ready; exec sleep 1000' || return
	devices+=" $(awk '$0 ~ / - fuse hangfs / { sub("0:", "", $3); print $3; exit }' "/proc/$pid/mountinfo")"
}

out_of() { # NAME WHO: its number, as the host sees it
	local p want
	want=$(cat "$1/merged/tmp/out/$2.pid")
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/pid" 2>/dev/null)" = "$(readlink "/proc/$pid/ns/pid")" ] &&
			awk -v want="$want" '/^NSpid:/ && $NF == want { found = 1 }
				END { exit !found }' "$p/status" && echo "${p#/proc/}" && return
	done
}

is_locked() { # PID: a thread of it waits in the kernel
	grep -qs '^State:.D' "/proc/$1"/task/*/status
}

has() { # NAME WHO: the core of it has what was planted
	ok "$1: the memory of who was there $2" grep -qaF "planted-$2" \
		"$1.x/memory/$(out_of "$1" "$2").core"
}

# NAME WHO STEP: one gap tells of it, and its JSON
told() {
	local number
	number=$(out_of "$1" "$2")
	is "$1: one gap for the one that holds its lock ($2)" "$(jq -c --arg w "process $number: process" \
		'[.gaps[] | select(.where == $w)] | [.[].dumper, .[].kind, (.[].reason | test("'"$3"'"))]' \
		"$1.x/manifest.json")" '["memory","stalled",true]'
	ok "$1: its JSON is there ($2)" test -s "$1.x/memory/$number.json"
	ok "$1: and no core of it ($2)" test ! -e "$1.x/memory/$number.core"
}

held() { # NAME: for no longer than it may
	ok "$1: held for $(jq .memory.hold.held_us "$1.x/collector/effects.json") us" \
		jq -e '.memory.hold.held_us <= 5500000' "$1.x/collector/effects.json"
	ok "$1: it runs" runs
}

runs() {
	local group
	! grep -qs -e FROZEN -e FREEZING "$old$(sed -n 's/^[0-9]*:freezer://p' "/proc/$pid/cgroup")/freezer.state" ||
		return
	group=$mount$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	[ ! -e "$group/cgroup.freeze" ] || grep -q 0 "$group/cgroup.freeze"
}

end() { # NAME
	abort_all
	devices=
	target_end "$1"
	is "$1: who was stuck is gone" "$(left_of "$1")" ""
}

# --- one, from before we came
start one 'run lock /bin/actor lock /mnt/fuse/f' || skip_all "no target can be made"
wait_until is_locked "$(out_of one lock)"
ok "one: it is locked" is_locked "$(out_of one lock)"
collect one 60 --pid "$pid" --profile "$scratch/memory.json"
sound one 3
has one before
has one after
told one lock "reading the flags"
held one
collect one 120 --pid "$pid" --profile memory
sound one 3
has one after
gap one stalled process "process $(out_of one lock): " "of the process dumper"
end one

# --- more of them than are waited for: who does not wait in the kernel is not left out with them
most=30
start many "$(for ((i = 1; i <= most; i++)); do echo "run lock$i /bin/actor lock /mnt/fuse/f"; done)"
wait_until is_locked "$(out_of many lock$most)"
collect many 150 --pid "$pid" --profile memory
sound many 3
for who in before after; do
	has many $who
	for file in cmdline maps files.json; do
		ok "many: $file of who was there $who" \
			test -s "many.x/process/$(out_of many $who)/$file"
	done
done
told many lock1 "did not come back"
told many lock$most .
is "many: a gap for each" "$(jq '[.gaps[] | select(.dumper == "memory" and .kind == "stalled" and
	(.where | test("^process [0-9]+: process$")))] | length' many.x/manifest.json)" $most
held many
end many

# --- while the others stand still: it is in no frozen cgroup, and nobody else can stop it
start cue 'run fill /bin/actor fill 512
	run lock /bin/actor lock /mnt/fuse/f /tmp/go'
lock=$(out_of cue lock)
for root in "$mount" "$old"; do
	[ -z "$root" ] || echo "$lock" >"$root/cgroup.procs"
done
v1=$old$(sed -n 's/^[0-9]*:freezer://p' "/proc/$pid/cgroup")/freezer.state
v2=$mount$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/cgroup.freeze
cue() { # no process is started for it
	local a b
	while [ -e cueing ]; do
		{ read -r a <"$v1"; } 2>/dev/null
		{ read -r b <"$v2"; } 2>/dev/null
		[[ $a = FR* || $b = 1 ]] || continue
		: >cue/merged/tmp/go
		return
	done
}
touch cueing
cue &
watcher=$!
collect cue 60 --pid "$pid" --profile "$scratch/memory.json" --stage 16M # and a file: slow
rm cueing
wait "$watcher"
sound cue 3
if [ "$(jq -r .memory.hold.method cue.x/collector/effects.json)" = none ]; then
	skip "cue: what was copied is kept" "its cgroup cannot be frozen here"
else
	if [ -e "cue.x/memory/$lock.core" ]; then
		skip "cue: one gap for the one that holds its lock" "it was read before it took it"
	else
		told cue lock "listing its memory"
	fi
	has cue before
	has cue after
	for who in before fill after; do
		is "cue: it stood still, and its registers are there ($who)" "$(jq -c \
			'[.frozen, any(.threads[]; .registers), [.mappings[].runs[]? | select(.live)] == []]' \
			"cue.x/memory/$(out_of cue "$who").json")" '[true,true,true]'
	done
fi
held cue
end cue
done_testing
