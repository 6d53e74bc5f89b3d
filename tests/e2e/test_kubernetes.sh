#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container that says it is of a pod, and an API server: a small one on loopback that answers over
# TLS what was recorded from a real one (tests/data/kube). test_k8s.sh asks a real one.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in crun busybox jq python3 openssl zstd unshare; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
scratch=$(container_scratch) || skip_all "no disk for a root"
container_atexit rm -rf "$scratch"
mkdir "$scratch/api" "$scratch/b"

container_rootfs "$scratch/rootfs"
container_bundle "$scratch/b" "$scratch/rootfs" sleep 1000
container_edit "$scratch/b" '.annotations = {"io.kubernetes.pod.namespace": "shop",
	"io.kubernetes.pod.name": "web-7559bb68dc-cqfj7", "io.kubernetes.container.name": "httpd",
	"io.kubernetes.pod.uid": "40236c5b-3b98-4696-81e3-e5ebfb49df3f"}'
id=kube-$$
container_run crun $id "$scratch/b" || skip_all "crun cannot run a container here"

mkfifo "$scratch/hold"
python3 "$TOP/tests/lib/apiserver.py" "$scratch/api" <"$scratch/hold" >"$scratch/ports" &
exec 9>"$scratch/hold"
container_atexit eval 'exec 9>&-'
wait_until grep -q ready "$scratch/ports" || skip_all "the server does not start"
port() { awk -v name="$1" '$1 == name { print $2 }' "$scratch/ports"; }

config() { # SERVER PATH
	cat >"$scratch/config" <<-END
		current-context: c
		clusters: [{name: c, cluster: {server: "https://127.0.0.1:$(port "$1")$2",
		  certificate-authority: api/ca.crt}}]
		users: [{name: u, user: {token: t}}]
		contexts: [{name: c, context: {cluster: c, user: u}}]
	END
}
echo '{"name": "kube", "dumpers": {"network": {}, "kubernetes": {"request": "2s"}}}' >"$scratch/p.json"
number=0
collect() { # [OPTION...]: the bundle's folder is $got, the status $status
	number=$((number + 1))
	"$TAPHOS" collect --container $id --profile "$scratch/p.json" --quiet \
		--output "$scratch/$number.tar.zst" "$@" >/dev/null 2>"$scratch/err"
	status=$?
	got=$scratch/got$number
	mkdir "$got" && tar --zstd -xf "$scratch/$number.tar.zst" -C "$got" --strip-components=1
}
dumper() { jq -r '.dumpers[] | select(.name == "kubernetes") | '"$1" "$got/manifest.json"; }
gaps() { jq -r '.gaps[] | select(.dumper == "kubernetes" and .kind != "by_profile") |
	"\(.kind) \(.member) \(.where) \(.reason)"' "$got/manifest.json"; }

chmod 600 "$scratch/api/ca.crt" # a worker with no rights does not read it by itself
config good /recorded
chmod 600 "$scratch/config"
collect --kubeconfig "$scratch/config"
is "the sandbox lets it ask" "$status $(dumper .status) $(gaps)" "0 ok "
is "the pod" "$(jq -r .metadata.uid "$got/kubernetes/pod.json")" \
	40236c5b-3b98-4696-81e3-e5ebfb49df3f
is "the chain" "$(jq -r '[.chain[] | .is] | join(" ")' "$got/kubernetes/summary.json")" \
	"files image process container pod owner owner node"
is "its first process" "$(jq -r '.chain[] | select(.is == "process").pid' \
	"$got/kubernetes/summary.json")" "$(container_pid crun $id)"
like "a finding of each power" "$(jq -r '.findings[].text' "$got/manifest.json")" \
	"service account may read secrets"
is "no secret was asked for" "$(grep -c '"path":"[^"]*secret' "$got/kubernetes/requests.jsonl")" 0
ok "it verifies" "$TAPHOS" verify "$scratch/1.tar.zst"

config closed /
collect --kubeconfig "$scratch/config"
is "nobody there: the rest is collected" "$status $(test -s "$got/network/sockets.json" && echo y)" "3 y"
like "and it is a gap" "$(gaps)" "^unreadable kubernetes/apis.json GET /apis unreachable: "
config deaf /
collect --kubeconfig "$scratch/config"
like "one that says nothing is stalled" "$(gaps)" "^stalled kubernetes/apis.json GET /apis timeout: "
config good /recorded
sed -i 's/token: t/exec: {command: touch, args: [x]}/' "$scratch/config"
collect --kubeconfig "$scratch/config"
like "a program for a credential is refused" "$(gaps)" "no program .* is run"
collect --kubeconfig "$scratch/none"
like "a file that is not there is a gap" "$(gaps)" "No such file"

collect
is "no server is known: skipped" "$status $(dumper .status)" "0 skipped"
like "with what to do" "$(dumper .reason)" "kubeconfig names one"
collect --kubeconfig "$scratch/config" --no-api
is "--no-api asks nobody" "$(dumper '"\(.status) \(.reason)"')" "skipped --no-api"

# a pod's service account, in a mount namespace of its own
had=$(test -d /run/secrets && echo y)
mkdir -p /run/secrets "$scratch/secrets/kubernetes.io/serviceaccount"
[ "$had" ] || container_atexit rmdir /run/secrets
cp "$scratch/api/ca.crt" "$scratch/secrets/kubernetes.io/serviceaccount/"
echo in-cluster >"$scratch/secrets/kubernetes.io/serviceaccount/token"
TAPHOS_IN=$TAPHOS
cat >"$scratch/in-pod" <<END
#!/bin/sh
exec unshare -m sh -c 'mount --bind "$scratch/secrets" /run/secrets && exec "\$@"' sh \
	env KUBERNETES_SERVICE_HOST=127.0.0.1 KUBERNETES_SERVICE_PORT=$(port good) "$TAPHOS_IN" "\$@"
END
chmod 755 "$scratch/in-pod"
TAPHOS=$scratch/in-pod
collect
is "in a pod the server is found by itself" \
	"$(jq -r .metadata.name "$got/kubernetes/pod.json")" web-7559bb68dc-cqfj7
echo old >"$scratch/secrets/kubernetes.io/serviceaccount/token"
collect
not_ok "with another token nothing is told" test -e "$got/kubernetes/pod.json"
TAPHOS=$TAPHOS_IN

container_delete crun $id
done_testing
