#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2010,SC2012,SC2016,SC2034,SC2038,SC2045,SC2046,SC2059,SC2086,SC2143,SC2231 # paths of its own, without blanks
# up - brings up a real single-node Kubernetes (Debian's 1.20.2 source, containerd 1.6, runc) on loopback.
# Only apt packages and Debian source packages are used. Idempotent: what is there or runs is kept.
# usage: up.sh [apt|build|pki|images|start|net|demo]...   (none: all, in this order)
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/env.sh"
# KB_REAL=1: a mount namespace of the bench's own, with an empty /run/containerd and /var/lib/containerd, so that
# containerd's state has its usual place though another containerd runs on the machine. kbns (env.sh) enters it.
if [ "${KB_REAL:-}" = 1 ] && [ -z "${KB_INNS:-}" ] && ! kbns_other; then
  export KB_INNS=1; mkdir -p /run/containerd /var/lib/containerd
  exec unshare -m --propagation private bash -c 'mount -t tmpfs -o mode=711 kbench /run/containerd && mount -t tmpfs -o mode=711 kbench /var/lib/containerd && exec "$0" "$@"' "$HERE/up.sh" "$@"
fi
if kbns_other; then exec nsenter -t "$(cat $KBRUN/containerd.pid)" -m --wd="$PWD" "$HERE/up.sh" "$@"; fi
mkdir -p $KBBIN $KBLOG $KBRUN $PKI $KB/cni/net.d $KB/img
say() { echo "[$(date +%T)] $*"; }

step_apt() {
  local need="" p
  for p in golang-1.19-go golang-1.19-src dpkg-dev etcd-server containerd runc containernetworking-plugins \
           busybox-static iptables socat conntrack ethtool jq openssl curl gcc libc6-dev iproute2 util-linux; do
    dpkg-query -W -f='${Status}' $p 2>/dev/null | grep -q 'install ok installed' || need="$need $p"
  done
  if [ -n "$need" ]; then
    say "apt-get install:$need"
    apt-get update >$KBLOG/apt.log 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $need >>$KBLOG/apt.log 2>&1
  fi
}

step_build() {
  local b all=1
  for b in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do [ -x $KBBIN/$b ] || all=0; done
  [ $all = 1 ] && { say "binaries are there"; return; }
  export PATH=/usr/lib/go-1.19/bin:$PATH GOCACHE=$KB/gocache GOPATH=$KB/gopath GO111MODULE=off CGO_ENABLED=0
  local K=$GOPATH/src/k8s.io/kubernetes
  if [ ! -d $K ]; then
    say "source package kubernetes"
    if ! apt-cache showsrc kubernetes 2>/dev/null | grep -q '^Package: kubernetes$'; then
      # the same mirror as the machine's own "deb" entries
      mirror=$(awk '/^URIs:/{print $2; exit} /^deb /{for(i=2;i<=NF;i++) if($i ~ /:\/\//){print $i; exit}}' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -1)
      echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" > $KB/kbench-src.list
      # a deb-src list of our own, used by these two commands only
      APTO="-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::sourcelist=$KB/kbench-src.list -o Dir::State::lists=$KB/aptlists -o APT::Sandbox::User=root"
      mkdir -p $KB/aptlists/partial; apt-get $APTO update >>$KBLOG/apt.log 2>&1
    fi
    ( mkdir -p $KB/src $GOPATH/src/k8s.io && cd $KB/src && apt-get ${APTO:-} -o APT::Sandbox::User=root source kubernetes >$KBLOG/source.log 2>&1 )
    mv $(ls -d $KB/src/kubernetes-*/ | head -1) $K
  fi
  cd $K
  # The vendored reflect2 1.0.1 crashes the API server when built by Go >= 1.18 (runtime.mapiterinit changed;
  # Debian's binary kubectl is built from the same vendored code): 1.0.2 from Debian's -dev package in its place.
  if [ ! -e vendor/github.com/modern-go/reflect2/go_above_118.go ]; then
    say "reflect2 1.0.2"
    ( mkdir -p $KB/deb && cd $KB/deb && apt-get -o APT::Sandbox::User=root download golang-github-modern-go-reflect2-dev >/dev/null && dpkg-deb -x golang-github-modern-go-reflect2-dev_*.deb r2 )
    rm vendor/github.com/modern-go/reflect2/*.go vendor/github.com/modern-go/reflect2/*.s
    cp $KB/deb/r2/usr/share/gocode/src/github.com/modern-go/reflect2/*.[gs]* vendor/github.com/modern-go/reflect2/
  fi
  # Without this the kubelet looks for AWS credentials at 169.254.169.254 when it starts: no traffic off the machine.
  sed -i '/credentialprovider\/aws"/d' cmd/kubelet/app/plugins.go
  local V=k8s.io/kubernetes/vendor/k8s.io
  local ld="-s -w"
  for p in $V/component-base/version $V/client-go/pkg/version; do
    ld="$ld -X $p.gitVersion=v1.20.2 -X $p.gitMajor=1 -X $p.gitMinor=20 -X $p.gitCommit=faecb196815e248d3ecfb03c680a4507229c2a56 -X $p.gitTreeState=archive -X $p.buildDate=2021-01-13T13:20:00Z"
  done
  if [ ! -s pkg/generated/openapi/zz_generated.openapi.go ]; then
    say "openapi generation"
    nice -n 10 go build -p 2 -o $KBBIN/openapi-gen $V/kube-openapi/cmd/openapi-gen
    local dirs
    dirs=$(find cmd pkg staging/src/k8s.io -name '*.go' | grep -v -e /_examples/ -e /code-generator/ -e /sample-apiserver/ -e testdata \
      | xargs grep -l '^// *+k8s:openapi-gen=' | xargs -n1 dirname | LC_ALL=C sort -u \
      | sed 's#^staging/src/#vendor/#; s#^#k8s.io/kubernetes/#' | paste -sd,)
    nice -n 10 $KBBIN/openapi-gen --logtostderr -i "$dirs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
      -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r $KBLOG/openapi_violations.report
  fi
  for b in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
    [ -x $KBBIN/$b ] && continue
    say "go build $b"
    nice -n 10 go build -p 2 -ldflags "$ld" -o $KBBIN/$b.new k8s.io/kubernetes/cmd/$b && mv $KBBIN/$b.new $KBBIN/$b
  done
  cd /
}

# cert NAME CN O USAGE [SAN]
cert() {
  [ -s $PKI/$1.crt ] && return
  local ext="keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=$4\n"
  [ -n "${5:-}" ] && ext="${ext}subjectAltName=$5\n"
  openssl req -new -newkey rsa:2048 -nodes -keyout $PKI/$1.key -out $PKI/$1.csr -subj "${3:+/O=$3}/CN=$2" 2>/dev/null
  openssl x509 -req -in $PKI/$1.csr -CA $PKI/ca.crt -CAkey $PKI/ca.key -CAcreateserial -days 3650 \
    -extfile <(printf "$ext") -out $PKI/$1.crt 2>/dev/null
}
kubeconfig() { # NAME(file) cert
  cat > $KB/$1.kubeconfig <<E2
apiVersion: v1
kind: Config
clusters: [{name: kbench, cluster: {server: "https://127.0.0.1:$API_PORT", certificate-authority: $PKI/ca.crt}}]
users: [{name: $2, user: {client-certificate: $PKI/$2.crt, client-key: $PKI/$2.key}}]
contexts: [{name: kbench, context: {cluster: kbench, user: $2}}]
current-context: kbench
E2
}
step_pki() {
  if [ ! -s $PKI/ca.crt ]; then
    say "certificates"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $PKI/ca.key -out $PKI/ca.crt -days 3650 -subj /CN=kbench-ca \
      -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature 2>/dev/null
    openssl genrsa -out $PKI/sa.key 2048 2>/dev/null
    openssl rsa -in $PKI/sa.key -pubout -out $PKI/sa.pub 2>/dev/null
  fi
  cert etcd kube-etcd "" serverAuth,clientAuth IP:127.0.0.1,DNS:localhost
  cert etcd-client kube-apiserver-etcd-client "" clientAuth
  cert apiserver kube-apiserver "" serverAuth IP:127.0.0.1,IP:$SVC_IP,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
  cert kubelet-client kube-apiserver-kubelet-client system:masters clientAuth
  cert admin kubernetes-admin system:masters clientAuth
  cert kcm system:kube-controller-manager "" clientAuth
  cert sched system:kube-scheduler "" clientAuth
  cert kubelet system:node:$NODE system:nodes clientAuth
  cert kubelet-server $NODE "" serverAuth DNS:$NODE,IP:127.0.0.1
  kubeconfig admin admin; kubeconfig kcm kcm; kubeconfig sched sched; kubeconfig kubelet kubelet
}

step_images() {
  cd $KB/img
  if [ ! -s pause.tar ]; then
    say "images"
    cat > pause.c <<'E2'
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void down(int s) { (void)s; _exit(0); }
static void reap(int s) { (void)s; while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) { signal(SIGINT, down); signal(SIGTERM, down); signal(SIGCHLD, reap); for (;;) pause(); }
E2
    mkdir -p pause.root && gcc -Os -static -s -o pause.root/pause pause.c
    mkimage pause.tar registry.k8s.io/pause:3.6 pause.root '{"Entrypoint":["/pause"],"User":"65535:65535","WorkingDir":"/"}'
  fi
  if [ ! -s busybox.tar ]; then
    mkdir -p bb.root/bin bb.root/etc bb.root/tmp bb.root/root bb.root/var/log bb.root/proc bb.root/sys bb.root/dev bb.root/srv; chmod 1777 bb.root/tmp
    cp $(readlink -f "$(command -v busybox)") bb.root/bin/busybox
    for a in $(bb.root/bin/busybox --list); do [ -e bb.root/bin/$a ] || ln -s busybox bb.root/bin/$a; done
    echo 'root:x:0:0:root:/root:/bin/sh
www:x:1000:1000:www:/srv:/bin/sh' > bb.root/etc/passwd; echo 'root:x:0:
www:x:1000:' > bb.root/etc/group
    mkimage busybox.tar docker.io/library/busybox:1.35 bb.root '{"Cmd":["sh"],"Env":["PATH=/bin:/usr/bin:/sbin"],"WorkingDir":"/"}'
  fi
  cd /
}

# launch NAME cmd...: in the background, own session, log and pid file
alive() { [ -s $KBRUN/$1.pid ] && kill -0 "$(cat $KBRUN/$1.pid)" 2>/dev/null && grep -qz -- "${2:-$1}" /proc/$(cat $KBRUN/$1.pid)/cmdline; }
launch() {
  local n=$1; shift
  alive $n && { say "$n runs"; return; }
  setsid bash -c 'echo $$ >'$KBRUN/$n.pid'; exec "$@"' _ "$@" >>$KBLOG/$n.log 2>&1 </dev/null 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- &
  say "$n started"
}
wait_for() { local what=$1 n=0; shift; until "$@" >/dev/null 2>&1; do n=$((n+1)); [ $n -gt 240 ] && { say "GAVE UP waiting for $what"; return 1; }; sleep 0.5; done; say "$what is up"; }

cgroups() { # v1 hierarchies, where the machine has none
  local c; mountpoint -q /sys/fs/cgroup || mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
  [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] && { say "cgroup2 only: kubelet 1.20 needs v1"; return 1; }
  for c in cpu cpuacct cpuset memory devices freezer blkio pids; do
    grep -q " /sys/fs/cgroup/[a-z,]*\b$c\b" /proc/mounts || { mkdir -p /sys/fs/cgroup/$c; mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c; }
  done
  grep -q 'name=systemd' /proc/mounts || { mkdir -p /sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd; }
}

step_start() {
  # down.sh removes what is there: never what somebody else's kubelet keeps
  [ -e $KBRUN/mine ] || [ -z "$(ls -A /var/lib/kubelet/pods 2>/dev/null)" ] || { say "this machine is a node of another cluster"; exit 1; }
  : > $KBRUN/mine
  cgroups
  [ -s $KBRUN/sysctl.saved ] || for k in vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.ipv4.ip_forward; do
    echo "$k=$(sysctl -n $k)"; done > $KBRUN/sysctl.saved

  # containerd of our own
  if [ ! -s $KBRUN/ctd.env ]; then
    if [ "${KB_CTD:-auto}" = own ] || { [ -S /run/containerd/containerd.sock ] && timeout 5 ctr -a /run/containerd/containerd.sock version >/dev/null 2>&1; } \
       || { [ -n "$(ls -A /var/lib/containerd 2>/dev/null | grep -vx opt)" ] && [ ! -e /var/lib/containerd/.kbench ]; }; then
      echo "CTD_STATE=$KB/ctd/state CTD_ROOT=$KB/ctd/root"
    else echo "CTD_STATE=/run/containerd CTD_ROOT=/var/lib/containerd"; fi > $KBRUN/ctd.env
  fi
  . $KBRUN/ctd.env; mkdir -p $CTD_STATE $CTD_ROOT; : > $CTD_ROOT/.kbench; say "containerd's state in $CTD_STATE"
  cat > $KB/containerd.toml <<E2
version = 2
root = "$CTD_ROOT"
state = "$CTD_STATE"
oom_score = 0
[grpc]
  address = "$CTD_STATE/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.6"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$KB/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
E2
  cat > $KB/cni/net.d/10-kbench.conflist <<E2
{ "cniVersion": "0.4.0", "name": "kbench", "plugins": [
  { "type": "bridge", "bridge": "$BRIDGE", "isGateway": true, "ipMasq": false, "hairpinMode": true,
    "ipam": { "type": "host-local", "dataDir": "$KB/cni/ipam", "ranges": [[{ "subnet": "$POD_CIDR" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } },
  { "type": "firewall", "backend": "iptables" } ] }
E2
  launch containerd containerd --config $KB/containerd.toml
  wait_for containerd ctr -a $CTD_STATE/containerd.sock version
  for i in pause busybox; do
    ctr -a $CTD_STATE/containerd.sock -n k8s.io images ls -q | grep -q "/$i:" || ctr -a $CTD_STATE/containerd.sock -n k8s.io images import $KB/img/$i.tar >/dev/null
  done

  launch etcd etcd --name kbench --data-dir $KB/etcd --log-level warn \
    --listen-client-urls https://127.0.0.1:$ETCD_PORT --advertise-client-urls https://127.0.0.1:$ETCD_PORT \
    --listen-peer-urls http://127.0.0.1:$ETCD_PEER --initial-advertise-peer-urls http://127.0.0.1:$ETCD_PEER --initial-cluster kbench=http://127.0.0.1:$ETCD_PEER \
    --cert-file $PKI/etcd.crt --key-file $PKI/etcd.key --client-cert-auth --trusted-ca-file $PKI/ca.crt --unsafe-no-fsync
  wait_for etcd curl -sf --cacert $PKI/ca.crt --cert $PKI/etcd-client.crt --key $PKI/etcd-client.key https://127.0.0.1:$ETCD_PORT/health

  cat > $KB/audit-policy.yaml <<E2
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [system:apiserver, system:kube-controller-manager, system:kube-scheduler]
- level: None
  userGroups: [system:nodes]
- level: Metadata
E2
  # The kubelet listens on 127.0.0.1; the API server reaches it by the node's Hostname, which only
  # its own mount namespace's /etc/hosts knows. The machine's /etc/hosts stays as it is.
  printf '127.0.0.1 localhost\n127.0.0.1 %s\n' $NODE > $KB/hosts
  launch kube-apiserver unshare -m --propagation private bash -c 'mount --bind '$KB/hosts' /etc/hosts; exec "$@"' _ $KBBIN/kube-apiserver \
    --bind-address=127.0.0.1 --secure-port=$API_PORT --insecure-port=0 --advertise-address=127.0.0.1 --endpoint-reconciler-type=none \
    --etcd-servers=https://127.0.0.1:$ETCD_PORT --etcd-cafile=$PKI/ca.crt --etcd-certfile=$PKI/etcd-client.crt --etcd-keyfile=$PKI/etcd-client.key \
    --client-ca-file=$PKI/ca.crt --tls-cert-file=$PKI/apiserver.crt --tls-private-key-file=$PKI/apiserver.key \
    --kubelet-client-certificate=$PKI/kubelet-client.crt --kubelet-client-key=$PKI/kubelet-client.key --kubelet-certificate-authority=$PKI/ca.crt \
    --kubelet-preferred-address-types=Hostname \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-key-file=$PKI/sa.pub --service-account-signing-key-file=$PKI/sa.key \
    --service-cluster-ip-range=$SVC_CIDR --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --feature-gates=EphemeralContainers=true,BoundServiceAccountTokenVolume=true --allow-privileged=true --event-ttl=24h \
    --audit-log-path=$KBLOG/audit.log --audit-policy-file=$KB/audit-policy.yaml --audit-log-maxsize=50 --audit-log-maxbackup=1
  wait_for kube-apiserver kubectl get --raw /readyz
  launch kube-controller-manager $KBBIN/kube-controller-manager --bind-address=127.0.0.1 --port=0 --kubeconfig=$KB/kcm.kubeconfig \
    --authentication-kubeconfig=$KB/kcm.kubeconfig --authorization-kubeconfig=$KB/kcm.kubeconfig --leader-elect=false \
    --service-account-private-key-file=$PKI/sa.key --root-ca-file=$PKI/ca.crt --use-service-account-credentials=true \
    --cluster-signing-cert-file=$PKI/ca.crt --cluster-signing-key-file=$PKI/ca.key \
    --feature-gates=EphemeralContainers=true,BoundServiceAccountTokenVolume=true
  launch kube-scheduler $KBBIN/kube-scheduler --bind-address=127.0.0.1 --port=0 --kubeconfig=$KB/sched.kubeconfig \
    --authentication-kubeconfig=$KB/sched.kubeconfig --authorization-kubeconfig=$KB/sched.kubeconfig --leader-elect=false \
    --feature-gates=EphemeralContainers=true
  cat > $KB/kubelet.yaml <<E2
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: 10250
staticPodPath: $KB/manifests
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
healthzPort: 10248
tlsCertFile: $PKI/kubelet-server.crt
tlsPrivateKeyFile: $PKI/kubelet-server.key
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
failSwapOn: false
protectKernelDefaults: false
makeIPTablesUtilChains: false
oomScoreAdj: 0
maxOpenFiles: $(ulimit -Hn)
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
serializeImagePulls: false
resolvConf: ""
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
featureGates: {EphemeralContainers: true, BoundServiceAccountTokenVolume: true}
E2
  mkdir -p $KB/manifests; sed "s#@NODE@#$NODE#" $HERE/static-pod.yaml > $KB/manifests/static-web.yaml
  launch kubelet env AWS_EC2_METADATA_DISABLED=true $KBBIN/kubelet --config=$KB/kubelet.yaml --kubeconfig=$KB/kubelet.kubeconfig --hostname-override=$NODE \
    --container-runtime=remote --container-runtime-endpoint=unix://$CTD_STATE/containerd.sock \
    --cni-bin-dir=/usr/lib/cni --cni-conf-dir=$KB/cni/net.d --v=2
  wait_for "node object" kubectl get node $NODE
  wait_for "node Ready" bash -c "kubectl get node $NODE -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].status}' | grep -q True"
}

step_net() { # what kube-proxy would do for the one service "kubernetes": pods reach the API server on loopback
  local r
  iptables -t nat -C OUTPUT -d $SVC_IP/32 -p tcp --dport 443 -m comment --comment kbench -j DNAT --to 127.0.0.1:$API_PORT 2>/dev/null || \
  iptables -t nat -A OUTPUT -d $SVC_IP/32 -p tcp --dport 443 -m comment --comment kbench -j DNAT --to 127.0.0.1:$API_PORT
  iptables -t nat -C PREROUTING -i $BRIDGE -d $SVC_IP/32 -p tcp --dport 443 -m comment --comment kbench -j DNAT --to 127.0.0.1:$API_PORT 2>/dev/null || \
  iptables -t nat -A PREROUTING -i $BRIDGE -d $SVC_IP/32 -p tcp --dport 443 -m comment --comment kbench -j DNAT --to 127.0.0.1:$API_PORT
  ip link show $BRIDGE >/dev/null 2>&1 || { ip link add $BRIDGE type bridge; ip link set $BRIDGE up; }
  sysctl -qw net.ipv4.conf.$BRIDGE.route_localnet=1
}

step_demo() { # bare pods are refused until the controller manager has made their namespace's "default" service account
  kubectl apply -f $HERE/demo.yaml >$KBLOG/demo.log 2>&1 || { wait_for "service account shop/default" kubectl -n shop get serviceaccount default; kubectl apply -f $HERE/demo.yaml >>$KBLOG/demo.log 2>&1; }
  wait_for "deployment web" kubectl -n shop rollout status deployment/web --timeout=60s
}

[ $# = 0 ] && set -- apt build pki images start net demo
for s in "$@"; do t0=$SECONDS; step_$s; say "step $s: $((SECONDS-t0)) s"; done
