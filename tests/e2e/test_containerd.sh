#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container of containerd in a namespace of its own, from its start to the evidence: running,
# with the daemon dead, ended.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/evidence.sh"
. "$TOP/tests/lib/engine.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in containerd ctr busybox jq umoci skopeo openssl zstd python3 cc; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
id=e2e-containerd-$$
secret=hunter2-$(cat /proc/sys/kernel/random/uuid)

container_rootfs "$work/root" && container_plant "$work/root" || exit 1
engine_containerd "$work" >"$work/why" || skip_all "$(cat "$work/why")"
ok "an image" engine_image "$work" "$work/root" planted
mkdir "$work/vol"
why=$(engine_ctr run -d --snapshotter overlayfs --env "API_TOKEN=$secret" \
	--mount type=tmpfs,src=tmpfs,dst=/tmpfs,options=nosuid \
	--mount "type=bind,src=$work/vol,dst=/vol,options=rbind:rw" \
	docker.io/library/planted:latest "$id" /bin/planted 2>&1) ||
	skip_all "containerd cannot run a container here: $why"
pid=$(engine_ctr task ls | awk -v id="$id" '$1 == id { print $2 }')
merged=$work/containerd-state/io.containerd.runtime.v2.task/e2e/$id/rootfs
ok "the container did its work" wait_until test -e "/proc/$pid/root/run/ready"

like "list shows it" "$("$TAPHOS" list --json)" \
	"^\{\"id\":\"$id\",.*\"runtime\":\"containerd\",\"namespace\":\"e2e\",\"state\":\"running\",\"pid\":$pid,"
evidence_collect "$work/running" "$id"
evidence_quiet "$pid"
evidence_sealed ""
evidence_processes "/proc/$pid/root"
evidence_secrets "$secret"
evidence_stores "dropped in memory"
like "the host's folder is listed, not read" "$(cat "$tree/volumes/mounts.json")" \
	"\"point\":\"/vol\",\"kind\":\"bind\",.*\"source\":\"$work/vol\".*\"policy\":\"list\""
is "its namespace" "$(jq -r .runtime_namespace "$tree/runtime/target.json")" e2e
evidence_layer "$work" "$work/root" "$merged"
is "the rows say the same as the layer" \
	"$(python3 "$TOP/tests/lib/tree.py" rows "$tree/filesystem/diff.jsonl" |
		grep -v planted.sock)" "$(cat "$work/changes")"

engine_kill containerd
evidence_collect "$work/orphan" "${id%?}"
evidence_quiet "$pid"
evidence_sealed ""
evidence_processes "/proc/$pid/root"
evidence_secrets "$secret"
is "daemon dead, found by a prefix: the same layer" "$(evidence_listing "$tree")" "$(evidence_listing "$work"/running/x/*)"

kill -9 "$pid"
wait_until sh -c "! kill -0 $pid"
evidence_collect "$work/ended" "$id" 3
evidence_sealed "not_present /dev, not_present /dev/shm, not_present /run, not_present /tmpfs"
is "ended: the same layer" "$(evidence_listing "$tree")" "$(evidence_listing "$work"/running/x/*)"
evidence_secrets "$secret"
done_testing
