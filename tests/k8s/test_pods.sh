#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pods that a real kubelet runs: each found by name and uid, with all its
# containers, and nothing on which the node's sources disagree.
# timeout: 600
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/k8s/lib.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in jq zstd nsenter; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
k8s_up
cd "$work" || exit 1

# shellcheck disable=SC2016 # its own
WAIT=60 wait_until sh -c 'for pod in $(kubectl -n shop get pods -l app=web -o name); do
	kubectl -n shop get "$pod" -o jsonpath="{.status.containerStatuses[*].ready}" | grep -q "true true" || exit 1
done' || :
kbns "$TAPHOS" list --json >rows
# pods JQ: those of which the filter over their rows (sandboxes left out) is true
pods() {
	jq -r "group_by(.pod_uid)[] | select(.[0].pod_uid != \"\") | map(select(.sandbox | not)) |
		select(length > 0 and ($1)) | \"\\(.[0].pod) \\(.[0].pod_uid)\"" rows
}
# collect ARG...: into $tree; $rc
collect() {
	rm -rf x bundle.tar.zst*
	kbns "$TAPHOS" collect "$@" --no-api --cri-socket "$CTD_STATE/containerd.sock" --output "$work/bundle.tar.zst" >out 2>err
	rc=$?
	mkdir x
	[ ! -f bundle.tar.zst ] || tar -C x --zstd -xf bundle.tar.zst
	tree=$(echo x/taphos-*)
}

ids_listed() { # UID
	jq -r --arg uid "$1" '[.[] | select(.pod_uid == $uid) | .id] | sort | join(" ")' rows
}
ids_collected() {
	jq -r '[.target.containers[].id] | sort | join(" ")' "$tree/begin.json"
}

while read -r pod uid; do
	collect --pod "$pod" --profile triage
	ok "$pod: exit 0 or 3" grep -qx "[03]" <<<"$rc"
	is "$pod: all its containers" "$(ids_collected)" "$(ids_listed "$uid")"
	is "$pod: no source disagrees" \
		"$(jq -r '.findings[] | select(.dumper == "engine") | .text' "$tree/manifest.json")" ""
	is "$pod: its daemon says the same" \
		"$(jq -r '(.dumpers, .findings)[] | select((.name // .dumper) == "cri") | .status // .text' "$tree/manifest.json")" ok
	is "$pod: a folder for each" "$(jq -r '.target.containers[].folder' "$tree/begin.json" |
		while read -r dir; do [ -d "$tree/$dir/runtime" ] || echo "$dir"; done)" ""
done < <(pods 'all(.pid > 0)')

read -r pod uid < <(pods 'length > 1 and any(.pid > 0)')
if [ -n "$pod" ]; then
	collect --pod-uid "$uid" --profile full
	is "by uid: the same pod" "$(jq -r '.target | "\(.pod_namespace)/\(.pod_name)"' "$tree/begin.json")" "$pod"
	is "of several containers: all" "$(ids_collected)" "$(ids_listed "$uid")"
	like "SEALED" "$("$TAPHOS" verify bundle.tar.zst)" "^SEALED"
	like "frozen together" "$(jq -r .memory.hold.cgroup "$tree/collector/effects.json")" "pod${uid}[^/]*$"
	like "what they share is read once" "$(cat "$tree"/containers/*/volumes/mounts.json)" \
		'"point":"/etc/hosts".*"collected_in":"containers/.*/volumes/[0-9]+"'
	is "each process once" "$(cd "$tree" && printf '%s\n' {containers/*,sandbox*}/process/*/stat |
		cut -d/ -f4 | sort | uniq -d)" ""
	name=$(jq -r --arg uid "$uid" 'first(.[] | select(.pod_uid == $uid and .pid > 0 and .name != "")) | .name' rows)
	collect --pod "$pod" --container-name "$name" --profile triage
	is "one of them, as ever" "$(jq -r '.target | "\(.pod_container) \(.containers)"' "$tree/begin.json") $(ls -d "$tree"/process)" \
		"$name null $tree/process"
else
	skip "a pod of several containers" "the kubelet runs none"
fi

read -r pod uid < <(pods '.[0].pod_uid | test("^[0-9a-f]{32}$")')
if [ -n "$pod" ]; then
	collect --pod-uid "$uid" --profile triage
	is "a static pod by what the node calls it" "$(jq -r '.target | "\(.pod_namespace)/\(.pod_name)"' "$tree/begin.json")" "$pod"
else
	skip "a static pod" "the kubelet runs none"
fi

read -r pod uid < <(pods 'all(.pid == 0 and .state == "exited")')
if [ -n "$pod" ]; then
	collect --pod-uid "$uid"
	if [ "$rc" = 4 ]; then
		skip "a pod that ended" "$pod was removed meanwhile"
	else
		is "a pod that ended: exit" "$rc" 3
		ok "its layers are there" ls "$tree"/containers/*/filesystem/diff.tar
	fi
else
	skip "a pod that ended" "the kubelet has left none"
fi
done_testing
