#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pod of a real containerd, collected with what its daemon says of it: the daemon in health,
# stopped, killed. What a daemon that lies may say is in the unit tests of 'cridump', against a small
# server of ours.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/engine.sh"
. "$TOP/tests/lib/cri.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in containerd ctr runc busybox umoci skopeo python3 jq zstd openssl; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
[ -x "$BUILD/tests/tools/askcri" ] || skip_all "needs 'make tools'"
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
engine_namespace=k8s.io
image=docker.io/library/paused:latest
secret=hunter2-$(cat /proc/sys/kernel/random/uuid)
uid=$(cat /proc/sys/kernel/random/uuid)
pod=cri-$$

engine_containerd "$work" "$image" >"$work/why" || skip_all "$(cat "$work/why")"
container_rootfs "$work/root" || exit 1
ok "an image" engine_image "$work" "$work/root" paused --config.cmd /bin/sleep --config.cmd 1000
cri_sandbox "$work" "$pod" "$uid"
sandbox=$(cri_order RunPodSandbox '1{' "${cri_sandbox[@]}" '}' 2>"$work/why")
if [ "${#sandbox}" != 64 ]; then
	skip "a pod" "containerd cannot run one here: $sandbox $(tail -n 1 "$work/why")"
	done_testing
	exit
fi
container_atexit cri_order RemovePodSandbox "1:$sandbox"

start() { # NAME COMMAND: prints its id
	local id
	id=$(cri_order CreateContainer "1:$sandbox" '2{' '1{' "1:$1" 2=4 '}' '2{' "1:$image" '}' \
		3:/bin/sh 3:-c "3:$2" '6{' 1:API_TOKEN "2:$secret" '}' \
		'10{' 1:shop/password "2:$secret" '}' "11:$1.log" \
		'15{' '2{' '3{' 1=2 '}' '}' '}' '}' '3{' "${cri_sandbox[@]}" '}')
	cri_order StartContainer "1:$id" >&2
	echo "$id"
}
ended() {
	cri_ask container "$1" | grep -q '^state=2$'
}
main=$(start main 'exec sleep 1001')
is "a container" ${#main} 64
gone=$(start gone 'echo evidence >/srv/written; exit 7')
ok "and one that ends" wait_until ended "$gone"

echo '{"name": "p", "dumpers": {"process": {}, "runtime": {}, "filesystem": {},
	"cri": {"request": "2s"}}}' >"$work/p.json"
number=0
collect() { # [OPTION...]: the bundle's folder is $got, the status $status
	number=$((number + 1))
	got=$work/got$number
	"$TAPHOS" collect --profile "$work/p.json" --quiet --output "$work/$number.tar.zst" "$@" \
		>/dev/null 2>"$work/err"
	status=$?
	mkdir "$got" && tar --zstd -xf "$work/$number.tar.zst" -C "$got" --strip-components=1
}
socket=(--cri-socket "$work/containerd.sock")
dumper() { jq -r '.dumpers[] | select(.name == "cri") | '"$1" "$got/manifest.json"; }
gaps() { jq -r '.gaps[] | select(.dumper == "cri" and .kind != "by_profile") |
	"\(.kind) \(.where) \(.reason)"' "$got/manifest.json"; }
findings() { jq -r '.findings[] | select(.dumper == "cri") | .text' "$got/manifest.json"; }
said() { jq -r "$2" "$got/runtime/cri/$1.json"; }

collect --pod "shop/$pod" "${socket[@]}"
is "the sandbox lets it ask" "$(dumper '"\(.status) \(.reason)"') $(gaps)" "ok  "
is "no contradiction" "$(findings)" ""
is "who answered" "$(said daemon '"\(.pid) \(.uid) \(.api) \(.runtime)"')" \
	"${engine_pid[containerd]} 0 v1 containerd"
is "the sandbox" "$(said "sandboxes/$sandbox" '"\(.uid) \(.state) \(.namespaces.network)"')" "$uid ready node"
is "its running container" "$(said "containers/$main" '"\(.state) \(.attempt)"')" "running 4"
is "the ended one" "$(said "containers/$gone" '"\(.state) \(.exit_code) \(.reason) \(.attempt)"')" "exited 7 Error 4"
is "what it wrote" "$(cat "$(said "snapshots/$gone" .upper)/srv/written")" evidence
is "its image" "$(cat "$got"/runtime/cri/images/*.json | jq -r '.tags[0]')" "$image"
is "no secret in clear" "$(grep -rl "$secret" "$got/runtime/cri")" ""
like "but its digest" "$(said "containers/$main" '.annotations["shop/password"]')" '^sha256:[0-9a-f]{64}$'
is "also in the runtime's own words" "$(said "containers/$main" '.info.info.config.envs[0].value' | cut -c 1-7)" sha256:
# shellcheck disable=SC2016
ok "it verifies" sh -c '"$1" verify "$2" >/dev/null || [ $? = 3 ]' sh "$TAPHOS" "$work/1.tar.zst"

collect --container "$main" "${socket[@]}"
is "of one container: the whole pod" "$(dumper .status) $(findings) $(said "containers/$gone" .exit_code)" "ok  7"

collect --container "$main" --no-cri
is "--no-cri asks nobody" "$(dumper '"\(.status) \(.reason)"')" "skipped --no-cri"
collect --container "$main" --cri-socket "$work/none"
like "no such socket is a gap" "$(gaps)" '^not_present the container runtime.s daemon .*No such file'

# the database that has the layers is gone from the disk, the daemon has it open
db=$work/containerd/io.containerd.metadata.v1.bolt/meta.db
mv "$db" "$db.away"
collect --container "$gone" "${socket[@]}"
is "a layer that only the daemon knows is read" \
	"$(tar -xOf "$got/filesystem/diff.tar" srv/written)" evidence
like "which is a finding" "$(jq -r '.findings[].text' "$got/manifest.json")" \
	"^$gone: that $work/.*/fs is its writable layer is its daemon's word alone"
collect --container "$gone" --cri-socket "$work/none"
like "without it: a gap" "$(jq -r '.gaps[] | "\(.where): \(.reason)"' "$got/manifest.json")" \
	"^its writable layer, by the runtime's daemon: .*No such file"
mv "$db.away" "$db"

kill -STOP "${engine_pid[containerd]}"
collect --pod "shop/$pod" "${socket[@]}"
kill -CONT "${engine_pid[containerd]}"
like "stopped: a gap" "$(gaps)" '^stalled .*no (whole )?answer.* in time'
ok "and the rest is there" test -s "$got/containers/main/process/tree.json"

engine_kill containerd
collect --pod "shop/$pod" "${socket[@]}"
like "dead: a gap" "$(gaps)" '^unreadable .*Connection refused'
is "and the rest is there" "$(cat "$got/containers/main/process/"*/cmdline | tr '\0' ' ')" "sleep 1001 "
done_testing
