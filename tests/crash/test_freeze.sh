#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
# The target is held still while its memory is copied: whoever is killed meanwhile, it runs again
# within a second, and nothing of ours stays. SEED=N repeats the moments, KILLS=N changes how many.
# shellcheck source=tests/crash/lib.sh disable=SC2154
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib/container.sh
. "$TOP/tests/lib/container.sh"

KILLS=${KILLS:-100}
MIB=${MIB:-192}
ticker=$BUILD/tests/tools/ticker
mount=$(awk '$9 == "cgroup2" || $8 == "cgroup2" { print $5; exit }' /proc/self/mountinfo)
old=$(awk '/ - cgroup / && /[ ,]freezer[, ]|,freezer$/ { print $5; exit }' /proc/self/mountinfo)
[ -x "$ticker" ] || skip_all "needs $ticker"
[ -n "$mount" ] || skip_all "no cgroup v2"
group=taphos-crash-$$
cgroup=$mount/$group
mkdir "$cgroup" 2>/dev/null || skip_all "no cgroup can be made"
[ -e "$cgroup/cgroup.freeze" ] || { rmdir "$cgroup"; skip_all "no cgroup.freeze"; }
mkdir out
cat >memory.json <<'END'
{"name": "memory-alone", "summary": "memory and nothing else", "dumpers": {"memory": {}}}
END

unshare -mpnif --kill-child --mount-proc "$ticker" ticks "$MIB" &
unshare=$!
disown
# shellcheck disable=SC2016 # expanded then
at_exit 'end_all; rm -rf "$TMPDIR"'
end_all() {
	echo 0 >"$cgroup/cgroup.freeze"
	[ -z "$old" ] || echo THAWED >"$old/$group/freezer.state" 2>/dev/null
	kill -9 "$unshare" 2>/dev/null
	hang_end
	rmdir "$cgroup"/*/ 2>/dev/null
	wait_until rmdir "$cgroup"
	[ ! -d "$old/$group" ] || wait_until rmdir "$old/$group"
}
hang_end() { :; }
wait_until test -s ticks
pid=$(cat "/proc/$unshare/task/$unshare/children")
pid=${pid%% *}
echo "$pid" >"$cgroup/cgroup.procs"

ticks() {
	od -An -tu8 -N8 ticks
}

runs() { # within a second
	local before i
	before=$(ticks)
	for i in {1..50}; do
		[ "$(ticks)" = "$before" ] || return 0
		sleep 0.02
	done
	return 1
}

frozen() { # by cgroup.events: no process is started for it
	local key value
	while read -r key value; do
		[ "$key" != frozen ] || break
	done <"$cgroup/cgroup.events"
	[ "$value" = 1 ]
}

ours() { # all that is left of a run, but for zombies: known by its arguments, or what it has open
	local p name
	for p in /proc/[0-9]*; do
		{ read -r name <"$p/comm"; } 2>/dev/null || continue
		case $name in taphos* | thaw-guard) ;; *) continue ;; esac
		grep -Eqs '^State:.[^ZX]' "$p/status" || continue
		grep -qs "$group" "$p/cmdline" ||
			[ -n "$(find "$p/fd" -lname "*$group*" 2>/dev/null)" ] || continue
		echo "${p#/proc/} $name"
	done
}

none_left() {
	[ -z "$(ours)" ]
}

collect() { # ARG...: in the background
	"$TAPHOS" collect --cgroup "/$group" --profile "$PWD/memory.json" --quiet --output out \
		--json "$@" >stdout 2>stderr &
	run=$!
}

effects() { # JQ: of the last bundle
	"$TAPHOS" inspect "$(bundle)" collector/effects.json | jq -r ".memory.hold | $1"
}

wait_until runs || skip_all "the target does not run"
collect
finish 60
is "undisturbed: exit" "$rc$(cat stderr)" 0
is "undisturbed: frozen by its cgroup" "$(effects '.method + " " + .cgroup')" "cgroup2 $group"
held=$(jq -r .frozen_ms stdout)
echo "# $MIB MiB: held for $held ms"
ok "for less than 2 s" [ "${held%.*}" -lt 2000 ]
is "what the result says is in the bundle" "$(effects .held_us)" "${held/./}"
is "and it runs" "$(runs && echo yes)" yes
none_left || fail "nothing of ours is left" "$(ours)"
rm -rf out/*

# --- killed while it is frozen ----------------------------------------------------------------
caught=0
for ((i = 0; i < KILLS; i++)); do
	collect
	while ! frozen && kill -0 "$run" 2>/dev/null; do :; done
	workers=$(children)
	pause "$(moment "$((${held%.*} / 2))")"
	! frozen || caught=$((caught + 1))
	case $((i % 4)) in
	0) victims=$run ;;
	1) victims=$(child capture) ;;
	2) victims="$run $workers" ;; # and one guard
	3) victims="$run $(child capture)" ;;
	esac
	if [ $((i % 4)) = 2 ]; then
		spared=$(for p in $workers; do grep -ls thaw-guard "/proc/$p/comm"; done | head -n 1)
		spared=${spared#/proc/}
		spared=${spared%/comm}
		victims=${victims/ $spared/}
	fi
	# shellcheck disable=SC2086
	kill -9 $victims 2>/dev/null
	since=$(now_ms)
	if ! runs; then
		problem "kill $i of $victims: it stands still: $(cat "$cgroup/cgroup.events")"
		echo 0 >"$cgroup/cgroup.freeze"
	fi
	[ $(($(now_ms) - since)) -le 1000 ] || problem "kill $i: $(($(now_ms) - since)) ms"
	wait "$run" 2>/dev/null
	! frozen || problem "kill $i: frozen at the end"
	wait_until none_left || problem "kill $i: $(ours) is left"
	rm -rf out/*
done
echo "# $caught of $KILLS while it was frozen"
no_problem "killed $KILLS times: it ran again within a second, and nothing was left"
ok "most kills came while it was frozen" [ "$caught" -ge $((KILLS / 2)) ]

# --- one worker is killed: the rest goes on -----------------------------------------------------
for ((i = 0; i < 5; i++)); do
	collect
	while ! frozen && kill -0 "$run" 2>/dev/null; do :; done
	kill -9 "$(child capture)" 2>/dev/null
	finish 30
	said=$("$EXAMINE" "$(bundle)")
	case "$rc $said" in
	"3 SEALED" | "0 SEALED") ;;
	*) problem "capture $i: exit $rc, $said: $(cat stderr)" ;;
	esac
	[ "$rc" = 0 ] || gaps "$(bundle)" | grep -q 'killed by signal 9' || problem "capture $i: no gap"
	runs || problem "capture $i: it stands still"
	rm -rf out/*
done
no_problem "the capture worker killed: thawed, a gap, SEALED"

# --- the engine is stopped: the guards thaw -----------------------------------------------------
collect --max-freeze 500ms
while ! frozen && kill -0 "$run" 2>/dev/null; do :; done
kill -STOP "$run"
ok "the engine stands still: the guards thaw" wait_until runs
kill -CONT "$run"
finish 30
is "and it ends as ever" "$("$EXAMINE" "$(bundle)")" SEALED
wait_until none_left || fail "nothing of ours is left" "$(ours)"
rm -rf out/*

# --- paused by somebody else ----------------------------------------------------------------------
echo 1 >"$cgroup/cgroup.freeze"
wait_until frozen
collect
finish 60
is "paused before: exit" "$rc" 0
ok "it stays paused" frozen
is "nothing was held by us" "$(effects '"\(.frozen_before) \(.held_us)"')" "true 0"
rm -rf out/*
collect
await_child capture && kill -9 "$run"
wait "$run" 2>/dev/null
wait_until none_left
ok "also when we are killed" frozen
echo 0 >"$cgroup/cgroup.freeze"
ok "and runs when it is resumed" runs
rm -rf out/*

# --- we have a cgroup namespace of our own, as in a pod ---------------------------------------------
mkdir "$cgroup/ours" "$cgroup/theirs"
echo "$pid" >"$cgroup/theirs/cgroup.procs"
sh -c 'echo $$ >"$1/ours/cgroup.procs"; exec unshare -C "$2" collect --cgroup "/$3/theirs" \
	--profile memory.json --quiet --output out --json' - "$cgroup" "$TAPHOS" "$group" >stdout 2>stderr
is "seen from beside: frozen by its cgroup" "$(effects '.method + " " + .cgroup')" "cgroup2 $group/theirs"
ok "and it runs" runs
echo "$pid" >"$cgroup/cgroup.procs"
wait_until rmdir "$cgroup/ours" "$cgroup/theirs"
rm -rf out/*

# --- not to be frozen ---------------------------------------------------------------------------
collect --freeze never
finish 60
is "never: it was not held" "$rc $(effects '"\(.method) \(.held_us)"')" "0 none 0"
rm -rf out/*

if [ -c /dev/fuse ] && cc -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O1 -pthread \
	-o hangfs "$TOP/tests/hostile/hangfs.c" 2>/dev/null; then
	mkdir hang
	unshare -m --propagation private ./hangfs hang read hang.ready &
	hangfs=$!
	disown
	hang_end() {
		kill -9 "$hangfs" "$stuck" 2>/dev/null
	}
	wait_until test -e hang.ready
	nsenter -m -t "$hangfs" sh -c "echo \$\$ >'$cgroup/cgroup.procs'; exec cat '$PWD/hang/f'" \
		>/dev/null 2>&1 &
	stuck=$!
	disown
	wait_until grep -q fuse "/proc/$stuck/wchan" || sleep 0.5
	collect
	finish 60
	is "a task that does not freeze: exit" "$rc" 3
	like "it is said" "$(gaps "$(bundle)")" "^changed a task did not freeze.*thawed again"
	is "it ran on" "$(runs && frozen || echo yes)" yes
	is "not held" "$(effects .method)" none
	ok "given up in time" [ "$took_ms" -lt 8000 ]
	rm -rf out/*
	collect --freeze always
	finish 60
	is "always: exit" "$rc" 3
	like "always: no memory then" "$(gaps "$(bundle)")" "^refused it could not be frozen"
	hang_end
else
	skip "a task that does not freeze" "no FUSE here"
fi
rm -rf out/*

# --- the freezer of v1 ----------------------------------------------------------------------------
if [ -n "$old" ] && mkdir "$old/$group" 2>/dev/null; then
	echo "$pid" >"$mount/cgroup.procs"
	echo "$pid" >"$old/$group/cgroup.procs"
	for ((i = 0; i < 8; i++)); do
		collect
		until grep -qs '^FROZEN' "$old/$group/freezer.state"; do
			kill -0 "$run" 2>/dev/null || break
		done
		[ $((i % 2)) = 0 ] || kill -9 "$run"
		runs || problem "v1 $i: it stands still"
		wait "$run" 2>/dev/null
		wait_until none_left || problem "v1 $i: $(ours) is left"
		[ $((i % 2)) = 1 ] || [ "$(effects .method)" = cgroup1 ] || problem "v1 $i: $(effects .method)"
		rm -rf out/*
	done
	no_problem "v1: frozen, killed, thawed"
else
	skip "v1: frozen, killed, thawed" "no freezer of v1"
fi

# --- no cgroup of its own: every thread is held -----------------------------------------------------
bare() {
	"$TAPHOS" collect --pid "$pid" --profile "$PWD/memory.json" --quiet --output out --json \
		>stdout 2>stderr &
	run=$!
}

traced() {
	grep -q '^State:.t' "/proc/$pid/status"
}

bare
finish 60
is "no cgroup of its own: held by ptrace" "$rc $(effects '"\(.method) \(.held_us > 0)"')" "0 ptrace true"
ok "and it runs" runs
caught=0
for i in {1..16}; do
	rm -rf out/*
	bare
	while ! traced && kill -0 "$run" 2>/dev/null; do :; done
	! traced || caught=$((caught + 1))
	victims=$run
	[ $((i % 2)) = 0 ] || victims=$(child capture)
	[ $((i % 4)) -lt 2 ] || victims="$victims $run $(child capture)"
	# shellcheck disable=SC2086
	kill -9 $victims 2>/dev/null
	runs || problem "ptrace $i: it stands still: $(grep State "/proc/$pid/status")"
	wait "$run" 2>/dev/null
	wait_until none_left || problem "ptrace $i: $(ours) is left"
	is_traced=$(awk '/^TracerPid/ { print $2 }' "/proc/$pid/status")
	[ "$is_traced" = 0 ] || problem "ptrace $i: traced by $is_traced"
done
echo "# $caught of 16 while it was held"
no_problem "killed while it held the threads: they run within a second, traced by nobody"
ok "most of them came in time" [ "$caught" -ge 8 ]
done_testing
