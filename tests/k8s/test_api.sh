#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 500
# What a real API server knows of pods in every state, in bundles; and what a run does when that
# server refuses, hangs or is gone.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/k8s/lib.sh"
k8s_up
echo '{"name": "k", "dumpers": {"network": {}, "runtime": {}, "logs": {}, "kubernetes": {}}}' >"$work/p.json"
admin=$KUBECONFIG

number=0
collect() { # POD [OPTION...]: the bundle's folder is $got, the status $status
	number=$((number + 1))
	kbns "$TAPHOS" collect --pod "$1" --profile "$work/p.json" --quiet \
		--output "$work/$number.tar.zst" "${@:2}" >/dev/null 2>"$work/err"
	status=$?
	got=$work/got$number
	mkdir "$got" && tar --zstd -xf "$work/$number.tar.zst" -C "$got" --strip-components=1
}
sum() { jq -r "$1" "$got/kubernetes/summary.json"; }
findings() { jq -r '.findings[] | select(.dumper == "kubernetes").text' "$got/manifest.json"; }
gaps() { jq -r '.gaps[] | select(.dumper == "kubernetes" and .kind != "by_profile") |
	"\(.kind) \(.where) \(.reason)"' "$got/manifest.json" || echo "no bundle"; }
owners='[.owners[] | .kind + "/" + .name] | join(" ")'
since=$(wc -l <"$KBLOG/audit.log")

web=$(kubectl -n shop get pods -l app=web -o jsonpath='{.items[0].metadata.name}')
collect "shop/$web" --kubeconfig "$admin"
is "a Deployment's pod" "$(jq -r '.dumpers[] | select(.name == "kubernetes").status' "$got/manifest.json")" ok
is "no gap" "$(gaps)" ""
is "the object is the server's" "$(jq -r .metadata.uid "$got/kubernetes/pod.json")" \
	"$(kubectl -n shop get pod "$web" -o jsonpath='{.metadata.uid}')"
is "its owners" "$(sum "$owners")" "ReplicaSet/${web%-*} Deployment/web"
is "its service" "$(sum '[.services[].name] | join(" ")')" web
is "its endpoint slice" "$(sum '.endpoint_slices | length')" 1
is "its containers" "$(sum '[.pod.containers[] | .name] | join(" ")')" "init httpd worker"
is "the other pod of its owner" "$(sum '[.other_pods[].name] | join(" ")')" \
	"$(kubectl -n shop get pods -l app=web -o jsonpath='{.items[1].metadata.name}')"
is "the node" "$(sum .node.system.kernelVersion)" "$(uname -r)"
is "the server" "$(sum .server.version)" "$(kubectl version -o json | jq -r .serverVersion.gitVersion)"
like "what its service account may" "$(findings)" "may read secrets \(Role web\)"
ok "its events" jq -e '[.events[] | select(.kind == "Pod")] | length > 0' "$got/kubernetes/summary.json"
ok "it verifies" "$TAPHOS" verify "$work/$number.tar.zst"

suspect=$(kubectl -n shop get pods -l app=suspect -o jsonpath='{.items[0].metadata.name}')
collect "shop/$suspect" --kubeconfig "$admin"
like "a privileged container stands out" "$(findings)" "^container c is privileged"
like "the node's processes" "$(findings)" "node's process namespace"
like "the node's files" "$(findings)" "^volume host is / of the node"
is "no value that looks secret" "$(grep -rl made-up-value "$got/kubernetes" | wc -l)" 0

collect shop/crasher --kubeconfig "$admin"
is "a crashed one: how often" "$(sum '.pod.containers[0].restartCount > 0')" true
ok "its log is somewhere" sh -c "ls $got/kubernetes/logs $got/containers/*/logs/* | grep -q log"
collect shop/oom --kubeconfig "$admin"
like "a killed one: why" "$(sum '.pod.containers[0] | tostring')" OOMKilled
collect kube-system/static-web-kbench-node1 --kubeconfig "$admin"
is "a static pod's uid is another one on the node" "$(findings | grep -c 'another one')" 0
is "it is its node's" "$(sum .pod.name)" static-web-kbench-node1
agent=$(kubectl -n kube-system get pods -o name | sed -n 's|pod/\(agent-.*\)|\1|p' | head -1)
collect "kube-system/$agent" --kubeconfig "$admin"
is "a DaemonSet's" "$(sum "$owners")" DaemonSet/agent

# connections: into the pod's network namespace come a few of our own
pid=$(kbns "$TAPHOS" list | awk -v pod="shop/$web" '$5 == pod { print $4; exit }')
other=$(kubectl -n shop get pods -l app=web -o jsonpath='{.items[1].status.podIP}')
nsenter -t "$pid" -n bash -c "exec 3<>/dev/tcp/10.96.0.1/443 4<>/dev/tcp/$other/8080; read -t 60" <>"$work/hold" &
holder=$!
wait_until sh -c "nsenter -t $pid -n ss -tn | grep -q $other:8080"
collect "shop/$web" --kubeconfig "$admin"
kill $holder
peer() { jq -r --arg to "$1" '[.peers[] | select(.remote == $to)][0].peer | "\(.is) \(.name)"' \
	"$got/kubernetes/peers.json"; }
is "a peer is the API server" "$(peer 10.96.0.1)" "api-server kubernetes"
is "a peer is a pod" "$(peer "$other")" "pod $(kubectl -n shop get pods -l app=web \
	-o jsonpath='{.items[1].metadata.name}')"

config() { # TOKEN
	cat >"$work/config" <<-END
		current-context: c
		clusters: [{name: c, cluster: {server: "https://127.0.0.1:$API_PORT",
		  certificate-authority: $PKI/ca.crt}}]
		users: [{name: u, user: {token: "$1"}}]
		contexts: [{name: c, context: {cluster: c, user: u}}]
	END
}
# the rights that are deployed, and no more
role=$TOP/scripts/deploy/base/clusterrole.yaml
container_atexit kubectl delete --wait=false -f "$role"
kubectl apply -f "$role" >/dev/null
kubectl -n default get serviceaccount taphos >/dev/null 2>&1 || {
	kubectl -n default create serviceaccount taphos >/dev/null
	container_atexit kubectl -n default delete serviceaccount taphos
}
kubectl create clusterrolebinding taphos-test --clusterrole=taphos --serviceaccount=default:taphos >/dev/null
container_atexit kubectl delete clusterrolebinding taphos-test
config "$(kbtoken taphos default)"
kubectl -n shop create job "by-hand-$$" --from cronjob/report >/dev/null
container_atexit kubectl -n shop delete --wait=false job "by-hand-$$"
job="kubectl -n shop get pods -l job-name=by-hand-$$ -o jsonpath={.items[0].metadata.name}"
wait_until sh -c "kubectl -n shop get pods -l job-name=by-hand-$$ | grep -q Completed"
for pod in "shop/$web" shop/crasher "kube-system/$agent" "shop/$($job)"; do
	collect "$pod" --kubeconfig "$work/config"
	is "the documented rights are enough for ${pod%-*}" "$(gaps)" ""
done

is "the last one is a CronJob's" "$(sum "$owners")" "Job/by-hand-$$ CronJob/report"

# from within: the pod's own service account, the server by its cluster address
OUT=$work TMO=240 "$TOP/tests/k8s/run-in-pod.sh" "$TAPHOS" collect --pod "shop/$web" --profile triage \
	--output /out/pod.tar.zst >"$work/pod.log" 2>&1
mkdir "$work/pod" && tar --zstd -xf "$work/pod.tar.zst" -C "$work/pod" --strip-components=1
is "a pod asks by itself" "$(jq -r .metadata.name "$work/pod/kubernetes/pod.json")" "$web"

config "$(kbtoken default shop)"
collect "shop/$web" --kubeconfig "$work/config"
like "a token without rights: each refusal is a gap" "$(gaps)" "^unreadable GET /api/v1/namespaces/shop/pods/$web forbidden \(403\): "
is "and the rest is there" "$status $(test -s "$got/network/sockets.json" && echo y)" "3 y"
config nonsense
collect "shop/$web" --kubeconfig "$work/config"
like "a token that is none" "$(gaps)" "unauthorized \(401\)"

sed -i 's/"kubernetes": {}/"kubernetes": {"request": "1s"}/' "$work/p.json"
server=$(k8s_server)
kill -STOP "$server"
collect "shop/$web" --kubeconfig "$admin"
kill -CONT "$server"
like "a server that hangs" "$(gaps)" "^stalled GET /apis timeout: "
is "costs nothing else" "$status $(jq -r '[.dumpers[] | select(.status == "ok").name] | unique | join(" ")' \
	"$got/manifest.json")" "3 logs network runtime"
wait_until kubectl get --raw /readyz

# what the server itself wrote down
tail -n "+$((since + 1))" "$KBLOG/audit.log" | jq -c 'select(.userAgent | startswith("taphos/"))' >"$work/audit"
ok "the server's audit log has us" test -s "$work/audit"
is "reads alone" "$(jq -r .verb "$work/audit" | sort -u | tr '\n' ' ')" "get list "
is "and no secret" "$(jq -r 'select(.objectRef.resource == "secrets")' "$work/audit" | wc -l)" 0
done_testing
