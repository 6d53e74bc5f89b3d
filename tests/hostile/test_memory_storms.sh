#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Memory that does not keep still, and as much of it, or of threads, as may be: frozen, and while
# the target runs on.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/memory.sh
. "$(dirname "$0")/memory.sh"
memory_start
LIMIT=$((64 << 10)) # KiB

# Whatever went, went by itself: nothing else is lost.
gone_only() { # NAME WHAT
	is "$1, $2: what is lost had gone, and says so" "$(jq -c '.gaps[] |
		select(.dumper == "memory" and (.kind |
			IN("vanished", "not_present", "changed", "by_profile") | not))' \
		"$1.x/manifest.json")" ""
}

registers() { # NAME ARG1
	told "$1" "$(number "$1" "$2")" '"\(.totals.threads) \(.totals.threads_without_registers)"'
}

# --- maps, unmaps, moves, drops and protects without pause
memory_target churn 'run hoard churn'
for freeze in never auto; do
	take churn 60 --freeze $freeze
	whole churn 0 3
	gone_only churn $freeze
	planted churn churn hoard
	pid_of=$(number churn churn)
	ok "churn, $freeze: most of it is there" test "$(told churn "$pid_of" .totals.dumped)" -gt $((8 << 20))
	is "churn, $freeze: nothing failed" "$(told churn "$pid_of" .totals.failed)" 0
	own churn "$LIMIT"
done
is "churn, auto: all of it stood still" \
	"$(told churn "$pid_of" '"\(.frozen) \(.totals.of_dumped_live) \(.totals.not_present)"')" '"true 0 0"'
is "churn, auto: its threads have registers" "$(registers churn churn)" '"2 0"'
target_end churn

# --- processes with memory that come and go
memory_target forks 'run hoard forks 40 2048'
for freeze in never auto; do
	take forks 60 --freeze $freeze
	whole forks 0 3
	gone_only forks $freeze
	planted forks forks hoard
	own forks "$LIMIT"
done
# also of those born just before
is "forks, auto: of who stood still, all that was there is dumped" \
	"$(cat forks.x/memory/[0-9]*.json |
		jq -s 'map(select(.frozen).totals | .failed + .over_budget + .of_dumped_live +
			.not_present) | add')" 0
ok "forks, auto: children too" test "$(find forks.x/memory -name '*.core' | wc -l)" -gt 3
target_end forks

# --- an ordinary one, with programs that come and go: nothing of it is lost
memory_target busy '(while :; do true | cat; usleep 100; /bin/true; done) & run hoard fill 8'
for i in 1 2 3 4; do
	take busy 60
	whole busy 0 3
	is "busy, $i: nothing of its memory is lost" "$(jq -c '.gaps[] | select(.dumper == "memory" and
		(.kind | IN("by_profile", "special_file") | not))' busy.x/manifest.json)" ""
	planted busy fill hoard
done
target_end busy

# --- what the kernel ends for its memory while it is read
memory_target oom 'run hoard oom' '.linux.resources.memory = {limit: 67108864}'
for freeze in never auto; do
	take oom 60 --freeze $freeze
	whole oom 0 3
	gone_only oom $freeze
	planted oom oom hoard
done
target_end oom

# --- a group that has all it may have: reading makes it no larger, and ends nobody
group() {
	local path
	path=$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup")
	[ -z "$path" ] || { echo "/sys/fs/cgroup/memory$path"; return; }
	path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	[ ! -e "/sys/fs/cgroup$path/memory.current" ] || echo "/sys/fs/cgroup$path"
}

fact() { # V1 V2 [KEY]: of the group, a number
	local file=$group/$1
	[ -e "$file" ] || file=$group/$2
	if [ $# = 3 ]; then
		awk -v key="$3" '$1 == key { print $2 }' "$file"
	else
		cat "$file"
	fi
}

facts() { # of pages, of refusals, of ends
	usage=$(fact memory.usage_in_bytes memory.current)
	refused=$(fact memory.failcnt memory.events max)
	ended=$(fact memory.oom_control memory.events oom_kill)
}

memory_target full 'run hoard full /tmp/data 48' '.linux.resources.memory = {limit: 67108864}'
group=$(group)
if [ -n "$group" ]; then
	# what is left to it: the file can go, but not the memory
	small=$((50 << 20))
	for file in memory.limit_in_bytes memory.max; do
		[ ! -e "$group/$file" ] || echo $((small + (4 << 20))) >"$group/$file"
	done
	for freeze in never auto; do
		facts
		before=$usage refused_before=$refused ended_before=$ended
		take full 60 --freeze $freeze
		facts
		whole full 0 3
		missing=$(jq -c '.gaps[] | select(.kind != "by_profile")' full.x/manifest.json)
		is "full, $freeze: nothing is lost" "$missing" ""
		planted full full hoard
		ok "full, $freeze: the group grew by $((usage - before)) bytes" \
			test $((usage - before)) -le $((1 << 20))
		is "full, $freeze: it was refused nothing, and nobody was ended" \
			"$((refused - refused_before)) $((ended - ended_before))" "0 0"
	done
else
	skip "full" "no cgroup of memory"
fi
target_end full

# --- 30,000 threads, or as many as may be
memory_target threads 'run hoard threads 30000; cat /tmp/out.hoard.threads'
there=$(sed -n 's/ threads$//p' threads/bundle/log)
echo "# $there threads"
take threads 110 --max-freeze 30s
whole threads 0 3
read -r with without <<<"$(registers threads threads | tr -d '"')"
is "threads: each is there" "$with" "$there"
lost=$(jq -c '.gaps[] | select(.dumper == "memory")' threads.x/manifest.json)
if [ "$without" = 0 ]; then
	is "threads: nothing of its memory is lost" "$lost" ""
else
	like "threads: those without registers are a gap" "$lost" "registers of $without of $there threads"
fi
ok "threads: some have registers" test "$without" -lt "$there"
# a debugger takes minutes for all of them
is "threads: as many have notes in the core" "$(readelf -nW "threads.x/memory/$(
	number threads threads).core" | grep -c NT_PRSTATUS)" "$((there - without))"
own threads "$LIMIT"
target_end threads
done_testing
