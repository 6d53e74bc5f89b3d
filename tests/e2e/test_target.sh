#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Which container a name, a process or a cgroup belongs to, what is its writable layer, who its
# members are: with real runc and crun, and against containers that lie about it.
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for tool in runc busybox; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
SHOW=$TMPDIR/show
cc -std=gnu11 -D_GNU_SOURCE -I"$TOP/include" -I"$TOP/collector/target" -o "$SHOW" \
	"$TOP/tests/tools/show_target.c" "$BUILD/libtaphos.a" -ljansson || skip_all "needs the library"
RUN=$TMPDIR/run # containers have ids of their own: nothing of the machine is touched
TAG=t$$
started=()

finish() {
	local id
	for id in "${started[@]}"; do
		runc delete -f "$id" >/dev/null 2>&1
	done
	[ -z "${outside:-}" ] || kill -9 "$outside" 2>/dev/null
	umount "$RUN/merged" 2>/dev/null
	rmdir "/sys/fs/cgroup/freezer/kubepods-$TAG"/*/* "/sys/fs/cgroup/freezer/kubepods-$TAG"/* \
		"/sys/fs/cgroup/freezer/kubepods-$TAG" 2>/dev/null
	rm -rf "$TMPDIR"
}
at_exit finish

rootfs() { # DIR
	mkdir -p "$1"/{bin,proc,sys,dev,tmp,etc,work,merged}
	cp "$(command -v busybox)" "$1/bin/busybox"
	ln -sf busybox "$1/bin/sh"
}

bundle() { # NAME ROOTFS COMMAND: a bundle whose init runs the shell command
	local dir=$RUN/$1
	mkdir -p "$dir"
	(cd "$dir" && runc spec) || return
	python3 - "$dir/config.json" "$2" "$3" "$RUN/shared" <<-'PY'
		import json, sys
		path, root, command, shared = sys.argv[1:]
		c = json.load(open(path))
		caps = ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_DAC_OVERRIDE"]
		c["process"].update(terminal=False, args=["/bin/sh", "-c", command])
		c["process"]["capabilities"] = {k: caps for k in ("bounding", "effective", "permitted")}
		c["process"].pop("rlimits", None)
		c["root"] = {"path": root, "readonly": False}
		c["mounts"].append({"destination": "/host", "type": "bind", "source": shared,
		                    "options": ["rbind"]})
		json.dump(c, open(path, "w"))
	PY
}

start() { # ID BUNDLE
	started+=("$1")
	runc run -d --bundle "$RUN/$2" "$1" </dev/null >/dev/null 2>"$TMPDIR/err" || cat "$TMPDIR/err"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -e "$RUN/shared/$1" ] && break
		sleep 0.1
	done
}

pid_of() {
	python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["init_process_pid"])' \
		"/run/runc/$1/state.json"
}

mkdir -p "$RUN"/{shared,lower,upper,ovlwork,merged}
rootfs "$RUN/plain"
rootfs "$RUN/lower"
WAIT='while :; do /bin/busybox sleep 1000; done'

# --- a plain directory ---------------------------------------------------------------------
bundle plainb "$RUN/plain" "/bin/busybox touch /host/$TAG-a; $WAIT"
start "$TAG-a" plainb
out=$("$SHOW" container "$TAG-a")
pid=$(pid_of "$TAG-a")
like "by id: the runtime" "$out" '^runtime=runc$'
like "by id: the process" "$out" "^pid=$pid\$"
like "a directory is a plain root" "$out" '^rootfs=plain$'
like "the user's bind mount and its source" "$out" "^mount bind /host .*source=$RUN/shared "
like "proc is never read" "$out" '^mount pseudo /proc '
like "/dev/shm" "$out" '^mount shm /dev/shm '
like "its state file" "$out" "^state state.json run/runc/$TAG-a/state.json\$"
unlike "an honest container has no findings" "$out" '^finding'
child=$(pgrep -P "$pid" | head -n 1)
is "by any of its processes" "$("$SHOW" pid "$child" | grep ^id=)" "id=$TAG-a"
like "children are members" "$out" "^member $child "
unlike "we are not" "$out" "^member $$ "
cgroup=$(sed -n 's/^cgroup_v2=//p;s/^cgroup_v1=//p' <<<"$out" | grep . | head -n 1)
is "by cgroup" "$("$SHOW" cgroup "$cgroup" | grep ^id=)" "id=$TAG-a"
like "no such container" "$("$SHOW" container "$TAG-none")" "^error 2 no container '$TAG-none'"
like "no such process" "$("$SHOW" pid 2147483646)" '^error 2 no process'
like "not a process id" "$("$SHOW" pid 12x)" '^error 22 '
like "the root cgroup is no target" "$("$SHOW" cgroup /)" '^error 22 '

# --- overlay -------------------------------------------------------------------------------
ln -s lower "$RUN/link" # docker's lower layers are links
mount -t overlay overlay \
	-o "lowerdir=$RUN/link,upperdir=$RUN/upper,workdir=$RUN/ovlwork" "$RUN/merged"
bundle overlayb "$RUN/merged" "/bin/busybox touch /host/$TAG-b; $WAIT"
start "$TAG-b" overlayb
out=$("$SHOW" container "$TAG-b")
like "overlay: the writable layer" "$out" "^upper=$RUN/upper\$"
like "overlay: the lower layer" "$out" '^lowers=1$'
unlike "overlay: no findings" "$out" '^finding'
if command -v strace >/dev/null; then
	old=$(strace -f -o /dev/null -e inject=openat2:error=ENOSYS "$SHOW" container "$TAG-b")
	is "the same on a kernel without openat2" "$old" "$out"
else
	skip "a kernel without openat2" "needs strace"
fi
like "a prefix that fits two" "$("$SHOW" container "$TAG-")" '^error 76 '
is "candidates are listed" "$("$SHOW" container "$TAG-" | grep -c "^$TAG-[ab] ")" 2

# --- a container that lies -----------------------------------------------------------------
# an overlay of its own, made where /etc is its own directory: the text reads upperdir=/etc
bundle liarb "$RUN/plain" "B=/bin/busybox; \$B mount -t overlay overlay \
	-o lowerdir=/bin,upperdir=/etc,workdir=/work /merged && \$B mkdir /merged/bin && \
	\$B cp /bin/busybox /merged/bin/ && \$B ln -s busybox /merged/bin/sh && \
	\$B touch /host/$TAG-liar && exec \$B chroot /merged /bin/sh -c '$WAIT'"
start "$TAG-liar" liarb
sleep 0.3
grep -q 'upperdir=/etc' "/proc/$(pid_of "$TAG-liar")/mountinfo" ||
	fail "the liar shows upperdir=/etc" "$(cat "/proc/$(pid_of "$TAG-liar")/mountinfo")"
out=$("$SHOW" container "$TAG-liar")
unlike "the host's /etc is not taken for its layer" "$out" '^upper=.*etc'
unlike "nothing is opened for it" "$out" '^fds=.* upper'
like "and it is said" "$out" '^finding .*/etc.*not read'

# --- out of the cgroup ---------------------------------------------------------------------
mkdir -p /sys/fs/cgroup/freezer 2>/dev/null
if [ -w /sys/fs/cgroup/freezer/cgroup.procs ]; then
	for h in /sys/fs/cgroup/*/cgroup.procs; do
		echo "$child" >"$h" 2>/dev/null
	done
	out=$("$SHOW" container "$TAG-a")
	like "a process moved out of the cgroup is a member" "$out" "^member $child "
	like "and it is said" "$out" "^finding .*not in its cgroup.* $child "

	# a cgroup that looks like a pod's
	fake=/sys/fs/cgroup/freezer/kubepods-$TAG/pod00112233445566778899aabbccddeeff
	id=$(printf '%064d' 7)
	mkdir -p "$fake/$id"
	echo "$child" >"$fake/$id/cgroup.procs"
	out=$("$SHOW" pid "$child")
	like "a faked cgroup does not hide whose process it is" "$out" "^id=$TAG-a\$"
	like "and it is said" "$out" "^finding process $child is in the namespaces of"
	echo "$child" >/sys/fs/cgroup/freezer/cgroup.procs

	# the host's process in its cgroup
	sleep 1000 &
	outside=$!
	disown
	echo "$outside" >"/sys/fs/cgroup/freezer/$TAG-b/cgroup.procs"
	out=$("$SHOW" container "$TAG-b")
	like "a process of the host in the cgroup is a member" "$out" "^member $outside why=2\$"
	like "and it is said" "$out" "^finding .*host's namespaces.* $outside "
else
	skip "processes that change their cgroup" "no v1 freezer to write to"
fi

# --- no runtime at all ---------------------------------------------------------------------
# a process in namespaces of its own whose first thread has ended: /proc/PID/ns is empty then
cat >"$TMPDIR/leader.py" <<-'PY'
	import ctypes, os, threading, time
	if os.fork() == 0:
	    time.sleep(1000)
	threading.Thread(target=time.sleep, args=(1000,)).start()
	ctypes.CDLL(None).pthread_exit(None)
PY
unshare -mpn --fork python3 "$TMPDIR/leader.py" 2>/dev/null &
outer=$!
disown
leader=
for _ in 1 2 3 4 5 6 7 8 9 10; do
	leader=$(pgrep -P "$outer" | head -n 1)
	[ -n "$leader" ] && grep -q '^State:.Z' "/proc/$leader/status" && break
	sleep 0.2
done
like "the leader has exited" "$(cat "/proc/$leader/status")" '^State:.Z'
out=$("$SHOW" pid "$leader")
like "a leader that exited is resolved" "$out" "^pid=$leader\$"
like "no runtime" "$out" '^runtime=none$'
like "its namespaces are opened by a thread of it" "$out" '^fds= .*net mnt root'
like "its child is a member" "$out" "^member $(pgrep -P "$leader") "
out=$("$SHOW" pid "$(pgrep -P "$leader")")
like "by its child: the leader is a member" "$out" "^member $leader "
is "and, beside both, only who made the mount namespace" "$(grep -c ^member <<<"$out")" 3
kill -9 "$leader"

# --- the state is stale --------------------------------------------------------------------
kill -9 "$(pid_of "$TAG-a")"
sleep 0.2
out=$("$SHOW" container "$TAG-a")
like "a dead init: not running" "$out" '^running=0$'
like "a dead init: the state is told" "$out" '^state=dead$'
python3 - "/run/runc/$TAG-a/state.json" "$$" <<-'PY'
	import json, sys
	path, pid = sys.argv[1:]
	s = json.load(open(path))
	s["init_process_pid"] = int(pid)
	json.dump(s, open(path, "w"))
PY
out=$("$SHOW" container "$TAG-a")
like "a number that is another's by now is not followed" "$out" '^running=0$'
unlike "nothing of the other process is opened" "$out" '^fds=.* proc'

# --- crun ----------------------------------------------------------------------------------
if command -v crun >/dev/null; then
	mkdir -p "/run/crun/$TAG-c"
	pid=$(pid_of "$TAG-b")
	ticks=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)
	cat >"/run/crun/$TAG-c/status" <<-JSON
		{"pid": $pid, "process-start-time": $ticks, "cgroup-path": "/$TAG-b", "rootfs": "merged",
		 "systemd-cgroup": false, "bundle": "$RUN", "owner": "root", "detached": true}
	JSON
	out=$("$SHOW" container "$TAG-c")
	rm -rf "/run/crun/$TAG-c"
	like "crun's status" "$out" '^runtime=crun$'
	like "crun's status: the layer" "$out" "^upper=$RUN/upper\$"
fi
done_testing
