#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
# A FUSE file system of the target's that never answers, wherever the target can put one.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh
[ -c /dev/fuse ] || skip_all "needs /dev/fuse"
mkdir fusectl
mount -t fusectl fusectl fusectl && container_atexit umount "$scratch/fusectl"

# Frees who hangs in the file systems of the target; none of ours may hang after that.
abort_all() { # NAME
	local device
	awk '$0 ~ / - fuse hangfs / { print $3 }' "/proc/$pid/mountinfo" | sort -u |
		while read -r device; do
			echo 1 >"fusectl/${device#0:}/abort"
		done
	is "$1: who was stuck is gone once it is let" "$(left_of "$1")" ""
}

still() { # NAME
	ok "$1: the files around are there" tar -xOf "$1.x/filesystem/diff.tar" opt/still
}

hang='
mknod /dev/fuse c 10 229
hang() { # DIR MODE
	mkdir -p $1 /ready/$1
	hangfs $1 $2 /ready/$1/ready &
	until [ -e /ready/$1/ready ]; do usleep 1000; done
	last=$!
}'

export may_be_stuck=yes
# --- as a mount of its own, over files, and bound elsewhere: in every mode
for mode in open read getattr lookup readdir; do
	target_make $mode
	mkdir -p $mode/upper/opt/over
	echo still >$mode/upper/opt/still
	echo covered >$mode/upper/opt/over/covered
	target_run $mode "$hang
		hang /mnt/fuse $mode
		hang /opt/over $mode
		mkdir -p /opt/bound && mount --bind /mnt/fuse /opt/bound
		echo ready; exec sleep 1000"
	collect $mode 60 --pid "$pid"
	sound $mode 3
	still $mode
	ok "$mode: what a mount covers is there" tar -xOf $mode.x/filesystem/diff.tar opt/over/covered
	for point in /mnt/fuse /opt/over /opt/bound; do
		gap $mode crossed_mount volumes "^$point\$"
	done
	abort_all $mode
	target_end $mode
done

# --- processes that have to do with one; from when they are ready on, it answers nothing
processes="$hang
	cp /bin/actor /actor
	mkdir -p /mnt/fuse /ready/mnt/fuse
	hangfs /mnt/fuse later-MODE /ready/mnt/fuse/ready /actor &
	last=\$!
	until [ -e /ready/mnt/fuse/ready ]; do usleep 1000; done
	run() { \"\$@\" >/tmp/\$# & until grep -q ready /tmp/\$#; do usleep 1000; done; }"
target_make processes
mkdir -p processes/upper/opt
echo still >processes/upper/opt/still
target_run processes "${processes/later-MODE/later-all}
	run actor map /mnt/fuse/f
	run /mnt/fuse/f wait with exe there
	(cd /mnt/fuse && exec /bin/actor wait cwd) >/tmp/cwd &
	/bin/actor wait fd </mnt/fuse/f >/tmp/fd &
	chroot /mnt/fuse /f wait root >/tmp/root &
	until grep -q ready /tmp/cwd && grep -q ready /tmp/fd && grep -q ready /tmp/root; do usleep 1000; done
	kill -USR1 \$last
	echo ready; exec sleep 1000"
collect processes 120 --pid "$pid"
sound processes 3
still processes
members=$(jq -r '.. | .pid? // empty' processes.x/process/tree.json | sort -un | wc -l)
ok "processes: all of them are there ($members)" test "$members" -ge 7
for kind in map exe cwd fd root; do
	ok "processes: the one with $kind" grep -rqaE "$kind" processes.x/process --include=cmdline
done
gap processes refused process '/mnt/fuse/f$' "the program that lies there"
abort_all processes
target_end processes

# --- one that is hidden: an overlay over it looks like a local file system
cat >binds.json <<'END'
{"name": "binds", "dumpers": {"volumes": {"binds": "files"}, "filesystem": {}}}
END
echo '{"name": "process", "dumpers": {"process": {}}}' >process.json
hide="
	mkdir -p /tmpfs /opt/hidden
	mount -t tmpfs tmpfs /tmpfs
	mkdir /tmpfs/upper /tmpfs/work
	mount -t overlay overlay -o lowerdir=/mnt/fuse,upperdir=/tmpfs/upper,workdir=/tmpfs/work /opt/hidden
	echo beside >/opt/hidden/beside
	run /opt/hidden/f wait
	/bin/actor wait after >/tmp/after &
	kill -USR1 \$last
	echo ready; exec sleep 1000"
for mode in open read getattr lookup readdir; do
	name=hidden-$mode
	target_make "$name"
	mkdir -p "$name/upper/opt"
	echo still >"$name/upper/opt/still"
	target_run "$name" "${processes/later-MODE/later-$mode}$hide"
	collect "$name" 60 --pid "$pid" --profile "$scratch/binds.json"
	sound "$name" 3
	still "$name"
	gap "$name" stalled volumes '^/f?$' "what is in the overlay"
	is "$name: one gap for it, of the overlay's member" "$(jq -r '.gaps[] |
		select(.kind == "stalled" and .dumper == "volumes").member' "$name.x/manifest.json")" \
		"volumes/$(jq -r '[.[] | select(.point == "/opt/hidden").n] | max' \
			"$name.x/volumes/mounts.json")/content.jsonl"
	case $mode in
	readdir | lookup) ;;
	*)
		ok "$name: what lies beside it is there" grep -rqaF beside "$name.x/volumes" --include=content.tar
		collect "$name-exe" 60 --pid "$pid" --profile "$scratch/process.json"
		sound "$name-exe" 3
		gap "$name-exe" stalled process 'process [0-9]+: its files'
		ok "$name: the process after it is there" \
			grep -rqaF "after" "$name-exe.x/process" --include=cmdline
		is "$name: its files too" "$(dirname "$(grep -rlaF after "$name-exe.x/process" --include=cmdline)" |
			xargs -I{} ls {}/files.json | wc -l)" 1
		;;
	esac
	ok "$name: who is stuck is left behind" grep -q left "$name.report"
	[ ! -e "$name-exe.report" ] || cat "$name-exe.report" >>"$name.report"
	abort_all "$name"
	target_end "$name"
done

# --- the whole target is frozen, and with it the server
target_make frozen
mkdir -p frozen/upper/opt
echo still >frozen/upper/opt/still
target_run frozen "${processes/later-MODE/later-all}
	run /mnt/fuse/f wait with exe there
	/bin/actor wait fd </mnt/fuse/f >/tmp/fd &
	echo ready; exec sleep 1000"
if container_runtime runc pause "$(id_of frozen)"; then
	collect frozen 60 --pid "$pid"
	container_runtime runc resume "$(id_of frozen)"
	sound frozen 3
	still frozen
	abort_all frozen
else
	skip "frozen" "runc cannot freeze here"
fi
target_end frozen
done_testing
