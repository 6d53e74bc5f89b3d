# SPDX-License-Identifier: Apache-2.0
# container - throw-away containers without a daemon, for tests and the demo. A script sources
# it, calls these, and container_cleanup at its end (container_trap arranges that):
#
#   container_trap               cleans up at exit and on signals
#   container_scratch            prints a folder of ours whose file system can hold a layer
#   container_atexit COMMAND...  later ones run first; not from a subshell, $(…) is one
#   container_rootfs DIR         a root of busybox, and files to change
#   container_plant DIR          adds the programs that do what an intruder would
#   container_overlay DIR        DIR/lower and DIR/upper as DIR/merged
#   container_bundle DIR ROOT ARG...  an OCI bundle that runs ARG
#   container_edit DIR JQ [ARG...]    changes its config.json
#   container_run RUNTIME ID DIR      starts it by runc or crun
#   container_kill RUNTIME ID         ends its processes, leaves its state
#   container_delete RUNTIME ID
#   container_pid RUNTIME ID          of its first process
#   wait_until COMMAND...             polls for at most 10 s (WAIT=SECONDS)
#
# Ids are in the runtimes' own folders, where a collector looks for them: choose unique ones.
# shellcheck shell=bash
# shellcheck source=tests/lib/exit.sh
. "$(dirname "${BASH_SOURCE[0]}")/exit.sh"

container_exits=()
container_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

container_atexit() {
	container_exits+=("$(printf '%q ' "$@")")
}

container_cleanup() {
	local i
	trap '' INT TERM
	for ((i = ${#container_exits[@]} - 1; i >= 0; i--)); do
		eval "${container_exits[i]}" >/dev/null 2>&1 || :
	done
	container_exits=()
}

container_trap() {
	at_exit container_cleanup
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

wait_until() {
	local i
	for ((i = 0; i < ${WAIT:-10} * 50; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.02
	done
	echo "not in ${WAIT:-10} s: $*" >&2
	return 1
}

# An upper layer cannot lie on overlay, and a tmpfs keeps no user.* xattrs before Linux 6.6.
container_scratch() {
	local dir
	for dir in "${TMPDIR:-/tmp}" /var/tmp "${BUILD:-build}"; do
		case $(stat -f -c %T "$dir" 2>/dev/null) in
		'' | overlayfs | tmpfs | ramfs | nfs | v9fs) ;;
		*)
			mktemp -d "$(realpath "$dir")/taphos-scratch-XXXXXX"
			return
			;;
		esac
	done
	echo "no disk for layers: set TMPDIR" >&2
	return 1
}

container_rootfs() {
	local name
	mkdir -p "$1"/{bin,dev,etc,opt/gone/deep,opt/replaced,opt/dir-to-file,opt/renamed,proc,run,srv,sys,tmp,tmpfs,vol}
	cp "$(command -v busybox)" "$1/bin/busybox" || return
	for name in sh cat chmod chown cp echo grep httpd kill ln ls mkdir mv nc ps readlink rm \
		sha256sum sleep touch usleep; do
		ln "$1/bin/busybox" "$1/bin/$name"
	done
	chmod 1777 "$1/tmp"
	echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
	for name in etc/{changed,removed,mode,owner,linked,untouched} opt/gone/{a,deep/b} \
		opt/replaced/old opt/file-to-dir opt/dir-to-file/x opt/renamed/x; do
		echo "original $name" >"$1/$name"
	done
}

container_plant() {
	cc -std=gnu11 -D_GNU_SOURCE -O1 -static -s -o "$1/bin/plant" "$container_lib/plant.c" &&
		cp "$container_lib/planted.sh" "$1/bin/planted" && chmod 755 "$1/bin/planted"
}

container_overlay() {
	mkdir -p "$1"/{lower,upper,work,merged}
	mount -t overlay overlay \
		-o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1/merged" || return
	container_atexit umount "$1/merged"
}

# Its own processes may have no more rights than we have: no limits are raised.
container_bundle() {
	local dir=$1 root=$2
	shift 2
	mkdir -p "$dir" && (cd "$dir" && rm -f config.json && runtime_spec) || return
	# shellcheck disable=SC2016 # jq's
	container_edit "$dir" '.process.terminal = false | .process.args = $ARGS.positional |
		.root = {path: $root, readonly: false} | del(.process.rlimits) |
		.process.capabilities |= with_entries(.value = ["CAP_CHOWN", "CAP_DAC_OVERRIDE",
			"CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_SETFCAP",
			"CAP_NET_BIND_SERVICE"])' --arg root "$root" --args -- "$@"
}

runtime_spec() {
	if command -v runc >/dev/null; then
		runc spec
	else
		crun spec
	fi
}

container_edit() {
	local config=$1/config.json filter=$2
	shift 2
	jq "$filter" "$config" "$@" >"$config.new" && mv "$config.new" "$config"
}

# Debian 12's crun refuses a v2 hierarchy beside those of v1; it works where it sees no v2.
container_runtime() {
	if [ "$1" = crun ] && mountpoint -q /sys/fs/cgroup/unified 2>/dev/null; then
		# shellcheck disable=SC2016
		unshare -m sh -c 'umount /sys/fs/cgroup/unified && exec "$@"' sh "$@"
	else
		"$@"
	fi
}

# Its output goes to DIR/log.
container_run() {
	container_atexit container_delete "$1" "$2"
	container_runtime "$1" run -d --bundle "$3" "$2" </dev/null >"$3/log" 2>&1 && return
	cat "$3/log" >&2
	return 1
}

container_kill() {
	container_runtime "$1" kill "$2" KILL
}

container_delete() {
	container_runtime "$1" delete -f "$2"
}

container_pid() {
	container_runtime "$1" state "$2" | jq .pid
}
