# SPDX-License-Identifier: Apache-2.0
# memory - what the tests share that take the memory of hostile targets. After lib.sh, in place of
# hostile_start:
#
#   memory_start
#   memory_target NAME SCRIPT [JQ]   a container that runs the shell lines, and 'hoard beat'; in
#                                    them 'run PROGRAM ARG...' waits until that says "ready", and
#                                    sets $last
#   take NAME SECONDS ARG...         collects it with the profile 'memory'
#   whole NAME RC...                 'sound', and a test: the target runs on as before
#   number NAME ARG1                 the host's number of its process with this first argument
#   told NAME PID JQ                 of PID.json
#   planted NAME ARG1 PROGRAM        a test: gdb finds its page (plant.h) in its core
#   ask NAME PID PROGRAM COMMAND...  what gdb answers to these
#   lost NAME KIND ERE               a test: such a gap of memory, a line "where: reason"
#   held_by NAME                     how it was held, of effects.json
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# shellcheck source=tests/hostile/lib.sh
. "${TOP:-$(dirname "$0")/../..}/tests/hostile/lib.sh"

PLANTED_AT=0x510000000000

memory_start() {
	hostile_start capsh gdb
}

memory_target() {
	target_make "$1" "${3:-}"
	target_run "$1" 'run() {
		"$@" >/tmp/out.${1##*/}.$2 2>&1 &
		last=$!
		until grep -q ready /tmp/out.${1##*/}.$2; do usleep 1000; done
	}
	run hoard beat /tmp/beat
	'"$2"'
	echo ready; exec sleep 1000' || fail "$1: the target starts" "$(cat "$1/bundle/log")"
}

take() {
	local name=$1 seconds=$2
	shift 2
	mounts_before=$(grep -cF "$scratch" /proc/self/mountinfo)
	collect "$name" "$seconds" --pid "$pid" --profile memory "$@"
	mounts_after=$(grep -cF "$scratch" /proc/self/mountinfo)
}

beats() {
	od -An -tu8 -N8 "/proc/$pid/root/tmp/beat"
}

beat_goes_on() {
	[ "$(beats)" != "$beat_was" ]
}

# Those of the target that are stopped, or traced by somebody else than its own 'actor traced'.
stopped() {
	local task
	for task in $(runc ps --format json "$(id_of "$1")" | jq '.[]'); do
		grep -qs '^State:.[tT]' "/proc/$task"/task/*/status && echo "$task is stopped"
		grep -qs '^TracerPid:.0$' "/proc/$task/status" || [ ! -e "/proc/$task" ] ||
			grep -qzs traced "/proc/$task/cmdline" || echo "$task is traced"
	done
}

frozen() {
	local path
	path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	grep -hs '^frozen 1' /sys/fs/cgroup/{,unified/}"$path/cgroup.events"
	path=$(sed -n 's/^[0-9]*:freezer://p' "/proc/$pid/cgroup")
	grep -hsv THAWED "/sys/fs/cgroup/freezer$path/freezer.state"
}

whole() {
	local wrong
	sound "$@"
	wrong=$(stopped "$1"; frozen)
	[ "$mounts_before" = "$mounts_after" ] || wrong+=" mounts: $mounts_before, then $mounts_after"
	beat_was=$(beats)
	wait_until beat_goes_on 2>/dev/null || wrong+=" its beat stands still"
	is "$1: the target runs on" "$wrong" ""
}

number() {
	jq -r --arg a "$2" '.processes[] | select(.argv[1] == $a).pid' "$1.x/process/tree.json" |
		head -n 1
}

told() {
	jq -c "$3" "$1.x/memory/$2.json"
}

ask() { # NAME PID PROGRAM COMMAND...
	local core=$1.x/memory/$2.core program=$3 args=() c
	shift 3
	for c in "$@"; do
		args+=(-ex "$c")
	done
	DEBUGINFOD_URLS='' timeout 60 gdb -nx -batch -iex 'set auto-load off' -ex 'set width 0' \
		"${args[@]}" "$program" "$core" 2>&1
}

planted() {
	like "$1: $3 $2: a debugger finds what is in its memory" \
		"$(ask "$1" "$(number "$1" "$2")" "$BIN/$3" "x/s $PLANTED_AT")" "\"planted in $2\""
}

lost() {
	like "$1: $2 $3" "$(jq -r --arg k "$2" '.gaps[] | select(.dumper == "memory" and .kind == $k) |
		"\(.where): \(.reason)"' "$1.x/manifest.json")" "$3"
}

held_by() {
	jq -r .memory.hold.method "$1.x/collector/effects.json"
}
