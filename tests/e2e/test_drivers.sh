#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Storage that is not the kernel's overlayfs: copies of directories, btrfs, fuse-overlayfs. What
# changed is found all the same, running and ended.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/evidence.sh"
. "$TOP/tests/lib/engine.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in dockerd docker containerd ctr busybox jq umoci skopeo zstd python3 cc; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
container_rootfs "$work/root" && container_plant "$work/root" || exit 1

# rows DIR NAME EXIT: collects; what changed
rows() {
	mkdir "$1" && "$TAPHOS" collect --container "$2" --profile filesystem --output "$1/x.tar.zst" \
		>"$1/out" 2>&1
	[ $? = "$3" ] || cat "$1/out"
	tar -C "$1" --strip-components=1 --zstd -xf "$1/x.tar.zst"
	python3 "$TOP/tests/lib/tree.py" rows "$1/filesystem/diff.jsonl"
}

try_docker() { # DRIVER DATA
	local driver=$1 data=$2 name=e2e-$1-$$ id pid want
	engine_dockerd "$data" --storage-driver "$driver" >"$work/why" || {
		skip "docker on $driver" "$(cat "$work/why")"
		return
	}
	engine_docker load -q -i "$work/image.tar" >/dev/null
	id=$(engine_docker run -d --name "$name" --network none -v data:/vol -v tmp:/tmpfs \
		planted:latest /bin/planted 2>"$work/why") || {
		skip "docker on $driver" "$(cat "$work/why")"
		return
	}
	pid=$(engine_docker inspect -f '{{.State.Pid}}' "$name")
	wait_until test -e "/proc/$pid/root/run/ready"
	# of a directory that was replaced on fuse-overlayfs docker does not tell what is gone
	want=$(python3 "$TOP/tests/lib/tree.py" docker "$engine_docker_socket" "$id"
		[ "$driver" != fuse-overlayfs ] || echo '["D", "/opt/replaced/old"]')
	want=$(sort <<<"$want")
	rows "$work/$driver-1" "$name" 0 >"$work/$driver.rows"
	is "$driver: the rows are 'docker diff'" "$(sort "$work/$driver.rows")" "$want"
	like "$driver: the layer has them" "$(tar -tf "$work/$driver-1/filesystem/diff.tar")" \
		'^opt/replaced/\.wh\.(\.wh\.\.opq|old)$'
	unlike "$driver: and nothing else" "$(tar -tf "$work/$driver-1/filesystem/diff.tar")" \
		'untouched|busybox|/\.wh\.\.opq$'
	engine_docker kill "$name" >/dev/null
	engine_docker wait "$name" >/dev/null
	is "$driver: and when it has ended" "$(rows "$work/$driver-2" "$name" 0 | sort)" "$want"
	engine_docker rm "$name" >/dev/null
	engine_stop dockerd
}

engine_containerd "$work" >"$work/why" || skip_all "$(cat "$work/why")"
ok "an image" engine_image "$work" "$work/root" planted

try_docker vfs "$work"
if [ -e /dev/fuse ] && command -v fuse-overlayfs >/dev/null; then
	try_docker fuse-overlayfs "$work"
else
	skip "docker on fuse-overlayfs" "no /dev/fuse or no fuse-overlayfs"
fi
mkdir "$work/btrfs"
if truncate -s 512M "$work/btrfs.img" && mkfs.btrfs -q "$work/btrfs.img" 2>"$work/why" &&
	mount -o loop "$work/btrfs.img" "$work/btrfs" 2>"$work/why"; then
	container_atexit umount -l "$work/btrfs"
	ln -s "$work/containerd.sock" "$work/btrfs/containerd.sock"
	try_docker btrfs "$work/btrfs"
else
	skip "docker on btrfs" "$(tail -n 1 "$work/why")"
fi

mkdir "$work/vol"
engine_ctr run -d --snapshotter native --mount type=tmpfs,src=tmpfs,dst=/tmpfs,options=nosuid \
	--mount "type=bind,src=$work/vol,dst=/vol,options=rbind:rw" \
	docker.io/library/planted:latest "e2e-native-$$" /bin/planted >"$work/why" 2>&1
pid=$(engine_ctr task ls | awk -v id="e2e-native-$$" '$1 == id { print $2 }')
if [ -n "$pid" ]; then
	wait_until test -e "/proc/$pid/root/run/ready"
	# its /run is a tmpfs
	want=$(grep -v '"/run' "$work/vfs.rows")
	is "native: the rows are docker's" "$(rows "$work/native-1" "e2e-native-$$" 0)" "$want"
else
	skip "containerd's native snapshotter" "$(tail -n 1 "$work/why")"
fi
done_testing
