#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
# A run that is killed, stopped or asked to stop at any moment: what it leaves verifies, and
# nothing of it stays behind. SEED=N repeats the moments, KILLS=N changes how many.
# shellcheck source=tests/crash/lib.sh disable=SC2154
. "$(dirname "$0")/lib.sh"

KILLS=${KILLS:-200}
target 32
start --output out
finish 60
is "undisturbed: exit" "$rc" 0
is "undisturbed: SEALED" "$("$EXAMINE" --second "$(bundle)")" SEALED
full_ms=$took_ms
rm -rf out/*
mounts=$(wc -l <"/proc/$pid/mountinfo")

# --- SIGKILL of the engine ------------------------------------------------------------------
declare -A seen=()
for ((i = 0; i < KILLS; i++)); do
	start --output out
	pause "$(moment $((full_ms + full_ms / 20)))"
	ours=$(children)
	kill -9 "$run" 2>/dev/null
	wait "$run" 2>/dev/null
	# shellcheck disable=SC2086
	left=$(alive $ours)
	[ -z "$left" ] || problem "kill $i: $left are still there"
	left=$(bundle)
	said=none
	if [ -n "$left" ]; then
		second=
		[ $((i % 8)) != 0 ] || second=--second
		said=$("$EXAMINE" $second "$left") || problem "kill $i: $said"
		# whole, and killed before it got its name
		[ "$said" = SEALED ] && [ "$left" != "${left%.partial}" ] && said=UNNAMED
		[ "$said" != INTERRUPTED ] || [ "$left" != "${left%.partial}" ] || problem "kill $i: $left is $said"
	fi
	seen[$said]=$((${seen[$said]:-0} + 1))
	[ $i = $((KILLS - 1)) ] || rm -rf out/*
done
for said in "${!seen[@]}"; do echo "# ${seen[$said]} of $KILLS: $said"; done
no_problem "killed $KILLS times: never BAD, never SEALED without being whole, no process left"
ok "most kills came in the middle" [ $((${seen[INTERRUPTED]:-0} + ${seen[NOTHING]:-0})) -ge $((KILLS / 4)) ]
is "no mount of ours is left" "$(grep -c "$TMPDIR" /proc/self/mountinfo)" 0
is "nor in the target" "$(wc -l <"/proc/$pid/mountinfo")" "$mounts"
mkdir -p out/next
mv out/*.tar* out/next/ 2>/dev/null
start --output out/next
finish 60
is "the next run works in the same folder" "$rc $("$EXAMINE" "$(cat stdout)")" "0 SEALED"
rm -rf out/*

# --- SIGKILL of the writer ------------------------------------------------------------------
for ((i = 0; i < 8; i++)); do
	start --output out
	await_child writer || { wait "$run"; continue; }
	pause "$(moment "$full_ms")"
	kill -9 "$found" 2>/dev/null
	finish 20
	left=$(bundle)
	case $rc in
	0) ;;
	1) [ -z "$left" ] || problem "writer $i: exit 1 and $left"
		grep -Eq 'nothing was collected: .*(killed by signal 9|ended unexpectedly)' stderr || problem "writer $i: $(cat stderr)" ;;
	3) said=$("$EXAMINE" "$left") || problem "writer $i: $said"
		if [ "$said" != SEALED ]; then
			grep -Eq 'killed by signal 9|ended unexpectedly' stderr || problem "writer $i: $(cat stderr)"
		fi ;;
	*) problem "writer $i: exit $rc" ;;
	esac
	rm -rf out/*
done
no_problem "the writer killed: exit 3, or 1 and nothing left; it says so"

# --- SIGKILL of workers ---------------------------------------------------------------------
for name in process network filesyst filesyst filesyst; do
	start --output out
	if ! await_child $name; then
		wait "$run"
		rm -rf out/*
		continue
	fi
	[ $name != filesyst ] || pause "$(moment $((full_ms / 4)))"
	kill -9 "$found" 2>/dev/null
	finish 20
	left=$(bundle)
	said=$("$EXAMINE" "$left") || problem "$name: $said"
	losses=$(gaps "$left" | grep -c 'killed by signal 9')
	case "$rc $said $losses" in # one for the worker, one for the member it was in
	"3 SEALED 1" | "3 SEALED 2" | "0 SEALED 0") ;;
	*) problem "$name: exit $rc, $said, $losses gaps: $(cat stderr)" ;;
	esac
	rm -rf out/*
done
no_problem "a worker killed: a gap, SEALED, exit 3"

# --- asked to stop --------------------------------------------------------------------------
stopped=0
for ((i = 0; i < 20; i++)); do
	sig=TERM
	[ $((i % 2)) = 0 ] || sig=INT
	start --output out
	pause "$(moment "$full_ms")"
	kill -$sig "$run" 2>/dev/null
	finish 20
	left=$(bundle)
	[ "$took_ms" -le 10000 ] || problem "$sig $i: took $took_ms ms"
	if [ -z "$left" ]; then # before anything was open
		[ "$rc" -gt 128 ] || problem "$sig $i: exit $rc and no bundle: $(cat stderr)"
		continue
	fi
	said=$("$EXAMINE" "$left") || problem "$sig $i: $said"
	how=$(verdict_of "$left")
	[ "$how" != interrupted ] || stopped=$((stopped + 1))
	case "$rc $said $how" in
	"3 SEALED interrupted" | "0 SEALED complete") ;;
	*) problem "$sig $i: exit $rc, $said, $how" ;;
	esac
	rm -rf out/*
done
echo "# $stopped of 20 were stopped"
no_problem "SIGTERM and SIGINT: a sealed bundle, interrupted, exit 3, within 10 s"
ok "some came in time" [ "$stopped" -ge 3 ]

nohup "$TAPHOS" collect --pid "$pid" --quiet --output out >stdout 2>stderr &
run=$!
await_child writer && kill -HUP "$run"
finish 20
is "SIGHUP under nohup does not stop it" "$rc $(verdict_of "$(bundle)")" "0 complete"
rm -rf out/*

# --- stopped and continued ------------------------------------------------------------------
start --output out
await_child filesyst
kill -STOP "$run"
sleep 1.5
kill -CONT "$run"
finish 20
is "the engine paused" "$rc $("$EXAMINE" "$(bundle)")" "0 SEALED"
rm -rf out/*

start --output out
await_child filesyst
writer=$(child writer)
kill -STOP "$writer"
sleep 6
kill -CONT "$writer"
finish 20
is "the writer paused for longer than a stall" "$rc $(gaps "$(bundle)")" "0 "
rm -rf out/*

start --output out
await_child filesyst
ours="$run $(children)"
# shellcheck disable=SC2086
kill -STOP $ours
sleep 6
kill -CONT "$run"
sleep 0.2
# shellcheck disable=SC2086
kill -CONT $ours 2>/dev/null
finish 20
is "all of it frozen for longer than a stall" "$rc $(gaps "$(bundle)")" "0 "
rm -rf out/*
done_testing
