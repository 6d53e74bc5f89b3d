#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mounts that hide files, appear during a collection, or lie about where a layer is.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh

hidden() { # NAME TEXT: somewhere in the content of a mount or the layer
	ok "$1: $2 is found" grep -rqaF -- "$2" "$1.x/volumes" "$1.x/filesystem" --include='*.tar'
}

# --- files below other mounts
target_make over
mkdir -p over/upper/{etc,opt/hide}
echo EVIL-UNDER-TMPFS >over/upper/opt/hide/tool
echo EVIL-UNDER-ETC >over/upper/etc/tool
mkdir -p over/upper/stack
echo EVIL-UNDER-STACK >over/upper/stack/tool
target_run over '
mount -t tmpfs one /opt/hide
echo EVIL-ON-TMPFS >/opt/hide/tool
mount -t tmpfs one /stack
echo EVIL-IN-FIRST >/stack/tool
mount -t tmpfs two /stack
echo EVIL-IN-SECOND >/stack/tool
mount -t tmpfs three /stack
echo EVIL-IN-THIRD >/stack/tool
mount -t tmpfs etc /etc
echo EVIL-ON-ETC >/etc/tool
mkdir /tmp/bound && mount --bind /tmp/bound /srv
echo ready; exec sleep 1000'
collect over 30 --pid "$pid"
sound over 0 3
for text in UNDER-TMPFS UNDER-ETC UNDER-STACK ON-TMPFS IN-FIRST IN-SECOND IN-THIRD ON-ETC; do
	hidden over "EVIL-$text"
done
is "over: what is covered is told" "$(jq -r '[.[] | select(.covered).point] | sort | unique | join(" ")' \
	over.x/volumes/mounts.json)" "/stack"
target_end over

# --- mounts that come and go while it is read
target_make coming
mkdir -p coming/upper/{opt/still,opt/comes}
echo EVIL-STILL >coming/upper/opt/still/tool
echo EVIL-COMES >coming/upper/opt/comes/tool
target_run coming '
mount -t tmpfs keep /tmpfs
echo EVIL-TMPFS >/tmpfs/tool
storm mounts /opt/comes >/dev/null &
storm mounts /tmp >/dev/null &
storm mounts /tmpfs >/dev/null &
echo ready; exec sleep 1000'
for _ in 1 2 3 4 5; do
	collect coming 30 --pid "$pid"
	sound coming 0 3
	hidden coming EVIL-STILL
	hidden coming EVIL-COMES
	hidden coming EVIL-TMPFS
done
target_end coming

# --- a table too long to keep
target_make many
mkdir -p many/upper/opt
echo EVIL-STILL >many/upper/opt/tool
target_run many '
mkdir /tmpfs/m
i=0
while [ $i -lt 3000 ]; do mount --bind /tmp /tmpfs/m; i=$((i + 1)); done
echo ready; exec sleep 1000'
collect many 60 --pid "$pid"
sound many 3
hidden many EVIL-STILL
gap many over_budget volumes "more mounts"
target_end many

# --- a layer that is not. Without a runtime the target's own mount table is all there is, and an
# overlay that is mounted in a chroot has paths of the chroot in it.
mkdir -p jail
cat >lie <<END
mount -t tmpfs jail jail
mkdir -p jail/bin jail/proc jail/lower jail/root "jail$HOSTDIR" jail/etc/work
cp "$(command -v busybox)" "$BIN/actor" jail/bin
mount -t proc proc jail/proc
exec chroot jail /bin/busybox sh -c '
mount -t overlay overlay -o lowerdir=/lower,upperdir=$HOSTDIR,workdir=/etc/work /root &&
mkdir -p /root/bin /root/proc && cp /bin/actor /root/bin && mount -t proc proc /root/proc &&
echo EVIL-UNDER-LIE >/root/tool && exec chroot /root /bin/actor wait'
END
unshare -mpnif --kill-child sh lie >jail.log 2>&1 &
unshare=$!
disown
container_atexit kill -9 "$unshare" # it ignores SIGTERM
wait_until grep -q ready jail.log
pid=$(cat "/proc/$unshare/task/$unshare/children")
pid=${pid%% *}
if grep -q "upperdir=$HOSTDIR" "/proc/$pid/mountinfo"; then
	collect liar 30 --pid "$pid"
	sound liar 0 3
	like "liar: it is told" "$(jq -c '.findings[]' liar.x/manifest.json)" "over $HOSTDIR.*not read"
	hidden liar EVIL-UNDER-LIE
	is "liar: nothing claims to be a layer" "$(jq -r .rootfs.upper liar.x/runtime/target.json)" ""
else
	fail "liar: no overlay in a chroot" "$(cat jail.log "/proc/$pid/mountinfo")"
fi
done_testing
