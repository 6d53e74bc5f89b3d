#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 420
# System calls that fail where they hardly ever do: interrupted, no memory, no descriptors, no
# processes, a disk with errors. The run ends, with an exit code that is documented, and what it
# leaves is never a lie. SEED=N repeats the moments.
# shellcheck source=tests/crash/lib.sh disable=SC2154
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "needs strace"
strace -f --seccomp-bpf -e trace=none true 2>/dev/null || skip_all "strace may not trace here"
target 4

declare -A seen=()
inject() { # CALL FAULT
	local left said=
	timeout -s KILL 40 strace -f --seccomp-bpf -qq -o /dev/null -e "trace=$1" -e "inject=$1:$2" \
		"$TAPHOS" collect --pid "$pid" --quiet --output out >stdout 2>stderr
	rc=$?
	left=$(bundle)
	case $rc in
	0 | 1 | 3 | 4 | 5) ;;
	137) problem "$1:$2: no end" ;;
	*) problem "$1:$2: exit $rc: $(cat stderr)" ;;
	esac
	if [ -n "$left" ]; then
		said=$("$EXAMINE" "$left") || problem "$1:$2: exit $rc: $said"
		[ "$rc" != 0 ] || [ "$said" = SEALED ] || problem "$1:$2: exit 0: $said"
		[ "$rc" != 1 ] || problem "$1:$2: exit 1, and $left is there"
	elif [ "$rc" = 0 ] || [ "$rc" = 3 ]; then
		problem "$1:$2: exit $rc and no bundle: $(cat stderr)"
	fi
	# unless it was the word that could not be written
	[ "$rc" = 0 ] || [ "$said" = SEALED ] || [ "$1" = write ] || grep -q '^taphos: ' stderr ||
		problem "$1:$2: exit $rc without a word"
	seen[$rc${said:+ $said}]=$((${seen[$rc${said:+ $said}]:-0} + 1))
	rm -rf out/*
}

group() { # NAME, then the problems so far
	local s
	for s in "${!seen[@]}"; do echo "# ${seen[$s]}: $s"; done
	seen=()
	no_problem "$1"
}

some() { # MAX: a number from 1
	echo $((1 + $(moment $(($1 - 1)))))
}

for call in read write pread64 pwrite64 poll recvmsg sendmsg; do
	inject $call "error=EINTR:when=1+$((1 + $(some 3)))"
	inject $call "error=EINTR:when=$(some 40)..$((40 + $(some 20)))"
done
group "interrupted"

for ((i = 0; i < 4; i++)); do
	inject write "error=EIO:when=$(some 12)"
	inject write "error=ENOSPC:when=$(some 12)"
	inject pwrite64 "error=ENOSPC:when=$(some 4)+"
	inject pread64 "error=EIO:when=$(some 12)"
done
inject fdatasync "error=EIO:when=1"
inject fdatasync "error=EIO:when=$(some 6)"
inject fsync "error=EIO:when=1"
inject fsync "error=EIO:when=$(some 3)"
inject sync_file_range "error=ENOSYS"
group "errors of the disk"

for ((i = 0; i < 10; i++)); do inject mmap "error=ENOMEM:when=$(some 120)"; done
inject mmap "error=ENOMEM:when=$(some 120)+"
# the first ones are the C library's, before main
for ((i = 0; i < 4; i++)); do inject brk "error=ENOMEM:when=$((11 + $(some 10)))+"; done
group "no memory"

for call in openat memfd_create socketpair pipe2 dup2 fcntl; do
	inject $call "error=EMFILE:when=$(some 30)"
	inject $call "error=EMFILE:when=$(some 10)"
done
group "no descriptors"

for ((i = 1; i <= 8; i++)); do inject clone "error=EAGAIN:when=$i"; done
inject clone "error=EAGAIN"
inject clone3 "error=EAGAIN:when=$(some 3)"
inject clone3 "error=ENOSYS"
group "no processes"

inject renameat2 "error=EINVAL"
is "a file system without RENAME_NOREPLACE" "$rc" 0
inject renameat2,linkat "error=EINVAL"
is "and without hard links" "$rc" 0
inject renameat2 "error=EIO"
inject linkat,renameat2,renameat,rename "error=EPERM"
inject getrandom "error=EINTR:when=1"
inject mlock "error=ENOMEM"
inject madvise "error=EINVAL"
inject prctl "error=EINVAL:when=$(some 6)"
inject seccomp "error=EINVAL"
inject setns "error=EPERM"
inject open_tree "error=ENOSYS"
inject openat2 "error=ENOSYS"
inject pidfd_open "error=ENOSYS"
inject close_range "error=ENOSYS"
group "refused"
done_testing
