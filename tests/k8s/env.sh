# SPDX-License-Identifier: Apache-2.0
# env - settings of the bench. Sourced by up.sh, down.sh and by users (". env.sh").
# shellcheck shell=bash
# shellcheck disable=SC1091,SC2010,SC2012,SC2016,SC2034,SC2038,SC2045,SC2046,SC2059,SC2086,SC2143,SC2231 # paths of its own, without blanks
KB=${KB:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/k8s-bench}  # everything but /var/lib/kubelet and /var/log/{pods,containers} is under here
KBBIN=$KB/bin
KBLOG=$KB/log
KBRUN=$KB/run                      # pid files and saved sysctls
PKI=$KB/pki
NODE=${NODE:-kbench-node1}         # node name
API_PORT=${API_PORT:-6443}
ETCD_PORT=${ETCD_PORT:-12379}
ETCD_PEER=${ETCD_PEER:-12380}
SVC_CIDR=10.96.0.0/16
SVC_IP=10.96.0.1
POD_CIDR=10.244.0.0/24
BRIDGE=kb0
# containerd's state and root. "auto": the real places (/run/containerd, /var/lib/containerd)
# unless another containerd lives there; then $KB/ctd/state and $KB/ctd/root.
if [ -s $KB/run/ctd.env ]; then . $KB/run/ctd.env; fi
export KUBECONFIG=$KB/admin.kubeconfig
export PATH=$KBBIN:$PATH

# mkimage OUT.tar REF ROOTFSDIR 'JSON config object' : a docker-archive with one layer
mkimage() {
  local out=$1 ref=$2 root=$3 cfg=$4 d id cid
  d=$(mktemp -d -p $KB/img)
  tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -C $root -cf $d/layer.tar .
  id=$(sha256sum $d/layer.tar | cut -d' ' -f1)
  printf '{"architecture":"amd64","os":"linux","created":"2023-11-14T22:13:20Z","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created":"2023-11-14T22:13:20Z","created_by":"kbench"}]}' "$cfg" $id > $d/config.json
  cid=$(sha256sum $d/config.json | cut -d' ' -f1); mv $d/config.json $d/$cid.json
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' $cid $ref > $d/manifest.json
  tar -C $d -cf $out manifest.json $cid.json layer.tar; rm -r $d
}
# kbctr: ctr on the bench's containerd
kbctr() { ctr -a "${CTD_STATE:?not up}/containerd.sock" -n k8s.io "$@"; }
# kbtoken SERVICEACCOUNT NAMESPACE [SECONDS]: a bound token, from the TokenRequest API
kbtoken() {
  curl -sf --cacert $PKI/ca.crt --cert $PKI/admin.crt --key $PKI/admin.key -H 'Content-Type: application/json' \
    -d "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{\"expirationSeconds\":${3:-3600}}}" \
    https://127.0.0.1:$API_PORT/api/v1/namespaces/$2/serviceaccounts/$1/token | jq -r .status.token
}
# the bench's mount namespace, where it has its own (KB_REAL=1): kbns_other says whether we are outside it, kbns runs a command inside
kbns_other() { [ -s $KBRUN/containerd.pid ] && grep -qz containerd /proc/$(cat $KBRUN/containerd.pid)/cmdline 2>/dev/null && [ "$(readlink /proc/$(cat $KBRUN/containerd.pid)/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]; }
kbns() { if kbns_other; then nsenter -t "$(cat $KBRUN/containerd.pid)" -m --wd="$PWD" "$@"; else "$@"; fi; }
