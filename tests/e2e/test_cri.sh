#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real containerd, asked over its socket: with nothing in it, with a pod whose container ended,
# stopped and dead.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/engine.sh"
. "$TOP/tests/lib/cri.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in containerd ctr runc busybox umoci skopeo python3 jq; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
[ -x "$BUILD/tests/tools/askcri" ] || skip_all "needs 'make tools'"
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
engine_namespace=k8s.io
image=docker.io/library/paused:latest

engine_containerd_socket=$work/containerd.sock
ask() { cri_ask "$@" 2>&1; }
order() { cri_order "$@"; }

not_ok "no daemon yet" ask version
engine_containerd "$work" "$image" >"$work/why" || skip_all "$(cat "$work/why")"
like "it tells its name" "$(ask version)" '^runtime=containerd$'
is "it is who we started" "$(ask peer)" "${engine_pid[containerd]} 0"
like "it speaks v1" "$(ask version)" '^cri=v1$'
is "no pods" "$(ask pods)" ''
is "no containers" "$(ask containers)" ''
like "a container that is not there" "$(ask container nothere)" \
	'^askcri: /runtime.v1.RuntimeService/ContainerStatus: NOT_FOUND: .*nothere'
is "an image that is not there" "$(ask image nothere)" 'askcri: no such image'
like "a snapshot that is not there" "$(ask upper overlayfs nothere)" \
	'^askcri: /containerd.services.snapshots.v1.Snapshots/Mounts: NOT_FOUND: '

container_rootfs "$work/root" || exit 1
ok "an image" engine_image "$work" "$work/root" paused --config.cmd /bin/sleep --config.cmd 1000
like "it has an id" "$(ask image $image)" '^id=sha256:[0-9a-f]{64}$'
like "and its name" "$(ask image $image)" "^tag=$image\$"

cri_sandbox "$work" shown 11112222-3333-4444-5555-666677778888
pod=$(order RunPodSandbox '1{' "${cri_sandbox[@]}" '}' 2>"$work/why")
if [ -z "$pod" ]; then
	skip "a pod" "containerd cannot run one here: $(tail -n 1 "$work/why")"
	done_testing
	exit
fi
container_atexit order RemovePodSandbox "1:$pod"
id=$(order CreateContainer "1:$pod" '2{' '1{' 1:main 2=4 '}' '2{' "1:$image" '}' \
	3:/bin/sh 3:-c '3:echo evidence >/srv/written; exit 7' 11:main.log \
	'15{' '2{' '3{' 1=2 '}' '}' '}' '}' '3{' "${cri_sandbox[@]}" '}')
ok "a container starts" order StartContainer "1:$id"
ended() {
	ask container "$id" | grep -q '^state=2$'
}
ok "and ends" wait_until ended

pods=$(ask pods)
like "the pod is listed" "$pods" "^id=$pod\$"
like "by name" "$pods" '^name=shown$'
like "by uid" "$pods" '^uid=11112222-3333-4444-5555-666677778888$'
like "with its labels" "$pods" '^label.app=web$'
status=$(ask pod "$pod")
like "on the node's network" "$status" '^network=2$'
is "its info is JSON" "$(sed -n 's/^info.info=//p' <<<"$status" | jq -r .snapshotKey)" "$pod"
containers=$(ask containers)
like "the ended container is listed" "$containers" "^id=$id\$"
like "of that pod" "$containers" "^pod=$pod\$"
status=$(ask container "$id")
like "its exit code" "$status" '^exit_code=7$'
like "why it ended" "$status" '^reason=Error$'
like "how often it was tried" "$status" '^attempt=4$'
like "when it ended" "$status" '^finished=[0-9]{19}$'
like "its log" "$status" "^log_path=$work/logs/main.log\$"
upper=$(ask upper overlayfs "$id" | sed -n 's/^upper=//p')
is "what it wrote is in its upper layer" "$(cat "$upper/srv/written")" evidence

kill -STOP "${engine_pid[containerd]}"
like "a stopped daemon" "$(ask version)" '^askcri: /runtime.v1.RuntimeService/Version: no (answer at all|whole answer) in time$'
kill -CONT "${engine_pid[containerd]}"
like "is back" "$(ask version)" '^runtime=containerd$'
order RemovePodSandbox "1:$pod"
is "no pods again" "$(ask pods)" ''
engine_kill containerd
like "a dead daemon" "$(ask version)" "^askcri: $work/containerd.sock: connect: Connection refused\$"
done_testing
