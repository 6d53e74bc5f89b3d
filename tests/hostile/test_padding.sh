#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A run ends by its deadline: it begins no member that could not even be filled with zeros in time.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
for tool in runc busybox jq; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
id=deadline-$$

{ container_rootfs "$work/c/lower" && container_overlay "$work/c"; } || skip_all "no overlay here"
container_bundle "$work/b" "$work/c/merged" /bin/sleep 1000
fallocate -l 6G "$work/c/upper/big" 2>/dev/null || skip_all "no room for a large file"
echo small >"$work/c/upper/small"
container_run runc "$id" "$work/b" >/dev/null 2>&1 || skip_all "runc cannot run a container here"

start=$(date +%s%N)
"$TAPHOS" collect --container "$id" --profile filesystem --deadline 3s --quiet \
	--output "$work/x.tar.zst" >/dev/null 2>&1
is "partial" $? 3
is "over in time" $((($(date +%s%N) - start) / 1000000000 <= 3)) 1
tar --zstd -C "$work" -xf "$work/x.tar.zst"
like "the large file is a gap" "$(cat "$work"/taphos-*/manifest.json)" \
	'"kind":"over_budget".*"where":"/big"'
is "the small one is there" "$(tar -xOf "$work"/taphos-*/filesystem/diff.tar small)" small
like "sealed" "$("$TAPHOS" verify "$work/x.tar.zst" 2>&1)" "SEALED"
done_testing
