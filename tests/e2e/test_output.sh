#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where a bundle may not go: into the target, and onto the last of the disk that a kubelet needs.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in runc busybox jq unshare; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
id=e2e-output-$$
mkdir "$work/c"
container_rootfs "$work/c/lower" || exit 1
container_overlay "$work/c" || skip_all "no overlay here"
# shellcheck disable=SC2016 # the container's
container_bundle "$work/bundle" "$work/c/merged" /bin/sh -c \
	'mkdir /srv/deep; i=0; while [ $i -lt 160 ]; do echo "$i"; cat /bin/busybox; i=$((i + 1)); done >/srv/big; touch /srv/ready; sleep 1000' || exit 1
container_run runc "$id" "$work/bundle" || skip_all "runc cannot run a container here: $(cat "$work/bundle/log")"
ok "the container did its work" wait_until test -e "$work/c/upper/srv/ready"

collect() { # OUTPUT ARG...: $status, $err
	err=$("$TAPHOS" collect --container "$id" --profile triage --quiet --output "$@" 2>&1 >/dev/null)
	status=$?
}
refused() { # NAME ERE OUTPUT
	collect "$3"
	is "$1: refused" "$status" 1
	like "$1: why, and what to do" "$err" "^taphos: the output is in $2.*--force"
}
pid=$(container_pid runc "$id")
refused "its layer from outside" "the target's writable layer" "$work/c/upper/srv/deep/x.tar.zst"
refused "its root" "the target's root" "$work/c/merged/srv/deep"
refused "its root, through proc" "the target's root" "/proc/$pid/root/srv/"
ln -s "$work/c/upper/srv" "$work/link"
refused "by a link" "the target's writable layer" "$work/link/deep"
is "nothing was left there" "$(find "$work/c/upper" -name '*.zst*' -o -name '*.partial')" ""
mkdir "$work/beside"
collect "$work/beside"
like "beside it: not refused" "$status" "^[03]$"
collect "$work/c/upper/srv/deep" --force
like "forced: done" "$status" "^[03]$"
ok "there it is" sh -c "ls '$work/c/upper/srv/deep/'*.zst"

# a disk of 400 MiB on which a kubelet lives, and so much free of it
# shellcheck disable=SC2016 # the other shell's
disk() { # FREE_MIB ARG...: $status, err; the bundle's gaps in gaps
	unshare -m --propagation private bash -c 'mount -t tmpfs -o size=400m tmpfs /var/lib && mkdir /var/lib/kubelet /var/lib/out &&
		head -c $(((400 - $1) << 20)) /dev/zero >/var/lib/fill && shift && "$@" 2>err
		status=$?
		'"'$TAPHOS'"' inspect /var/lib/out/*.zst manifest.json >manifest 2>/dev/null
		exit $status' - "$1" "$TAPHOS" collect --container "$id" --profile filesystem --quiet --output /var/lib/out "${@:2}"
	status=$?
}
cd "$work" || exit 1
room() { jq -r '.gaps[] | select(.reason | test("kubelet")) | "\(.kind) \(.member)"' manifest; }
disk 100
is "below the kubelet's threshold: refused" "$status" 1
like "why, and what to do" "$(cat err)" "^taphos: 100 MiB free on the disk the kubelet watches: below 60.* MiB.*--force"
disk 100 --force
like "forced: done" "$status" "^[03]$"
is "... with all" "$(room)" ""
disk 200
is "above it: partial" "$status" 3
is "what might go beyond is a gap" "$(room)" "over_budget filesystem/diff.tar"
disk 390
is "room for all" "$(room)" ""
done_testing
