#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 500
# The image in a cluster: what scripts/deploy describes is accepted, and collects; the plugin brings a
# bundle to the workstation, takes away what it started, and says why where it cannot.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/k8s/lib.sh"
k8s_up
cd "$work" || exit 1
export TAPHOS_IMAGE=localhost/taphos:k8s-test
deploy=$TOP/scripts/deploy
plugin=$TOP/scripts/kubectl-taphos
admin=$KUBECONFIG
since=$(wc -l <"$KBLOG/audit.log")

"$TOP/scripts/image" "$TAPHOS" "$TAPHOS_IMAGE" image.tar >/dev/null
ok "the node's containerd imports the image" kbns ctr -a "$CTD_STATE/containerd.sock" -n k8s.io images import image.tar
container_atexit kubectl delete --wait=false -k "$deploy/base"
# a namespace of that name may be on its way out
ok "the base is accepted" env WAIT=60 bash -c ". '$TOP/tests/lib/container.sh'; wait_until kubectl apply -k '$deploy/base'"
wait_until kubectl -n taphos get serviceaccount taphos

web=$(kubectl -n shop get pods -l app=web -o jsonpath='{.items[0].metadata.name}')
fill() { # POD: as docs/KUBERNETES.md says
	sed "s|NODE$|$NODE|; s|IMAGE$|$TAPHOS_IMAGE|; s|POD$|$1|"
}
kubectl kustomize "$deploy/job" | fill "shop/$web" >job.yaml
ok "the Job is accepted" kubectl apply --dry-run=server -f job.yaml
# kustomize of kubectl before 1.21 knows no 'patches': they are applied one by one
patched() { # PATCH FILE
	kubectl patch --local --type=json -o yaml -f "$2" -p "$(cat "$deploy/overlays/$1")"
}
for overlay in privileged openshift; do
	patched "$overlay/job/job.patch.yaml" job.yaml >"$overlay.yaml"
	ok "$overlay: the Job is accepted" kubectl apply --dry-run=server -f "$overlay.yaml"
done
like "privileged is that" "$(cat privileged.yaml)" "privileged: true"
unlike "and the others are not" "$(cat job.yaml openshift.yaml)" "privileged: true"
ok "openshift: the namespace is accepted" bash -c "$(declare -f patched); deploy='$deploy'
	patched openshift/base/namespace.patch.yaml '$deploy/base/namespace.yaml' | kubectl apply --dry-run=server -f -"
is "openshift: the constraints allow what the Job adds, and no more" \
	"$(grep '^allowedCapabilities' "$deploy/overlays/openshift/base/scc.yaml" | tr -d '[],:' | cut -d' ' -f2- | tr ' ' '\n' | sort)" \
	"$(kubectl create --dry-run=client -o json -f job.yaml |
		jq -r '.spec.template.spec.containers[0].securityContext.capabilities.add[]' | sort)"
new=$(PATH=${PATH#"$KBBIN:"} command -v kubectl)
if [ -n "$new" ] && "$new" version --client -o json | grep -q kustomizeVersion; then
	for dir in base job overlays/privileged/job overlays/openshift/base overlays/openshift/job; do
		ok "kubectl kustomize $dir" "$new" kustomize "$deploy/$dir"
	done
	is "it is those patches" "$("$new" kustomize "$deploy/overlays/privileged/job" | grep -c 'privileged: true')" 1
else
	skip "kubectl kustomize of the overlays" "no kubectl from 1.21 on"
	new=
fi

# on the node
rm -rf /var/lib/taphos
container_atexit rm -rf /var/lib/taphos
kubectl create -f job.yaml >/dev/null
ended() { kubectl -n taphos get job taphos-collect -o 'jsonpath={.status.succeeded}{.status.failed}' | grep -q .; }
ok "the Job ends" env WAIT=60 bash -c "$(declare -f wait_until ended); wait_until ended"
like "with a bundle on the node" "$("$TAPHOS" verify /var/lib/taphos/*.tar.zst 2>&1)" "^SEALED"
kubectl -n taphos delete job taphos-collect --wait=false >/dev/null

# to the workstation
run() { # ARG...: $status, out, err
	timeout 150 "$plugin" "$@" >out 2>err
	status=$?
}
gone() { ! kubectl -n taphos get jobs,pods -o name | grep -q .; }
losses() { # but of what is no more, or closed to all of this machine
	"$TAPHOS" inspect "$1" manifest.json |
		jq -r '.gaps[] | select(.kind != "by_profile" and .kind != "not_present") | .where' |
		grep -vx "the host's container runtimes"
}
run collect "shop/$web" --output web.tar.zst -- --case C-17
is "collected" "$status $(cat out)" "3 web.tar.zst"
like "verified here" "$(cat err)" "^SEALED"
like "progress" "$(cat err)" "^\[1/[0-9]+\] "
is "no capability was missing" "$(losses web.tar.zst)" ""
is "options go along" "$("$TAPHOS" inspect web.tar.zst begin.json | jq -r .case)" C-17
is "it asked the API server" "$("$TAPHOS" inspect web.tar.zst kubernetes/pod.json | jq -r .metadata.name)" "$web"
ok "nothing is left in the cluster" env WAIT=60 bash -c "$(declare -f wait_until gone); wait_until gone"
run collect "shop/$web" --output web.tar.zst
is "nothing is overwritten" "$status" 2
suspect=$(kubectl -n shop get pods -l app=suspect -o 'jsonpath={.items[0].metadata.name}')
run collect "shop/$suspect" --output suspect.tar.zst --profile full
like "with memory" "$(cat err)" "^SEALED"
ok "what was deleted is there" bash -c "'$TAPHOS' inspect suspect.tar.zst manifest.json | grep -q deleted"
run collect "kube-system/static-web-$NODE" --output static.tar.zst --profile triage
like "a static pod" "$(cat err)" "^SEALED"
if [ -n "$new" ]; then
	KUBECTL=$new run collect shop/crasher --output crasher.tar.zst --overlay privileged --profile triage
	like "by the privileged overlay" "$(cat err)" "^SEALED"
else
	skip "by the privileged overlay" "no kubectl from 1.21 on"
fi
run doctor "$NODE"
like "doctor" "$(cat out)" "^pass +capabilities +all"
like "doctor: the API server" "$(cat out)" "^pass +api server"
run ls "$NODE"
like "ls of a node" "$(cat out)" "shop/$web"
run ls
like "ls" "$(cat out)" "^shop +$web +$NODE"
run verify web.tar.zst
is "verify" "$status" 3

# with the documented rights and no more
kubectl -n taphos create serviceaccount responder >/dev/null
kubectl create clusterrolebinding taphos-test-find --clusterrole taphos-find --serviceaccount taphos:responder >/dev/null
container_atexit kubectl delete clusterrolebinding taphos-test-find
kubectl -n taphos create rolebinding taphos-test --role taphos-collect --serviceaccount taphos:responder >/dev/null
credential() { # TOKEN FILE
	cat >"$2" <<-END
		apiVersion: v1
		kind: Config
		current-context: c
		clusters: [{name: c, cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority: $PKI/ca.crt}}]
		users: [{name: u, user: {token: "$1"}}]
		contexts: [{name: c, context: {cluster: c, user: u}}]
	END
}
credential "$(kbtoken responder taphos)" responder.kubeconfig
# a kubectl of each age
for KUBECTL in "$KBBIN/kubectl" $new; do
	rm -f responder.tar.zst
	KUBECTL=$KUBECTL run collect "shop/$web" --output responder.tar.zst --profile triage --kubeconfig "$work/responder.kubeconfig"
	like "a responder's rights are enough, $("$KUBECTL" version --client -o json | jq -r .clientVersion.gitVersion)" \
		"$(cat err)" "^SEALED"
done
unset KUBECTL

# interrupted
# a job in the background ignores Ctrl-C, unless told not to
env --default-signal=INT "$plugin" collect "shop/$suspect" --output cut.tar.zst --profile full >out 2>err &
child=$!
ok "a run under way" env WAIT=60 bash -c "$(declare -f wait_until); wait_until grep -q '^.1/' err"
kill -INT "$child"
wait "$child"
is "interrupted" "$?" 130
like "interrupted: what came is kept" "$(cat err)" "what came is in cut.tar.zst.partial"
like "and authentic up to a seal" "$("$TAPHOS" verify cut.tar.zst.partial 2>&1)" "^(INTERRUPTED|SEALED)"
ok "interrupted: nothing is left in the cluster" env WAIT=60 bash -c "$(declare -f wait_until gone); wait_until gone"

ok "interrupted: the target runs" timeout 20 kubectl -n shop exec "$suspect" -- true

# refusals
refuses() { # NAME STATUS ERE ARG...
	run "${@:4}" --output refused.tar.zst
	is "$1: exit" "$status" "$2"
	like "$1: why" "$(cat err)" "$3"
	is "$1: nothing is left" "$(ls refused* 2>/dev/null)" ""
}
refuses "no such pod" 4 'pods "nosuch" not found' collect shop/nosuch
refuses "a pod on no node" 4 "on no node" collect shop/pending
refuses "no such image" 1 "image localhost/nosuch:1 is not to be had" collect "shop/$web" --image localhost/nosuch:1
credential "$(kbtoken collector forensics)" nobody.kubeconfig
refuses "no rights" 5 "you may not create jobs.batch" collect "shop/$web" --kubeconfig "$work/nobody.kubeconfig"
sed 's/token: .*"/token: nonsense/' nobody.kubeconfig >bad.kubeconfig
refuses "no credential" 5 "does not accept the credential" collect "shop/$web" --kubeconfig "$work/bad.kubeconfig"
sed "s/:$API_PORT/:1/" nobody.kubeconfig >dead.kubeconfig
refuses "no server" 1 "cannot be reached" collect "shop/$web" --kubeconfig "$work/dead.kubeconfig"
kubectl -n taphos create quota none --hard=pods=0 >/dev/null
refuses "the namespace admits no pod" 5 "exceeded quota" collect "shop/$web"
kubectl -n taphos delete quota none >/dev/null
# a node object without a kubelet
printf 'apiVersion: v1\nkind: Node\nmetadata: {name: gone}\n' | kubectl create -f - >/dev/null
container_atexit kubectl delete --wait=false node gone
run doctor gone
like "a node that is not ready" "$status $(cat err)" "^1 .*node gone is not ready"

# kubectl debug node: the host below /host, found by itself
debug_pod() { # as 'kubectl debug node/N --profile=sysadmin' makes it, of 1.30 and later
	jq -n --arg image "$TAPHOS_IMAGE" --arg node "$NODE" '{apiVersion: "v1", kind: "Pod",
		metadata: {generateName: "node-debugger-", namespace: "taphos"}, spec: {nodeName: $node, hostPID: true,
		hostIPC: true, hostNetwork: true, restartPolicy: "Never", tolerations: [{operator: "Exists"}],
		volumes: [{name: "host-root", hostPath: {path: "/"}}], containers: [{name: "debugger", image: $image,
		imagePullPolicy: "IfNotPresent", stdin: true, command: $ARGS.positional,
		volumeMounts: [{name: "host-root", mountPath: "/host"}], securityContext: {privileged: true}}]}}' --args -- "$@"
}
rm -rf /var/lib/taphos && mkdir /var/lib/taphos
command=(taphos collect --pod "shop/$web" --profile triage --output /host/var/lib/taphos)
if [ -n "$new" ] && "$new" debug --help | grep -q sysadmin; then
	"$new" -n taphos debug "node/$NODE" --profile=sysadmin --image="$TAPHOS_IMAGE" --image-pull-policy=IfNotPresent -- \
		"${command[@]}" >out 2>err
else
	debug_pod "${command[@]}" | kubectl create -f - >out 2>err
fi
written() { ls /var/lib/taphos/*.zst; }
ok "kubectl debug node: a bundle on the node" env WAIT=40 bash -c "$(declare -f wait_until written); wait_until written"
like "it is whole" "$("$TAPHOS" verify /var/lib/taphos/*.zst 2>&1)" "^SEALED"
kubectl -n taphos delete pods --all --wait=false >/dev/null 2>&1

# what the server wrote down
KUBECONFIG=$admin
tail -n "+$((since + 1))" "$KBLOG/audit.log" |
	jq -c 'select(.user.username == "system:serviceaccount:taphos:taphos")' >audit
ok "the server's audit log has the collector" test -s audit
is "reads alone" "$(jq -r .verb audit | sort -u | tr '\n' ' ')" "get list "
is "and no secret" "$(jq -r 'select(.objectRef.resource == "secrets")' audit | wc -l)" 0
done_testing
