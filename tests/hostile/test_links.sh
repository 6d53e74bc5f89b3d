#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What leads to the host from where a runtime keeps its logs and state, as one would plant it who
# can write there. The host is a folder with the state of containers that have ended.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start capsh
DONE=a6522fcdad83e1db29478ebf3a34e8476b4b4aa106afc9f0fa30c9329752fc9e
DOCKER=var/lib/docker/containers/$DONE
POD=var/log/pods/shop_web-0_0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/app
CRI=c1c1c1c1c1c1

host() { # NAME FIXTURE: a host's root, with a secret and the state of an engine
	cp -a "$TOP/tests/data/target/$2" "$1"
	mkdir -p "$1/proc" "$1$HOSTDIR"
	mount --bind /proc "$1/proc" && container_atexit umount "$scratch/$1/proc"
	echo "$MARKER" >"$1$HOSTFILE"
	log=$1/$DOCKER/$DONE-json.log
	[ "$2" = docker ] || log=$1/$POD/0.log
	rm -f "$log"
	echo '{"log":"rotated and whole"}' >"$log.1"
}

look() { # NAME CONTAINER
	collect "$1" 30 --host-root "$scratch/$1" --container "$2"
	sound "$1" 3
}

kept() { # NAME: a log beside what was planted
	ok "$1: the log beside it is there" grep -rq "rotated and whole" "$1.x/logs"
}

refusal() { # NAME WHERE
	gap "$1" "${3:-refused}" logs "$2"
}

# --- the log itself
host link docker
ln -s "$HOSTFILE" "$log"
look link "$DONE"
refusal link "^$HOSTFILE\$"

host upwards docker
ln -s "../../../../../../../../../$HOSTFILE" "$log"
look upwards "$DONE"
refusal upwards "$HOSTFILE\$"

for way in self 1; do
	host "magic$way" docker
	ln -s "/proc/$way/root/$HOSTFILE" "$log"
	look "magic$way" "$DONE" 3
	ok "magic$way: is a gap" jq -e 'any(.gaps[]; .dumper == "logs" and (.where | startswith("/proc/")))' \
		"magic$way.x/manifest.json"
done

host loop docker
ln -s "$(basename "$log")" "$log"
look loop "$DONE"
refusal loop 'json\.log$'

host fifo docker
mkfifo "$log"
look fifo "$DONE"
refusal fifo 'json\.log$' special_file

host device docker
mknod "$log" c 1 5
look device "$DONE"
refusal device 'json\.log$' special_file

host hard docker
ln "hard$HOSTFILE" "$log"
look hard "$DONE"
refusal hard 'json\.log$'

host elsewhere docker
jq -c --arg path "$HOSTFILE" '.LogPath = $path' "elsewhere/$DOCKER/config.v2.json" >config
cp config "elsewhere/$DOCKER/config.v2.json"
look elsewhere "$DONE"
refusal elsewhere "^$HOSTFILE\$"

# --- names of rotated ones
host rotated docker
echo '{"log":"the log"}' >"$log"
ln -s "$HOSTFILE" "$log.2"
ln -s "/proc/self/root/$HOSTFILE" "$log.3"
mkfifo "$log.4"
mknod "$log.5" c 1 5
ln "rotated$HOSTFILE" "$log.6.gz"
mkdir "$log.7"
look rotated "$DONE"
kept rotated
ok "rotated: the log itself too" grep -rq "the log" rotated.x/logs
refusal rotated 'json\.log\.6\.gz$'
refusal rotated '5 names'

# --- the state
for name in hostconfig.json config.v2.json; do
	for what in link fifo hard; do
		host "state-$what" docker
		file=state-$what/$DOCKER/$name
		mv "$file" moved
		case $what in
		link) ln -s "$HOSTFILE" "$file" ;;
		fifo) mkfifo "$file" ;;
		hard) ln "state-$what$HOSTFILE" "$file" ;;
		esac
		"$BIN/deadline" 30 "state-$what.report" "$TAPHOS" collect --host-root "$scratch/state-$what" \
			--container "$DONE" --output state.tar.zst >state.out 2>state.err </dev/null
		rc=$?
		ok "$name, $what: ends in time and says so (exit $rc)" \
			test "$rc" != 0 -a "$rc" != 124 -a -s state.err
		zstd -dqcf state.tar.zst >state.tar 2>/dev/null
		is "$name, $what: no byte of the host" "$(cat state.tar state.err | grep -caF -- "$MARKER")" 0
		is "$name, $what: nobody is left" "$(grep left "state-$what.report")" ""
		umount "state-$what/proc"
		rm -rf "state-$what" state.tar.zst*
	done
done

# --- links of the CRI's logs
host cri crio
ln -s "$HOSTFILE" "$log"
look cri "$CRI"
refusal cri "^$HOSTFILE\$"

host cri-folder crio
rm -rf "cri-folder/$POD"
cp "cri-folder$HOSTFILE" "cri-folder$HOSTDIR/0.log"
ln -s "$HOSTDIR" "cri-folder/$POD"
look cri-folder "$CRI"
refusal cri-folder '0\.log$'

host cri-hard crio
ln "cri-hard$HOSTFILE" "$log"
look cri-hard "$CRI"
refusal cri-hard '0\.log$'
done_testing
