#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pod of several containers, made by runc or crun as a container runtime of Kubernetes would: found
# by its name and collected into one bundle. No kubelet is asked; tests/k8s has a real one.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
runtime=runc
command -v runc >/dev/null || runtime=crun
for tool in "$runtime" busybox jq openssl zstd python3; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"

hex() { tr -dc 0-9a-f </dev/urandom | head -c "$1"; }
uid=$(cat /proc/sys/kernel/random/uuid)
pod=web-$(hex 6)
volumes=$work/var/lib/kubelet/pods/$uid/volumes/kubernetes.io~empty-dir
mkdir -p "$volumes/data"
echo "shared by all" >"$volumes/data/file"
declare -A id=() pid=()

# container NAME TYPE JQ ARG...: one of the pod's
container() {
	local name=$1 type=$2 edit=$3 dir=$work/$1
	shift 3
	id[$name]=$(hex 64)
	container_rootfs "$dir/root" || return
	container_bundle "$dir" "$dir/root" "$@" || return
	# shellcheck disable=SC2016 # jq's
	container_edit "$dir" '.linux.cgroupsPath = "/kubepods-e2e/pod\($uid)/\($id)" |
		.annotations = {
			"io.kubernetes.cri.container-type": $type,
			"io.kubernetes.cri.sandbox-id": $sandbox,
			"io.kubernetes.cri.sandbox-name": $pod,
			"io.kubernetes.cri.sandbox-namespace": "e2e",
			"io.kubernetes.cri.sandbox-uid": $uid} |
		if $type == "container" then
			.annotations["io.kubernetes.cri.container-name"] = $name |
			.mounts += [{destination: "/data", type: "bind", source: "\($volumes)/data",
				options: ["rbind", "rw"]}]
		else . end | '"$edit" --arg uid "$uid" --arg id "${id[$name]}" --arg type "$type" \
		--arg sandbox "${id[pause]}" --arg pod "$pod" --arg name "$name" \
		--arg volumes "$volumes" --arg pause "${pid[pause]-}" || return
	container_run "$runtime" "${id[$name]}" "$dir" 2>"$work/err" || return
	pid[$name]=$(container_pid "$runtime" "${id[$name]}")
}

container_atexit sh -c "cd /sys/fs/cgroup && rmdir kubepods-e2e/pod$uid ./*/kubepods-e2e/pod$uid; rmdir kubepods-e2e ./*/kubepods-e2e"
# shellcheck disable=SC2016 # jq's
share='.linux.namespaces |= map(if .type == "network" or .type == "pid"
	then .path = "/proc/\($pause)/ns/\(if .type == "network" then "net" else "pid" end)" else . end)'
container pause sandbox . sleep 1000 ||
	skip_all "$runtime cannot run a container here: $(cat "$work/err")"
container web container "$share" \
	sh -c 'busybox nc -l -p 8080 & echo mine >/only-web; exec sleep 1001'
is "a container" $? 0
container side container "$share" sh -c 'sleep 1002 & exec sleep 1003'
is "another" $? 0
container setup container "$share" sh -c 'echo done >/only-setup'
is "one that ends" $? 0
container again container "$share | .annotations[\"io.kubernetes.cri.container-name\"] = \"setup\"" sh -c :
is "one of the same name" $? 0
container evil container "$share | .annotations[\"io.kubernetes.cri.container-name\"] = \"../../\u001b x\"" sh -c :
is "one that would lie elsewhere" $? 0
setups=$(printf '%s\n' "${id[setup]}" "${id[again]}" | sort)
first=setup.$(head -c 12 <<<"$setups") second=setup.$(tail -n 1 <<<"$setups" | head -c 12)
wait_until sh -c "! kill -0 ${pid[setup]} && ! kill -0 ${pid[again]} && ! kill -0 ${pid[evil]}"
wait_until grep -q 1F90 "/proc/${pid[web]}/net/tcp6" "/proc/${pid[web]}/net/tcp"

is "list shows the pod" "$("$TAPHOS" list --json | jq -c --arg uid "$uid" \
	'[.[] | select(.pod_uid == $uid) | [.pod, .sandbox, .pid > 0]] | sort')" \
	"[[\"e2e/$pod\",false,false],[\"e2e/$pod\",false,false],[\"e2e/$pod\",false,false],[\"e2e/$pod\",false,true],[\"e2e/$pod\",false,true],[\"e2e/$pod\",true,true]]"

# refused NAME EXIT ERE ARG...
refused() {
	local name=$1 want=$2 text=$3
	shift 3
	"$TAPHOS" collect "$@" --output "$work" >"$work/out" 2>"$work/err"
	is "$name: exit" $? "$want"
	like "$name: it says so" "$(cat "$work/err")" "$text"
}
refused "no such pod" 4 "no pod 'e2e/none'" --pod e2e/none
refused "the beginning of a name" 4 "^  e2e/$pod  $uid" --pod "e2e/${pod%???}"
refused "another namespace" 4 "^  e2e/$pod  $uid" --pod "default/$pod"
refused "no such container" 4 "^  ${id[web]:0:12}  web  running" --pod "e2e/$pod" --container-name none
refused "the sandbox is no container" 4 "has no container 'pause'" --pod "e2e/$pod" --container-name pause
refused "no such uid" 4 "kubernetes.io/config.hash" --pod-uid 00000000-0000-4000-8000-000000000000
is "nothing was left behind" "$(ls "$work"/*.tar.zst* 2>/dev/null)" ""

"$TAPHOS" plan --pod "e2e/$pod" --profile full --json >"$work/plan" 2>"$work/err"
is "plan: exit" $? 0
is "plan: who is read where" "$(jq -r '[.dumpers[] | select(.name | IN("process", "memory", "filesystem")) |
	"\(.folder // "-") \(.name)"] | join(", ")' "$work/plan")" \
	"containers/side process, containers/web process, containers/_._..___x process, containers/$first process, containers/$second process, sandbox process, - memory, containers/side filesystem, containers/web filesystem, containers/_._..___x filesystem, containers/$first filesystem, containers/$second filesystem"

"$TAPHOS" keygen --output "$work/key" >/dev/null
"$TAPHOS" collect --pod "e2e/$pod" --profile full --key "$work/key" --output "$work" --json >"$work/result" 2>"$work/err"
ok "collects: exit 0 or 3" grep -qx "[03]" <<<$?
is "the result names the pod" "$(jq -r '"\(.pod) \(.containers)"' "$work/result")" "e2e/$pod 5"
bundle=$(jq -r .bundle "$work/result")
like "the bundle is named after the pod" "$bundle" "/taphos-$pod-[0-9TZ]*-[0-9a-f]{16}\.tar\.zst$"
like "verify: SEALED" "$("$TAPHOS" verify --key "$work/key.pub" "$bundle")" "^SEALED"
like "verify.sh agrees" "$("$TOP/scripts/verify.sh" "$bundle" "$work/key.pub")" "^SEALED"
mkdir "$work/x"
tar -C "$work/x" --zstd -xf "$bundle"
tree=$(echo "$work"/x/taphos-*)

is "a folder for each" "$(jq -r '[.target.containers[] | "\(.folder) \(.running)"] | join(", ")' "$tree/begin.json")" \
	"containers/side true, containers/web true, containers/_._..___x false, containers/$first false, containers/$second false, sandbox true"
is "the pod" "$(jq -r '.target | "\(.pod_namespace)/\(.pod_name) \(.pod_uid) \(.members)"' "$tree/begin.json")" \
	"e2e/$pod $uid 5"
is "each process where it belongs, once" "$(cd "$tree" && printf '%s\n' containers/*/process/*/cmdline sandbox/process/*/cmdline |
	while read -r file; do echo "${file%%/process*} $(tr '\0' ' ' <"$file")"; done | sort)" \
	"containers/side sleep 1002 
containers/side sleep 1003 
containers/web busybox nc -l -p 8080 
containers/web sleep 1001 
sandbox sleep 1000 "
is "memory of all, in one place" "$(cd "$tree" && printf '%s\n' memory/*.core | wc -l)" 5
is "nowhere else" "$(cd "$tree" && ls -d containers/*/memory containers/*/network 2>/dev/null)" ""
is "whose socket it is" "$(jq -r '.sockets[] | select(.state == "listen") | "\(.local_port) \(.owners[].pid)"' \
	"$tree/network/sockets.json" | sort -u)" "8080 $(cd "$tree/containers/web/process" &&
	grep -lzx nc -- */cmdline | cut -d/ -f1)"
is "one network" "$(jq -r '[.dumpers[] | select(.name == "network") | .folder // "-"] | join(" ")' "$tree/manifest.json")" "-"
if [ "$(jq -r .memory.hold.method "$tree/collector/effects.json")" = ptrace ]; then
	skip "frozen at once" "no freezer here"
else
	like "frozen at once" "$(jq -r .memory.hold.cgroup "$tree/collector/effects.json")" "kubepods-e2e/pod$uid$"
fi
is "the shared volume is read once" "$(cd "$tree" && jq -r '.[] | select(.point == "/data") | .collected_in // "here"' \
	containers/{side,web,"$first"}/volumes/mounts.json | sed 's,/[0-9]*$,/N,' | paste -sd' ')" \
	"here containers/side/volumes/N containers/side/volumes/N"
is "what is in it" "$(cd "$tree" && tar -xOf "$(jq -r '.[] | select(.point == "/data") | .collected_in' \
	containers/web/volumes/mounts.json)/content.tar" file)" "shared by all"
is "rows of the manifest say whose" "$(jq -r '[.dumpers[] | select(.name == "process") | .folder + " " + .status] | join(", ")' \
	"$tree/manifest.json")" \
	"containers/side ok, containers/web ok, containers/_._..___x skipped, containers/$first skipped, containers/$second skipped, sandbox ok"
like "inspect says whose" "$("$TAPHOS" inspect "$bundle")" "^  containers/$first/process  skipped: "

one=$("$TAPHOS" collect --pod-uid "$uid" --container-name web --profile triage --output "$work/one.tar.zst" 2>"$work/err")
ok "one container alone" [ "$one" = "$work/one.tar.zst" ]
like "lies as ever" "$(tar --zstd -tf "$one")" "/process/${pid[web]}/stat$"
is "without folders" "$(tar --zstd -tf "$one" | grep -c /containers/)" 0
is "it is the right one" "$(tar --zstd -xOf "$one" --wildcards '*/begin.json' | jq -r '.target.id, .target.containers')" \
	"${id[web]}
null"
done_testing
