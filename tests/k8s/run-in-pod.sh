#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2086 # paths of its own, without blanks
# run-in-pod - runs a static binary on the node the way a responder would: a scratch image with nothing but the binary,
# in a short-lived privileged pod with hostPID, hostNetwork and the host's root at /host.
# usage: run-in-pod.sh BINARY [ARG]...     (the binary is /tool in the pod; output comes from the pod's log)
# env: NS (namespace, default forensics), SA (service account, default collector), OUT (host dir mounted at /out, default $KB/out),
#      KEEP=1 leaves the pod
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd); . "$HERE/env.sh"
if kbns_other; then exec nsenter -t "$(cat $KBRUN/containerd.pid)" -m --wd="$PWD" "$HERE/run-in-pod.sh" "$@"; fi
bin=$1; shift
NS=${NS:-forensics}; SA=${SA:-collector}; OUT=${OUT:-$KB/out}; mkdir -p "$OUT"
h=$(sha256sum "$bin" | cut -c1-12); ref=docker.io/library/tool:$h; name=tool-$h-$RANDOM
if ! kbctr images ls -q | grep -qx "$ref"; then
  r=$(mktemp -d -p $KB/img); chmod 755 $r; install -m 755 "$bin" $r/tool; mkimage $KB/img/tool.tar "$ref" $r '{"Entrypoint":["/tool"],"WorkingDir":"/"}'
  kbctr images import $KB/img/tool.tar >/dev/null; rm -r $r
fi
args=$(printf '%s\n' "$@" | jq -Rn '[inputs|select(length>0)]')
jq -n --arg n $name --arg ns $NS --arg sa $SA --arg ref $ref --arg node $NODE --arg out "$OUT" --argjson args "$args" '{apiVersion:"v1",kind:"Pod",metadata:{name:$n,namespace:$ns},spec:{
  nodeName:$node,restartPolicy:"Never",serviceAccountName:$sa,hostPID:true,hostNetwork:true,hostIPC:true,terminationGracePeriodSeconds:2,tolerations:[{operator:"Exists"}],
  containers:[{name:"tool",image:$ref,imagePullPolicy:"Never",args:$args,securityContext:{privileged:true,runAsUser:0},
    volumeMounts:[{name:"host",mountPath:"/host"},{name:"out",mountPath:"/out"}]}],
  volumes:[{name:"host",hostPath:{path:"/"}},{name:"out",hostPath:{path:$out,type:"DirectoryOrCreate"}}]}}' | kubectl create -f - >&2
n=0; until ph=$(kubectl -n $NS get pod $name -o jsonpath='{.status.phase}'); [ "$ph" = Succeeded ] || [ "$ph" = Failed ]; do n=$((n+1)); [ $n -gt ${TMO:-1200} ] && break; sleep 0.25; done
kubectl -n $NS logs $name
rc=$(kubectl -n $NS get pod $name -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}')
[ -n "${KEEP:-}" ] || kubectl -n $NS delete pod $name --grace-period=1 --wait=false >&2
echo "phase $ph exit ${rc:-?} pod $NS/$name" >&2
exit ${rc:-1}
