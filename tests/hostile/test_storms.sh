#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fork bombs that never pause. Who forks holds the lock of its memory, and among thousands keeps it
# for seconds: what needs that lock must not cost what does not.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh
LIMIT=$((64 << 10)) # KiB
SECONDS_MAX=12

storm() { # NAME LIMIT ACT...
	local name=$1
	export PIDS=$2
	shift 2
	target_make "$name" '.linux.resources.pids = {limit: ($ENV.PIDS | tonumber)}'
	mkdir -p "$name/upper/opt"
	echo still >"$name/upper/opt/still"
	target_run "$name" "actor $* >/dev/null & usleep 300000; echo ready; exec sleep 1000"
	read -r bomb _ <"/proc/$pid/task/$pid/children" # without a line feed
	is "$name: the storm has a first process" "$(cat "/proc/$bomb/comm")" actor
	collect "$name" $((SECONDS_MAX + 3)) --pid "$pid" --deadline "${SECONDS_MAX}s"
	sound "$name" 3
	sed -n 's/^ms /# ms: /p' "$name.report"
}

# Everything that is read of a process, of the one that matters most.
dossier() { # NAME
	local file missing=
	for file in stat status cgroup cmdline environ maps limits threads.json fds.json ns.json \
		info.json files.json; do
		[ -e "$1.x/process/$pid/$file" ] || missing+="$file "
	done
	is "$1: the dossier of its first process is complete" "$missing" ""
	is "$1: none of its gaps is about that" "$(jq -r --arg p "process/$pid/" \
		'.gaps[] | select((.member | startswith($p)) and .kind != "by_profile").member' \
		"$1.x/manifest.json")" ""
}

listed() { # NAME PID
	jq -e --argjson p "$2" 'any(.processes[]; .pid == $p and .start_ticks > 0 and .ppid > 0 and
		.comm != "")' "$1.x/process/tree.json"
}

others() { # NAME
	ok "$1: the dumpers after it had their time" tar -xOf "$1.x/filesystem/diff.tar" opt/still
	ok "$1: losses are counted, not listed" \
		test "$(jq '.gaps | length' "$1.x/manifest.json")" -lt 150
	peak "$1" "$LIMIT"
}

# --- as many as may be, each of which tries on
storm bomb 2000 bomb 0
for one in "$pid" "$bomb"; do
	ok "bomb: process $one is in the tree" listed bomb "$one"
done
ok "bomb: the tree has hundreds" test "$(jq '.processes | length' bomb.x/process/tree.json)" -gt 1500
oldest=$(jq -r '[.processes[] | select(.comm == "actor")] | sort_by(.start_ticks, .pid)[:8][].pid' \
	bomb.x/process/tree.json)
for one in $oldest; do
	[ -s "bomb.x/process/$one/status" ] && [ -s "bomb.x/process/$one/info.json" ] || echo "$one"
done >unread
is "bomb: the oldest are read" "$(cat unread)" ""
dossier bomb
others bomb
target_end bomb

# --- none that lives longer than it takes to have a child
storm churn 500 churn 200
ok "churn: its first process is in the tree" listed churn "$pid"
is "churn: each row has a number and a start" \
	"$(jq '[.processes[] | select(.pid <= 0 or .start_ticks <= 0)] | length' churn.x/process/tree.json)" 0
gap churn vanished process ''
dossier churn
others churn
target_end churn
done_testing
