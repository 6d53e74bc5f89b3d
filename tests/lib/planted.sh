#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# planted - the first process of a test container: does what an intruder would, then waits.
# The root it finds is container_rootfs()'s; /tmpfs is a tmpfs, /vol a volume.
set -e
echo "planted: line one"
echo "planted: line two" >&2

echo changed >>/etc/changed
rm /etc/removed
rm -r /opt/gone
rm -r /opt/replaced
mkdir /opt/replaced
echo new >/opt/replaced/new
chmod 700 /etc/mode
chown 7:8 /etc/owner
rm /opt/file-to-dir
mkdir /opt/file-to-dir
rm -r /opt/dir-to-file
echo file >/opt/dir-to-file
mv /opt/renamed /opt/renamed-to
mkdir -p /srv/a/b
echo data >/srv/a/b/file
ln /srv/a/b/file /srv/hard
ln /etc/linked /srv/hard-of-lower
ln -s a/b/file /srv/link
ln -s /nowhere /srv/dangling
cp /bin/plant /srv/setuid
chmod 4755 /srv/setuid
plant files /srv/a

echo "dropped in memory" >/tmpfs/dropped
echo "kept in a volume" >/vol/kept

mkdir /tmp/.x
cat /bin/plant /proc/sys/kernel/random/uuid >/tmp/.x/deleted
chmod 755 /tmp/.x/deleted
sha256sum </tmp/.x/deleted >/run/deleted.sha256
/tmp/.x/deleted wait &
until [ "$(readlink /proc/$!/exe)" = /tmp/.x/deleted ]; do usleep 1000; done
rm /tmp/.x/deleted
exec 8>/tmp/.x/open
echo "written and unlinked" >&8
rm /tmp/.x/open
plant memfd &
until readlink /proc/$!/exe | grep -q memfd; do usleep 1000; done
plant listen &
until [ -e /run/listening ]; do usleep 1000; done
echo "planted: all" # the last: who waits for it sees everything
touch /run/ready
wait
