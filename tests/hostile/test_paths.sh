#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names in a target that lead to the host, block who opens them, or change while they are read.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start strace python3 capsh

# What leads to the host, by every way there is.
plant_links() { # DIR
	mkdir -p "$1"
	ln -s "$HOSTFILE" "$1/absolute"
	ln -s "$HOSTDIR" "$1/absolute-dir"
	ln -s "../../../../../../../../../../../../$HOSTFILE" "$1/upwards"
	ln -s "/proc/self/root$HOSTFILE" "$1/magic-self"
	ln -s "/proc/1/root$HOSTFILE" "$1/magic-init"
	ln -s "/proc/self/cwd" "$1/magic-cwd"
	ln -s "$1" "$1/loop"
}

plant_specials() { # DIR
	mkdir -p "$1"
	mkfifo "$1/fifo"
	mknod "$1/watchdog" c 10 130
	mknod "$1/zero" c 1 5
	mknod "$1/ptmx" c 5 2
	mknod "$1/disk" b 8 0
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$1/socket"
}

plant_still() { # DIR: what must be in the bundle whatever happens around it
	local i
	mkdir -p "$1"
	for i in $(seq 100); do echo "still $i" >"$1/$i"; done
}

# The storms take the place of a file and of a directory by links to the host's.
plant_storms() { # DIR
	mkdir -p "$1"/{dir,a/b/c}
	echo of the target >"$1/secret"
	cp "$1/secret" "$1/dir/secret"
	ln -s "$HOSTFILE" "$1/link"
	ln -s "$HOSTDIR" "$1/dirlink"
	echo deep >"$1/a/b/c/file"
}

same() { # NAME DIR: DIR of the extracted tree is what was planted
	ok "$1: what lies still is there, byte for byte" diff -r still "$2"
}

still_in() { # TAR SUBDIR
	rm -rf extracted
	mkdir extracted
	tar -xf "$1" -C extracted --wildcards "*still/*"
	find extracted -type d -name still
}

export VOLUME=$scratch/docker/volumes/hostile/_data
mkdir -p "$VOLUME"
target_make paths '.mounts += [
	{destination: "/vol", type: "bind", source: $ENV.VOLUME, options: ["rbind"]},
	{destination: "/tmpfs", type: "tmpfs", source: "tmpfs", options: ["nosuid"]}]'
plant_still still
for dir in paths/upper "$VOLUME"; do
	plant_links "$dir/links"
	plant_specials "$dir/special"
	plant_storms "$dir/storm"
	cp -a still "$dir/still"
done
mkdir -p paths/upper/etc paths/upper/changing "$VOLUME/held"
ln -s "$HOSTFILE" paths/upper/etc/resolv.conf
ln -s "/proc/self/root$HOSTFILE" paths/upper/etc/hosts
echo leased >"$VOLUME/held/leased"
target_run paths '
for dir in /storm /vol/storm; do
	storm swap $dir/secret $dir/link >/dev/null &
	storm swap $dir/dir $dir/dirlink >/dev/null &
	storm move $dir/a/b $dir/b >/dev/null &
done
for what in grow shrink replace; do
	storm $what /changing/$what >/dev/null &
done
mkdir /changing/churn
storm churn /changing/churn >/dev/null &
storm lease /vol/held/leased >/tmp/leased &
until grep -q ready /tmp/leased; do usleep 1000; done
cd /links
echo ready
exec sleep 1000 3<>/special/fifo 4</storm'

opens='open,openat,openat2,open_by_handle_at'
"$BIN/deadline" 60 trace.report strace -f -qq -y -e trace=$opens -e signal=none -o trace \
	"$TAPHOS" collect --pid "$pid" --output out/traced.tar.zst >/dev/null 2>&1
unlike "no FIFO, socket or device is opened" "$(grep -v O_PATH trace)" \
	'special/(fifo|watchdog|zero|ptmx|disk|socket)>?'
unlike "nothing of the host's side is opened" "$(cat trace)" "= [0-9]+<$HOSTDIR"
for i in 1 2 3; do
	collect paths 60 --pid "$pid"
	sound paths 3
	layer=$(still_in paths.x/filesystem/diff.tar)
	same "paths, layer" "$layer"
	volume=$(jq -r '.[] | select(.point == "/vol").n' paths.x/volumes/mounts.json)
	same "paths, volume" "$(still_in "paths.x/volumes/$volume/content.tar")"
	gap paths changed filesystem '^/changing/' "files that change"
done
for name in absolute upwards magic-self magic-init; do
	is "the link $name is a row with its target" "$(row paths "select(.path == \"/links/$name\") |
		.target | test(\"$HOSTFILE\")")" true
done
is "a watchdog is a row" "$(row paths 'select(.path == "/special/watchdog") | [.type, .rdev // .device]')" '["char","10:130"]'
gap paths unreadable volumes 'held/leased'
target_end paths
done_testing
