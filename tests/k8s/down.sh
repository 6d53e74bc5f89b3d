#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1091,SC2010,SC2012,SC2016,SC2034,SC2038,SC2045,SC2046,SC2059,SC2086,SC2143,SC2231 # paths of its own, without blanks
# down - stops the bench and takes away what it put on the machine. Ends only processes up.sh started (by pid file)
# and the containers of the bench's own containerd. usage: down.sh [--purge]
# Kept: $KB/bin (the built binaries), $KB/gocache, source, certificates, images. --purge also removes the
# bench containerd data, certificates, kubeconfigs, image files and logs (never $KB/bin).
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/env.sh"
if kbns_other; then exec nsenter -t "$(cat $KBRUN/containerd.pid)" -m --wd="$PWD" "$HERE/down.sh" "$@"; fi
[ -e $KBRUN/mine ] || { echo "nothing of ours is here"; exit 0; }
say() { echo "[$(date +%T)] $*"; }
stop() { # NAME
  local f=$KBRUN/$1.pid p n=0
  [ -s $f ] || return 0
  p=$(cat $f)
  if kill -0 $p 2>/dev/null && grep -qz -- "$1" /proc/$p/cmdline 2>/dev/null; then
    kill $p; while kill -0 $p 2>/dev/null && [ $n -lt 60 ]; do sleep 0.25; n=$((n+1)); done
    kill -0 $p 2>/dev/null && kill -9 $p
    say "$1 ($p) stopped"
  fi
  rm -f $f
}
# uids of the pods this kubelet knew
mkdir -p $KBRUN
{ ls /var/lib/kubelet/pods 2>/dev/null; timeout 10 kubectl get pods -A -o jsonpath='{range .items[*]}{.metadata.uid}{"\n"}{end}' 2>/dev/null
  grep -ohE '\(([0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32})\)' $KBLOG/kubelet.log 2>/dev/null | tr -d '()' | sort -u; } >> $KBRUN/uids.mine
stop kubelet; stop kube-scheduler; stop kube-controller-manager; stop kube-apiserver; stop etcd

if [ -n "${CTD_STATE:-}" ] && [ -s $KBRUN/containerd.pid ] && kill -0 $(cat $KBRUN/containerd.pid) 2>/dev/null; then
  C="timeout 30 ctr -a $CTD_STATE/containerd.sock -n k8s.io"
  ids=$($C containers ls -q 2>/dev/null)
  # network of each sandbox, through the CNI plugins' own DEL
  for ns in $(for i in $ids; do $C containers info $i 2>/dev/null | grep -o '/var/run/netns/cni-[0-9a-f-]*'; done | sort -u); do
    echo "$ns" >> $KBRUN/netns.mine
  done
  for i in $ids; do $C tasks kill -s SIGKILL $i >/dev/null 2>&1; done
  sleep 1
  for i in $ids; do $C tasks rm -f $i >/dev/null 2>&1; $C containers rm $i >/dev/null 2>&1; done
  say "containers removed: $(echo $ids | wc -w)"
  stop containerd
fi
rm -f $KBRUN/containerd.pid
# what is left of the pods (when containerd was gone before): processes in the pods' cgroups, shims of our own socket
find /sys/fs/cgroup/pids/kubepods -name cgroup.procs 2>/dev/null | xargs -r cat 2>/dev/null | sort -u | while read -r p; do kill -9 $p 2>/dev/null; done
if [ "${CTD_STATE:-}" = $KB/ctd/state ]; then
  for p in $(pgrep -x containerd-shim); do tr '\0' ' ' </proc/$p/cmdline | grep -q -- "-address $CTD_STATE/containerd.sock " && kill -9 $p; done; sleep 0.5
fi
# mounts of ours that are left
for d in /var/lib/kubelet ${CTD_STATE:+$CTD_STATE/io.containerd.grpc.v1.cri $CTD_STATE/io.containerd.runtime.v2.task}; do
  grep -o " $d/[^ ]*" /proc/mounts | sort -r | while read -r m; do umount "$m" 2>/dev/null || umount -l "$m"; done
done
# everything was killed at once: the sandboxes' state is stale
if [ "${CTD_STATE:-}" = $KB/ctd/state ]; then
  # (their network namespaces and runc states too)
  for c in $(ls $KB/ctd/root/io.containerd.runtime.v2.task/k8s.io 2>/dev/null); do
    [ -n "$c" ] && [ -d /run/containerd/runc/k8s.io/$c ] && rm -rf --one-file-system /run/containerd/runc/k8s.io/$c; done
  for c in $KB/ctd/state/io.containerd.runtime.v2.task/k8s.io/*/config.json; do
    [ -s "$c" ] && grep -o '/var/run/netns/cni-[0-9a-f-]*' "$c" >> $KBRUN/netns.mine; done
  rm -rf --one-file-system $KB/ctd
fi
[ -s $KBRUN/netns.mine ] && sort -u $KBRUN/netns.mine | while read -r n; do umount "$n" 2>/dev/null; rm -f "$n"; done; rm -f $KBRUN/netns.mine

# network
while iptables -t nat -S 2>/dev/null | grep -q -- '--comment kbench '; do
  r=$(iptables -t nat -S | grep -m1 -- '--comment kbench ' | sed 's/^-A/-D/'); eval iptables -t nat $r || break; done
iptables -S CNI-FORWARD 2>/dev/null | grep -- "10\.244\.0\." | sed 's/^-A/-D/' | while read -r r; do iptables $r; done
ip link del $BRIDGE 2>/dev/null
[ -s $KBRUN/sysctl.saved ] && sysctl -q -p $KBRUN/sysctl.saved >/dev/null && rm $KBRUN/sysctl.saved

# cgroups, deepest first
for c in /sys/fs/cgroup/*/kubepods; do [ -d $c ] && find $c -depth -type d -exec rmdir {} \; 2>/dev/null; done
rm -rf --one-file-system /var/lib/kubelet/{pods,pod-resources,plugins,plugins_registry,device-plugins,cpu_manager_state,memory_manager_state,pki}
mountpoint -q /var/lib/kubelet && umount /var/lib/kubelet   # the kubelet binds it onto itself
rmdir /var/lib/kubelet 2>/dev/null
# logs of this bench's pods only
sort -u $KBRUN/uids.mine | grep -E '^[0-9a-f-]{32,36}$' | while read -r uid; do rm -rf --one-file-system /var/log/pods/*_"$uid"; done; rm -f $KBRUN/uids.mine
[ -d /var/log/containers ] && find /var/log/containers -xtype l -delete
rmdir /var/log/pods /var/log/containers 2>/dev/null
rm -rf $KB/cni/ipam
rm -rf $KB/etcd          # the API's objects belong to the pods that are gone
if [ "${1:-}" = --purge ]; then
  [ -n "${CTD_ROOT:-}" ] && [ -e "$CTD_ROOT/.kbench" ] && rm -rf --one-file-system "$CTD_ROOT"
  rm -rf $PKI $KB/*.kubeconfig $KB/img $KB/*.yaml $KB/hosts $KB/containerd.toml $KBLOG/*.log
fi
rm -f $KBRUN/ctd.env $KBRUN/mine
say down
