#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nothing of the target is loaded, run or written, and nobody inside it sees us: what a whole
# collection asks of the kernel, while everything that a C library or libcrypto would like to load
# lies ready in the target, as code that says it was run.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/lib.sh
. "$(dirname "$0")/lib.sh"
hostile_start strace capsh

# A library whose constructor leaves a mark, by every name that is looked for.
plant_libraries() { # DIR
	local name
	mkdir -p "$1"/{etc/ssl,usr/lib/ssl,usr/lib/gconv,lib/x86_64-linux-gnu,usr/lib/locale/C.UTF-8}
	cat >evil.c <<-'END'
		#include <fcntl.h>
		__attribute__((constructor)) static void evil(void)
		{
			(void)!open("/evil-was-run", O_CREAT | O_WRONLY, 0600);
		}
	END
	cc -shared -fPIC -o evil.so evil.c
	for name in libnss_evil.so.2 libnss_files.so.2 libnss_dns.so.2 libc.so.6 ld-linux-x86-64.so.2 \
		evil.so; do
		cp evil.so "$1/lib/x86_64-linux-gnu/$name"
	done
	cp evil.so "$1/usr/lib/gconv/EVIL.so"
	echo "module INTERNAL EVIL// EVIL 1" >"$1/usr/lib/gconv/gconv-modules"
	printf '%s: evil files\n' passwd group hosts services >"$1/etc/nsswitch.conf"
	printf '%s\n' 'openssl_conf = init' '[init]' 'providers = p' 'engines = p' '[p]' 'evil = e' '[e]' \
		'module = /lib/x86_64-linux-gnu/evil.so' 'activate = 1' >"$1/etc/ssl/openssl.cnf"
	cp "$1/etc/ssl/openssl.cnf" "$1/usr/lib/ssl/openssl.cnf"
	echo /lib/x86_64-linux-gnu/evil.so >"$1/etc/ld.so.preload"
	echo evil >"$1/etc/ld.so.cache"
	echo evil >"$1/usr/lib/locale/locale-archive"
}

target_make watched '.mounts += [{destination: "/tmpfs", type: "tmpfs", source: "tmpfs"}]'
plant_libraries watched/upper
mkdir -p watched/upper/opt
for i in $(seq 50); do echo "$i" >"watched/upper/opt/$i"; done
touch -a -d '2020-01-01 UTC' watched/upper/opt/*
target_run watched '
storm watch / >/tmpfs/events-root &
storm watch /opt >/tmpfs/events-opt &
storm watch /etc >/tmpfs/events-etc &
actor look >/tmpfs/seen &
until grep -q ready /tmpfs/events-root && grep -q ready /tmpfs/events-opt &&
	grep -q ready /tmpfs/events-etc && grep -q ready /tmpfs/seen; do usleep 1000; done
echo ready; exec sleep 1000'
root=/proc/$pid/root
before=$(cat "$root"/tmpfs/events-*)
atimes=$(stat -c '%n %x' watched/upper/opt/* watched/upper/etc/*)

# as a hostile hook would start it, too
environment=()
for name in "LD_PRELOAD=$scratch/evil.so" "GCONV_PATH=$root/usr/lib/gconv" "LOCPATH=$root/usr/lib/locale" \
	LC_ALL=C.UTF-8 "OPENSSL_CONF=$root/etc/ssl/openssl.cnf" "OPENSSL_MODULES=$root/lib" \
	"OPENSSL_ENGINES=$root/lib"; do
	environment+=(-E "$name")
done
calls=open,openat,openat2,creat,execve,execveat,setns,unshare,mount,umount2,move_mount,fsmount,mkdir
calls+=,mkdirat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,chmod,fchmodat
calls+=,chown,fchownat,lchown,mknod,mknodat,truncate,utimensat,setxattr,lsetxattr,ptrace
calls+=,process_vm_writev,init_module,finit_module,bpf,socket,bind,connect
"$BIN/deadline" 100 watched.report strace -f -qq -y -s 200 -e signal=none "${environment[@]}" -o trace \
	-e trace="$calls" "$TAPHOS" collect --pid "$pid" --output out/watched.tar.zst \
	>watched.out 2>watched.err </dev/null
rc=$?
ok "a traced run ends" test "$rc" = 0 -o "$rc" = 3
ok "it is sealed" "$TAPHOS" verify out/watched.tar.zst
is "what lies there was not run" "$(ls watched/upper/evil-was-run /evil-was-run 2>/dev/null)" ""

# a line of the trace is "PID CALL(ARGS) = RESULT"; a file of the target is named by its descriptor
opens=$(grep -E ' (open|openat|openat2|creat)\(' trace)
one='openat\([0-9]+<[^>]*>, "[^"/]+", O_RDONLY\|[A-Z_|]*O_NOFOLLOW' # of a folder that is open
for name in nsswitch libnss ld.so gconv openssl.cnf locale libc.so evil.so; do
	unlike "no open of $name but to read it as evidence" \
		"$(grep -F "$name" <<<"$opens" | grep -vE "O_PATH|\"/proc/self/fd/[0-9]+\", O_RDONLY|$one")" .
done
unlike "by nobody before the target's files are read" \
	"$(grep -oE '"/(etc|usr|lib|lib64)/[^"]*"' <<<"$opens")" \
	'nss|ld\.so|gconv|openssl|locale|/lib/|\.so'
is "one program is run: ourselves, and again from memory" "$(grep -cE ' execve(at)?\(' trace)" 2
like "from a sealed memfd" "$(grep -E ' execve(at)?\(' trace | tail -n 1)" 'memfd:taphos'
unlike "no PID or user namespace is entered" "$(grep -E ' (setns|unshare)\(' trace)" \
	'CLONE_NEW(PID|USER)|ns/(pid|user)|<(pid|user):'
unlike "nothing is mounted" "$(grep -v ', MS_REC|MS_PRIVATE, NULL) = 0' trace)" ' (mount|move_mount|fsmount)\('
is "and unmounted only by who has a private copy of the mounts for it" "$(awk '
	/ unshare\(CLONE_NEWNS\) += 0/ { copy[$1] = 1 }
	/ mount\(NULL, "[.\/]", NULL, MS_REC\|MS_PRIVATE, NULL\) = 0/ { private[$1] = copy[$1] }
	/ umount2\(/ && !private[$1]' trace)" ""
unlike "nobody is traced or written to" "$(cat trace)" ' (ptrace|process_vm_writev)\('
unlike "no module or BPF program is loaded" "$(cat trace)" ' (init_module|finit_module|bpf)\('
unlike "no name is made, changed or removed, but of the output" \
	"$(grep -E ' (mkdir|unlink|rename|link|symlink|chmod|chown|fchmod|fchown|lchown|mknod|truncate|utimens|l?setxattr)[a-z0-9]*\(' trace)" \
	"^[0-9]+ [a-z0-9]+\((.*watched/|[^<]*/proc/$pid)"
unlike "nothing is opened for writing but the output and our own" \
	"$(grep -E 'O_WRONLY|O_RDWR|O_CREAT|O_TRUNC' <<<"$opens" |
		grep -vE '"(/dev/null|/proc/self/oom_score_adj|watched\.tar\.zst[^"]*)"|O_TMPFILE')" .
unlike "no socket but to the kernel" "$(grep -E ' (socket|bind|connect)\(' trace)" \
	'socket\((AF_INET|AF_INET6|AF_VSOCK)|connect\('

sleep 0.2
is "watchers inside saw nothing" "$(cat "$root"/tmpfs/events-*)" "$before"
is "no access time is changed" "$(stat -c '%n %x' watched/upper/opt/* watched/upper/etc/*)" "$atimes"
is "nobody inside saw a process of ours" "$(grep -v ready "$root/tmpfs/seen")" ""
# ... by those who would have
touch "$root/opt/1"
like "the watcher does watch" "$(sleep 0.1; cat "$root/tmpfs/events-opt")" '^event .* 1$'
target_end watched
done_testing
