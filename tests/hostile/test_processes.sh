#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Processes that come, go, hide, lie, or do not let themselves be looked at.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh python3
LIMIT=$((64 << 10)) # KiB
NOFILE=$(ulimit -Hn)
export NOFILE

tree() { # NAME JQ: of the rows of its processes
	jq -r "[.processes[] | $2] | join(\" \")" "$1.x/process/tree.json"
}

file_of() { # NAME PID MEMBER
	cat "$1.x/process/$2/$3"
}

background='run() {
	"$@" >/tmp/out.${1##*/}.$2 &
	last=$!
	until grep -q ready /tmp/out.${1##*/}.$2; do usleep 1000; done
}
'

# --- what hides or lies
target_make hide
mkdir -p hide/upper/opt
target_run hide "$background"'
run actor leader
run actor nodump
run actor uffd
run actor traced
run actor spoof
cp /bin/actor /opt/deleted
run /opt/deleted wait
rm /opt/deleted
run actor memfd
unshare -p -f /bin/actor wait nested >/tmp/nested &
setsid /bin/actor wait daemon >/tmp/daemon &
until grep -q ready /tmp/nested && grep -q ready /tmp/daemon; do usleep 1000; done
echo ready; exec sleep 1000' 
# one leaves its cgroups, as a process with the rights for it can
daemon=$(for proc in /proc/[0-9]*; do
	grep -qzs daemon "$proc/cmdline" && [ "$(cat "$proc/comm")" = actor ] && echo "${proc#/proc/}"
done)
for hierarchy in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do
	[ ! -e "$hierarchy" ] || echo "$daemon" >"$hierarchy" 2>/dev/null
done
collect hide 60 --pid "$pid"
sound hide 0 3
is "hide: all are there" "$(tree hide 'select(.comm != "sh") | .argv[1:] | join(",")' | tr ' ' '\n' |
	grep -cE '^(leader|nodump|uffd|traced|wait|wait,fileless|wait,nested|wait,daemon)$')" 9
like "hide: a leader that ended" "$(jq -c '.processes[] | select(.argv[1] == "leader")' \
	hide.x/process/tree.json)" '"exe":"/bin/actor".*leader'
like "hide: one that left the cgroup" "$(jq -c '.processes[] | select(.argv[2] == "daemon") | .why' \
	hide.x/process/tree.json)" '^\["pidns"'
is "hide: one in a PID namespace of its own has three numbers" \
	"$(jq -r '.processes[] | select(.argv[2] == "nested" and .comm == "actor") | .pid_levels' \
		hide.x/process/tree.json)" 3
spoofed=$(jq -r '.processes[] | select(.comm | startswith("kworker")) | .pid' hide.x/process/tree.json)
is "hide: who says it is a kernel thread has a program" \
	"$(jq -r '.files[] | select(.source == "exe").link' "hide.x/process/$spoofed/files.json")" /bin/actor
is "hide: two programs without a name are kept" \
	"$(find hide.x/process -name exe.bin -exec cmp -s {} "$BIN/actor" \; -print | wc -l)" 2
ok "hide: the maps of one that is not dumpable" test -s "hide.x/process/$(
	jq -r '.processes[] | select(.argv[1] == "nodump").pid' hide.x/process/tree.json)/maps"
target_end hide

# --- what comes, goes and changes meanwhile
target_make move
target_run move "$background"'
run actor execs
run actor exits
run actor reuse
run actor wait still
echo ready; exec sleep 1000'
for _ in 1 2 3 4 5; do
	collect move 60 --pid "$pid"
	sound move 0 3
	is "move: who stays is there" "$(tree move 'select(.argv[2] == "still") | .argv[2]')" still
	# a process is one: what its members say is of the same start
	while read -r one start; do
		[ ! -e "move.x/process/$one/stat" ] ||
			[ "$(sed 's/.*) //' "move.x/process/$one/stat" | cut -d' ' -f20)" = "$start" ] || echo "$one"
	done < <(jq -r '.processes[] | select(.pid) | "\(.pid) \(.start_ticks)"' move.x/process/tree.json) >mixed
	is "move: no row is of another process than its files" "$(cat mixed)" ""
done
target_end move

# --- a fork bomb as large as the limit lets it be
target_make bomb '.linux.resources.pids = {limit: 400}'
target_run bomb 'actor bomb 500000 >/dev/null & usleep 500000; echo ready; exec sleep 1000'
collect bomb 120 --pid "$pid"
sound bomb 0 3
ok "bomb: hundreds are there" test "$(tree bomb .pid | wc -w)" -gt 200
peak bomb "$LIMIT"
target_end bomb

# ... that takes all the time there is
target_make busy '.linux.resources.pids = {limit: 200}'
target_run busy 'actor bomb 1000 >/dev/null & usleep 500000; echo ready; exec sleep 1000'
collect busy 14 --pid "$pid" --deadline 10s
sound busy 0 3
target_end busy

# --- 100,000 descriptors, or as many as we may
most=$(($(ulimit -Hn) - 100))
[ "$most" -lt 100000 ] || most=100000
target_make fds '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: $ENV.NOFILE | tonumber, hard: $ENV.NOFILE | tonumber}]'
target_run fds "actor hold $most >/tmp/out & until grep -q ready /tmp/out; do usleep 10000; done
echo ready; exec sleep 1000"
collect fds 120 --pid "$pid"
sound fds 0 3
holder=$(jq -r '.processes[] | select(.argv[1] == "hold").pid' fds.x/process/tree.json)
ok "fds: a row for each of $most" test "$(grep -c /dev/null "fds.x/process/$holder/fds.json")" -ge "$most"
peak fds "$LIMIT"
target_end fds
done_testing
