#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container whose root is a plain directory, and a process in a chroot: what mounts cover is
# found, and whole roots are complete.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
cd "$TMPDIR" || exit 1
container_trap
scratch=$(container_scratch) || skip_all "no disk for a root"
container_atexit rm -rf "$scratch"

extract() { # BUNDLE DIR
	mkdir "$2" && tar --zstd -xf "$1" -C "$2" --strip-components=1
}

container_rootfs "$scratch/rootfs"
echo below >"$scratch/rootfs/tmpfs/under-the-mount"
container_bundle "$scratch" "$scratch/rootfs" sh -c \
	'echo lower >/tmpfs/lower; mount -t tmpfs again /tmpfs; echo upper >/tmpfs/upper; exec sleep 1000'
container_edit "$scratch" '.mounts += [{destination: "/tmpfs", type: "tmpfs", source: "tmpfs"}] |
	.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"])'
ln "$scratch/rootfs/bin/busybox" "$scratch/rootfs/bin/mount"
id=plain-$$
if container_run runc $id "$scratch"; then
	wait_until grep -q again "/proc/$(container_pid runc $id)/mounts"
	"$TAPHOS" collect --container $id --output plain.tar.zst >out 2>err
	is "a plain root is complete" $? 0
	ok "sealed" "$TAPHOS" verify plain.tar.zst
	extract plain.tar.zst plain
	ok "what the mount covers is in the layer" \
		grep -q '"path":"/tmpfs/under-the-mount"' plain/filesystem/diff.jsonl
	cat plain/volumes/*/content.jsonl >rows
	ok "the upper tmpfs is read" grep -q '"path":"/upper"' rows
	ok "and the one below it" grep -q '"path":"/lower"' rows
	like "the covered one is marked" \
		"$(jq -c '.. | objects | select(.point? == "/tmpfs") | .covered' plain/volumes/mounts.json)" true

	container_delete runc $id
else
	skip "a plain root" "runc does not start a container here"
fi

# chroot without pivot_root: mount points are seen from the process's own root
unshare -mpf --kill-child sh -c "mount --bind '$scratch/rootfs' '$scratch/rootfs'
	mount -t tmpfs one '$scratch/rootfs/srv'; echo x >'$scratch/rootfs/srv/in-tmpfs'
	mount -t proc proc '$scratch/rootfs/proc'; exec chroot '$scratch/rootfs' sleep 1001" >/dev/null 2>&1 &
unshare=$!
container_atexit kill -9 $unshare
inside() {
	pid=$(cut -d' ' -f1 <"/proc/$unshare/task/$unshare/children") && [ -n "$pid" ] &&
		[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = 'sleep 1001 ' ]
}
wait_until inside
"$TAPHOS" collect --pid "$pid" --output chroot.tar.zst >out 2>err
is "a chroot is complete" $? 0
extract chroot.tar.zst chroot
grep '"kind"' chroot/manifest.json | tap_lines
cat chroot/volumes/*/content.jsonl >rows
ok "its tmpfs is read" grep -q '"path":"/in-tmpfs"' rows
kill -9 $unshare
wait $unshare 2>/dev/null
container_cleanup
done_testing
