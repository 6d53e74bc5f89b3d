# SPDX-License-Identifier: Apache-2.0
# lib - what the crash tests share: a target of our own, random moments that can be repeated
# (SEED=N), and who is left of a run.
# shellcheck shell=bash disable=SC2034
. "${TOP:-$(dirname "${BASH_SOURCE[0]}")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1
[ "$(id -u)" = 0 ] || skip_all "not root"
command -v busybox zstd jq >/dev/null || skip_all "needs busybox, zstd and jq"

SEED=${SEED:-1}
RANDOM=$SEED
echo "# SEED=$SEED"
EXAMINE=$TOP/tests/crash/examine.py

target() { # MB: a process in namespaces of its own, with so much in the files of its root
	local i
	mkdir -p rootfs/bin rootfs/data out
	cp "$(command -v busybox)" rootfs/bin/
	for i in {1..16}; do
		head -c "$(($1 * 1024 / 16))K" /dev/urandom >"rootfs/data/$i"
	done
	: >ready
	unshare -mpnif --kill-child --root rootfs \
		/bin/busybox sh -c 'echo ready; exec /bin/busybox sleep 1000' >ready 2>&1 &
	unshare=$!
	disown
	# shellcheck disable=SC2016 # expanded then
	at_exit 'kill -9 $unshare 2>/dev/null; cleanup; rm -rf "$TMPDIR"'
	until grep -q ready ready; do sleep 0.05; done
	pid=$(cat "/proc/$unshare/task/$unshare/children")
	pid=${pid%% *}
	until [ "$(cat "/proc/$pid/comm")" = busybox ] && ! grep -q '^sh' "/proc/$pid/cmdline"; do sleep 0.05; done
}

cleanup() { :; }

now_ms() {
	local t=${EPOCHREALTIME/./}
	echo $((t / 1000))
}

pause() { # MS
	sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

moment() { # MS: a random time below
	echo $(((RANDOM * 32768 + RANDOM) % ($1 + 1)))
}

start() { # ARGS: a run in the background, as a person at a terminal would have it
	env --default-signal=INT "$TAPHOS" collect --pid "$pid" --quiet "$@" >stdout 2>stderr &
	run=$!
}

children() { # of the run, as they are now
	cat "/proc/$run/task/$run/children" 2>/dev/null
}

child() { # ERE: the first child of that name
	local c
	for c in $(children); do
		grep -Eqs "^taphos-($1)" "/proc/$c/comm" && { echo "$c"; return 0; }
	done
	return 1
}

await_child() { # ERE: sets found; fails when the run is over before
	until found=$(child "$1"); do
		kill -0 "$run" 2>/dev/null || return 1
		sleep 0.005
	done
}

# PID...: those that are neither gone nor zombies, 10 s later at most: one that is flushing to a
# busy disk dies when that is done.
alive() {
	local p left i
	for i in {1..500}; do
		left=
		for p in "$@"; do
			grep -qs '^State:.[^ZX]' "/proc/$p/status" &&
				grep -qs '^taphos' "/proc/$p/comm" &&
				left="$left $p $(cat "/proc/$p/comm" "/proc/$p/wchan" 2>/dev/null | tr '\n' ' ')"
		done
		[ -n "$left" ] || return 0
		sleep 0.02
	done
	echo "$left"
}

finish() { # SECONDS: waits for the run; sets rc and took_ms
	local since
	since=$(now_ms)
	(sleep "$1" && kill -9 "$run") 2>/dev/null &
	local watchdog=$!
	disown
	wait "$run" 2>/dev/null
	rc=$?
	took_ms=$(($(now_ms) - since))
	kill "$watchdog" 2>/dev/null
}

bundle() { # what the run left in out/, "" when nothing
	find out -name '*.tar.zst' -o -name '*.tar.zst.partial' | head -n 1
}

gaps() { # BUNDLE: its losses, "kind reason" a line
	"$TAPHOS" inspect "$1" manifest.json 2>/dev/null | jq -r '.gaps[] |
		select(.kind != "by_profile" and .kind != "special_file") | .kind + " " + .reason'
}

verdict_of() { # BUNDLE
	"$TAPHOS" inspect "$1" manifest.json 2>/dev/null | jq -r .verdict
}

problems=
problem() { # TEXT
	problems="$problems$*
"
}

no_problem() { # NAME
	is "$1" "$problems" ""
	problems=
}
