# SPDX-License-Identifier: Apache-2.0
# lib - what the tests against hostile targets share. A test sources it first:
#
#   hostile_start [TOOL...]       root, tools, a scratch folder, the hostile programs in $BIN
#   target_make NAME [JQ]         a container of runc on an overlay, with every right; files go
#                                 into NAME/upper and NAME/lower first. JQ edits its config.json
#   target_run NAME COMMAND       starts it with a shell command; waits until that says "ready"
#                                 in its log; $pid is its first process
#   target_end NAME
#   collect NAME SECONDS ARG...   runs 'taphos collect' to NAME.tar.zst, for no more than SECONDS;
#                                 sets $rc, writes NAME.err; then extracts it to NAME.x
#   sound NAME RC...              a test: it ended in time with one of these exit codes, verifies
#                                 as sealed, has no byte of the host and left nothing behind
#   gap NAME KIND DUMPER WHERE    a test: such a gap is in the manifest (WHERE is an ERE)
#   no_loss NAME                  a test: no gap is
#   row NAME JQ                   of the rows of the file system
#   peak NAME KB                  a test: none of its processes had more memory at once
#   own NAME KB                   a test: nor besides shared memory, as seen every 5 ms
#
# $MARKER is a text in files of the host that a hostile target points at: $HOSTFILE, $HOSTDIR.
# A stuck process keeps its descriptors: nothing here waits for the end of a pipe.
# shellcheck shell=bash disable=SC2016,SC2034
# shellcheck source=tests/tap.sh
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
# shellcheck source=tests/lib/container.sh
. "$TOP/tests/lib/container.sh"

hostile_start() {
	local tool
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	for tool in cc runc busybox jq zstd "$@"; do
		command -v "$tool" >/dev/null || skip_all "needs $tool"
	done
	container_trap
	scratch=$(container_scratch) || skip_all "needs a disk that can hold layers"
	container_atexit rm -rf "$scratch"
	cd "$scratch" || exit 1
	BIN=$scratch/bin
	mkdir "$BIN" out
	for tool in "$TOP"/tests/hostile/*.c; do
		cc -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O1 -static -pthread \
			-o "$BIN/$(basename "$tool" .c)" "$tool" || skip_all "$tool does not compile"
	done
	MARKER=host-marker-$(od -An -tx8 -N8 /dev/urandom | tr -d ' ')
	HOSTDIR=/etc/taphos-hostile-$$
	HOSTFILE=$HOSTDIR/secret
	container_atexit rm -rf "$HOSTDIR"
	mkdir "$HOSTDIR"
	echo "$MARKER" >"$HOSTFILE"
}

id_of() {
	echo "hostile-$$-$1"
}

target_make() {
	local caps
	read -ra caps < <(every_capability)
	container_rootfs "$1/lower"
	cp "$BIN"/{actor,flood,hangfs,hoard,storm} "$1/lower/bin"
	mkdir -p "$1/upper" "$1/bundle"
	container_bundle "$1/bundle" "$scratch/$1/merged" /bin/sh /bin/start
	container_edit "$1/bundle" '.process.capabilities |= with_entries(.value = $ARGS.positional) |
		.process.noNewPrivileges = false | del(.linux.maskedPaths, .linux.readonlyPaths) |
		.linux.resources.devices = [{allow: true, access: "rwm"}]' --args "${caps[@]}"
	[ -z "${2:-}" ] || container_edit "$1/bundle" "$2"
}

every_capability() {
	capsh --print | sed -n 's/^Bounding set =//p' | tr a-z, 'A-Z '
}

target_run() {
	[ -d "$1/merged" ] || container_overlay "$scratch/$1" || return
	echo "$2" >"$1/lower/bin/start"
	container_run runc "$(id_of "$1")" "$1/bundle" || return
	wait_until grep -q ready "$1/bundle/log"
	pid=$(container_pid runc "$(id_of "$1")")
}

target_end() {
	container_delete runc "$(id_of "$1")"
}

collect() {
	local name=$1 seconds=$2
	shift 2
	rm -rf "$name.x" "out/$name"
	mkdir -p "out/$name" "$name.x"
	"$BIN/deadline" "$seconds" "$name.report" "$TAPHOS" collect \
		--output "out/$name/bundle.tar.zst" "$@" >"$name.out" 2>"$name.err" </dev/null
	rc=$?
	zstd -dqcf "out/$name/bundle.tar.zst" 2>/dev/null |
		tar -x -C "$name.x" --strip-components 1 2>"$name.tar"
}

faults() { # NAME RC...: what 'sound' has to say against it
	local name=$1 word left
	shift
	[[ " $* " = *" $rc "* ]] || echo "exit $rc, wanted $*"
	word=$("$TAPHOS" verify "out/$name/bundle.tar.zst" 2>&1)
	[[ $word = *SEALED* ]] || echo "verify: $word"
	left=$(cd "out/$name" && echo *)
	[ "$left" = "bundle.tar.zst bundle.tar.zst.sha256 bundle.tar.zst.sig" ] ||
		echo "left beside it: $left"
	[ -s "$name.x/manifest.json" ] || echo "no manifest"
	! grep -rlaF -- "$MARKER" "$name.x" || echo "bytes of the host"
	left=$(left_of "$name")
	[ -z "$left" ] || [ -n "${may_be_stuck:-}" ] || echo "left behind: $left"
}

# Those that only wait for the kernel to let them end are gone in a moment.
left_of() {
	local left
	sed -n 's/^left //p' "$1.report" | while read -r left; do
		WAIT=2 wait_until test ! -e "/proc/$left" 2>/dev/null || ps -o pid=,stat=,comm= -p "$left"
	done
}

sound() {
	local name=$1 found
	found=$(faults "$@")
	if [ -z "$found" ]; then
		pass "$name: ends in time, sealed, nothing of the host, nothing left behind"
	else
		fail "$name: ends in time, sealed, nothing of the host, nothing left behind" \
			"$found; $(cat "$name.report" "$name.err" | tail -n 20)"
	fi
}

gap() {
	ok "$1: $2 of $3 ${5:-$4}" jq -e --arg k "$2" --arg d "$3" --arg w "$4" \
		'any(.gaps[]; .kind == $k and .dumper == $d and (.where | test($w)))' "$1.x/manifest.json"
}

losses() {
	jq -c '.gaps[] | select(.kind | IN("by_profile", "special_file") | not)' "$1.x/manifest.json"
}

no_loss() {
	is "$1: nothing is lost" "$(losses "$1")" ""
}

row() {
	jq -c "$2" "$1.x/filesystem/diff.jsonl"
}

peak() {
	local kb
	kb=$(sed -n 's/^peak_kb //p' "$1.report")
	ok "$1: its largest process had $((kb / 1024)) MiB, of $(($2 / 1024)) at most" \
		test "$kb" -gt 0 -a "$kb" -le "$2"
}

own() {
	local kb
	kb=$(sed -n 's/^own_kb //p' "$1.report")
	ok "$1: its largest process had $((kb / 1024)) MiB of its own, of $(($2 / 1024)) at most" \
		test "$kb" -gt 0 -a "$kb" -le "$2"
}
