#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Memory of processes that do not let it be read, or part of it: what is lost has a kind, all else
# is there, and a debugger opens it.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/memory.sh
. "$(dirname "$0")/memory.sh"
memory_start

works() { # COMMAND...: is there such a thing here?
	timeout 0.5 "$@" 2>/dev/null | grep -q ready
}

bytes() { # NAME ARG1 FATE
	told "$1" "$(number "$1" "$2")" ".totals.$3"
}

# --- one container of many processes, all of them held at one moment
mkdir -p mix/upper/opt
extra=
works "$BIN/hoard" secret && extra+='run hoard secret
'
as --32 -o narrow.o "$TOP/tests/e2e/memory/narrow.s" 2>/dev/null &&
	ld -m elf_i386 -o mix/upper/opt/narrow narrow.o && works mix/upper/opt/narrow &&
	extra+='run /opt/narrow of 32 bits'
memory_target mix "
run actor leader
run actor nodump
run actor uffd
run actor traced
run hoard held
run hoard seccomp
run hoard zombie
$extra"
take mix 60
whole mix 3
is "mix: held by its cgroup" "$(held_by mix | sed 's/[12]$//')" cgroup
is "mix: all of them stood still" "$(cat mix.x/memory/[0-9]*.json | jq -s 'all(.frozen or
	.totals.mapped == 0)')" true
for act in leader nodump uffd traced; do
	planted mix $act actor
done
for act in held seccomp zombie; do
	planted mix $act hoard
done
is "mix: none is live" "$(cat mix.x/memory/[0-9]*.json | jq -s 'map(.totals.of_dumped_live) | add')" 0

pid_of=$(number mix leader)
lost mix unreadable "^process $pid_of: registers of 1 of 2 threads"
like "mix: leader: a thread that runs has registers" \
	"$(ask mix "$pid_of" "$BIN/actor" 'info threads' bt)" ' in (pause|__libc_pause|syscall) '
for act in uffd held; do
	lost mix not_present "^process $(number mix $act): 61440 bytes in 1 places"
	is "mix: $act: pages that never come" "$(bytes mix $act not_present)" 61440
done
pid_of=$(jq '[.processes[] | select(.argv[1] == "traced").pid] | min' mix.x/process/tree.json)
lost mix unreadable "^process $pid_of: registers: 1 of 1 threads: another process traces them"
unlike "mix: traced: its tracer has it still" "$(cat "/proc/$pid_of/status")" '^TracerPid:.0$'
for act in nodump seccomp; do
	is "mix: $act: nothing of it is lost" "$(jq -c --arg w "process $(number mix $act):" \
		'.gaps[] | select(.where | startswith($w))' mix.x/manifest.json)" ""
done
is "mix: seccomp: it has its registers" "$(bytes mix seccomp threads_without_registers)" 0
ended=$(jq '.processes[] | select(.state == "Z" and .threads < 2).pid' mix.x/process/tree.json)
lost mix not_present "^process $ended: process: it has ended"
ok "mix: zombie: no core of it" test ! -e "mix.x/memory/$ended.core"
is "mix: every mapped file has its digest" \
	"$(jq -c '.files[] | select(.sha256 == null)' mix.x/memory/files.json)" ""

if [[ $extra = *secret* ]]; then
	planted mix secret hoard
	lost mix secret_memory "^process $(number mix secret): 65536 bytes in 1 places"
	is "mix: secret: in no core" "$(grep -laF "nobody sees this secret $(number mix secret)" \
		mix.x/memory/*.core)" ""
else
	skip "mix: secret" "no memfd_secret here"
fi
if [[ $extra = *narrow* ]]; then
	pid_of=$(number mix of)
	like "mix: 32 bits: a debugger opens it" "$(ask mix "$pid_of" mix/upper/opt/narrow \
		'x/s &planted' 'info registers ebx')" '"planted in 32 bits"'
	like "mix: 32 bits: registers" "$(ask mix "$pid_of" mix/upper/opt/narrow \
		'info registers ebx')" '^ebx +0x4711 '
else
	skip "mix: 32 bits" "no 32-bit programs here"
fi

# --- the same while they run
take mix 60 --freeze never
whole mix 3
for act in leader nodump uffd traced; do
	planted mix $act actor
done
for act in held seccomp zombie; do
	planted mix $act hoard
done
is "mix, never: all of the vdso is there" "$(cat mix.x/memory/[0-9]*.json | jq -c '.mappings[] |
	select(.name == "[vdso]").runs[] | select(.fate != "dumped")')" ""
target_end mix

# --- one that becomes another program all the time
memory_target execs 'run actor execs'
for i in 1 2 3 4; do
	[ $((i % 2)) = 0 ] && freeze=never || freeze=auto
	take execs 60 --freeze "$freeze"
	whole execs 0 3
	is "execs, $freeze: every loss of memory has a kind that fits" "$(jq -r '.gaps[] |
		select(.dumper == "memory" and .kind != "by_profile").kind' execs.x/manifest.json |
		grep -vxE 'not_present|vanished|changed|unreadable')" ""
	is "execs, $freeze: the first process is whole" "$(told execs "$pid" .totals.failed)" 0
	for core in execs.x/memory/*.core; do
		readelf -Wl "$core" 2>&1 | grep -iE 'warning|error'
	done >complaints
	is "execs, $freeze: readelf has no complaint" "$(cat complaints)" ""
done
target_end execs

# --- a thread that waits in the kernel for ever: it cannot be frozen
memory_target asks 'run hoard asks'
take asks 60
whole asks 3
lost asks changed '^freeze: a task did not freeze within 2[0-9]{3} ms; it was thawed again'
is "asks: not held" "$(held_by asks)" none
lost asks unreadable '^process [0-9]+: registers: its threads were not stopped: the target could not be frozen'
planted asks asks hoard
lost asks not_present "^process $(number asks asks): 61440 bytes in 1 places"
take asks 60 --freeze always
whole asks 3
lost asks refused 'it could not be frozen .*did not freeze'
is "asks, always: no memory then" "$(ls asks.x/memory 2>/dev/null)" ""
target_end asks

# --- pages of a file system of the target's, that never come
if [ -c /dev/fuse ]; then
	mkdir fusectl
	mount -t fusectl fusectl fusectl && container_atexit umount "$scratch/fusectl"
	memory_target fuse '
		mknod /dev/fuse c 10 229
		mkdir -p /mnt/fuse
		hangfs /mnt/fuse later-read /tmp/mounted &
		server=$!
		until [ -e /tmp/mounted ]; do usleep 1000; done
		run hoard fuse /mnt/fuse/f
		kill -USR1 $server'
	for waits in no yes; do
		[ $waits = no ] || { kill -USR1 "$pid_of"; sleep 0.2; }
		take fuse 60
		whole fuse 3
		pid_of=$(number fuse fuse)
		[ $waits = no ] && want=cgroup || want=none
		is "fuse: held, where nobody waits for such a page ($waits)" \
			"$(held_by fuse | sed 's/[12]$//')" "$want"
		planted fuse fuse hoard
		lost fuse unreadable '^digests of 1 files: its file system may never answer'
		own=$(told fuse "$pid_of" '.mappings[] | select(.name == "/mnt/fuse/f" and .perms == "rw-p").start')
		like "fuse: what was written over the file" "$(ask fuse "$pid_of" "$BIN/hoard" \
			"x/s ${own//\"/}")" '"written over a file"'
	done
	device=$(awk '/ - fuse hangfs / { print $3 }' "/proc/$pid/mountinfo")
	echo 1 >"fusectl/${device#0:}/abort"
	target_end fuse
else
	skip "fuse" "needs /dev/fuse"
fi

# --- who is no process, or has no memory
"$BIN/deadline" 60 none.report "$TAPHOS" collect --pid 4194303 --profile memory \
	--output out/none.tar.zst >none.out 2>none.err
is "no such process: exit" $? 4
is "no such process: one clear line" "$(cat none.err)" "taphos: no process 4194303"
is "no such process: no bundle" "$(ls out/none* 2>/dev/null)" ""
if grep -q '^Kthread:.1' /proc/2/status || [ -z "$(readlink /proc/2/exe)" ]; then
	"$BIN/deadline" 60 kernel.report "$TAPHOS" collect --pid 2 --profile memory \
		--output out/kernel.tar.zst >kernel.out 2>kernel.err
	is "a kernel thread: exit" $? 2
	like "a kernel thread: says so" "$(cat kernel.err)" "the host's own namespaces"
else
	skip "a kernel thread" "none has the number 2 here"
fi

skip "a security module that denies" "none that does is on here: $(cat /sys/kernel/security/lsm 2>/dev/null ||
	echo "no securityfs")"
done_testing
