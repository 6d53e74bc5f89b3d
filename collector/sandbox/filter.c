/* SPDX-License-Identifier: Apache-2.0 */
/* filter - the system calls a worker may make. */
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

/* Which kinds have a call, as a set. */
enum {
	P = 1 << FILTER_PARSER,
	R = 1 << FILTER_READER,
	N = 1 << FILTER_NETWORK,
	W = 1 << FILTER_WRITER,
	M = 1 << FILTER_MOUNTS,
	T = 1 << FILTER_TRACER,
	D = 1 << FILTER_MEMORY,
	C = 1 << FILTER_CLIENT,
	READERS = R | N | T | D | C,
	ALL = P | W | M | READERS,
	THREADED = W | R | T,
};

struct rule {
	int nr;
	unsigned kinds;
};

#define CALL(name) SCMP_SYS(name)

static const struct rule rules[] = {
	/* what libc and every process need */
	{CALL(exit), ALL},
	{CALL(exit_group), ALL},
	{CALL(brk), ALL},
	{CALL(munmap), ALL},
	{CALL(mremap), ALL},
	{CALL(madvise), ALL},
	{CALL(futex), ALL},
	{CALL(rt_sigreturn), ALL},
	{CALL(rt_sigprocmask), ALL},
	{CALL(rt_sigaction), ALL},
	{CALL(sigaltstack), ALL},
	{CALL(restart_syscall), ALL},
	{CALL(sched_yield), ALL},
	{CALL(getrandom), ALL},
	{CALL(clock_gettime), ALL},
	{CALL(clock_nanosleep), ALL},
	{CALL(nanosleep), ALL},
	{CALL(gettimeofday), ALL},
	{CALL(getpid), ALL},
	{CALL(gettid), ALL},
	{CALL(getppid), ALL},
	{CALL(getuid), ALL},
	{CALL(geteuid), ALL},
	{CALL(getgid), ALL},
	{CALL(getegid), ALL},
	{CALL(getrusage), ALL},
	{CALL(sched_getaffinity), ALL},
	/* descriptors it has */
	{CALL(close), ALL},
	{CALL(close_range), ALL},
	{CALL(read), ALL},
	{CALL(readv), ALL},
	{CALL(pread64), ALL},
	{CALL(write), ALL},
	{CALL(writev), ALL},
	{CALL(pwrite64), ALL},
	{CALL(lseek), ALL},
	{CALL(fstat), ALL},
	{CALL(poll), ALL},
	{CALL(ppoll), ALL},
	{CALL(sendmsg), R | W | M | D}, /* those that send descriptors; not N: it names an address
					 */
	{CALL(recvmsg), ALL},
	{CALL(recvfrom), ALL},
	{CALL(dup), ALL},
	{CALL(ftruncate), ALL},
	{CALL(fallocate), W | READERS},
	{CALL(fadvise64), ALL},
	{CALL(uname), ALL},
	{CALL(sysinfo), ALL},
	{CALL(newfstatat), ALL},
	{CALL(statx), ALL},
	/* files */
	{CALL(openat2), READERS | M},
	{CALL(getdents64), READERS},
	{CALL(readlinkat), READERS},
	{CALL(readlink), READERS},
	{CALL(faccessat), READERS},
	{CALL(faccessat2), READERS},
	{CALL(stat), READERS},
	{CALL(lstat), READERS},
	{CALL(statfs), READERS},
	{CALL(fstatfs), READERS | W},
	{CALL(getxattr), READERS},
	{CALL(lgetxattr), READERS},
	{CALL(fgetxattr), READERS},
	{CALL(listxattr), READERS},
	{CALL(llistxattr), READERS},
	{CALL(flistxattr), READERS},
	{CALL(name_to_handle_at), READERS},
	{CALL(memfd_create), READERS},
	{CALL(umask), READERS},
	/* processes, read only */
	{CALL(process_vm_readv), T | D},
	{CALL(wait4), T},
	{CALL(waitid), T},
	{CALL(rt_sigtimedwait), T},
	{CALL(pidfd_open), READERS},
	{CALL(kcmp), READERS},
	{CALL(capget), READERS},
	/* sockets */
	{CALL(getsockopt), N | C},
	{CALL(setsockopt), N | C},
	{CALL(bind), N},
	{CALL(connect), C},
	{CALL(getsockname), N | C},
	{CALL(getpeername), C},
	{CALL(socketpair), C}, /* libcurl wakes itself through one */
	{CALL(pipe2), C},
	{CALL(eventfd2), C},
	/* threads (allow_threads()), files of the writer */
	{CALL(set_robust_list), THREADED},
	{CALL(rseq), THREADED},
	{CALL(fsync), W},
	{CALL(fdatasync), W},
	{CALL(sync_file_range), W},
	/* mounts */
	{CALL(open_tree), M},
	{CALL(mount_setattr), M},
	{CALL(unshare), M},
	{CALL(mount), M},
	{CALL(umount2), M},
	{CALL(fchdir), READERS | M},
	{CALL(chroot), M},
};

static int allow_rules(scmp_filter_ctx ctx, enum filter_kind kind)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		int rc;

		if (!(rules[i].kinds & 1U << kind))
			continue;
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, rules[i].nr, 0);
		if (rc < 0 && rc != -EEXIST && rc != -EDOM)
			return rc;
	}
	return 0;
}

/* Memory that is or becomes executable is how a foreign library would come in. */
static int allow_memory(scmp_filter_ctx ctx)
{
	int rc = seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return rc;
}

/* The kernel looks at the lower half of these arguments. */
#define LOW 0xffffffffU

/* Duplicates and flags of descriptors: no locks, leases, signals. */
static int allow_fcntl(scmp_filter_ctx ctx, enum filter_kind kind)
{
	static const int allowed[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
	/* its sockets do not wait; nobody else needs the last one */
	size_t n = sizeof(allowed) / sizeof(allowed[0]) - (kind != FILTER_CLIENT);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, LOW, (unsigned)allowed[i]));
	return rc;
}

/* _IOWR('f', 16, struct pm_scan_arg), of 12 words; headers before Linux 6.7 do not have it */
#define PAGEMAP_SCAN_CALL _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 12 * 8)

/* An ioctl can freeze a file system. Those that are left ask a namespace for its parent, and
 * which pages of a process are there. */
static int allow_ioctl(scmp_filter_ctx ctx, enum filter_kind kind)
{
	int rc = 0;

	if ((1U << kind) & READERS)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, LOW, NS_GET_PARENT));
	if (rc == 0 && (1U << kind) & (T | D))
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, LOW, PAGEMAP_SCAN_CALL));
	return rc;
}

/* Nothing is written or made through these (openat2 keeps its flags in memory, unseen). */
static int allow_files(scmp_filter_ctx ctx, enum filter_kind kind)
{
	const unsigned writing = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	int rc = 0;

	if ((1U << kind) & (READERS | M))
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
	if (rc == 0 && (1U << kind) & READERS)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
	return rc == -EDOM ? 0 : rc; /* newer machines have no open() */
}

/* To who is at the other end, the kernel or our own: never to an address; abort() on itself. */
static int allow_messages(scmp_filter_ctx ctx)
{
	int rc =
		seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0));

	if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
			SCMP_A0(SCMP_CMP_MASKED_EQ, LOW, (unsigned)getpid()));
	return rc;
}

static int allow_prctl(scmp_filter_ctx ctx)
{
	static const int allowed[] = {PR_SET_NAME, PR_CAPBSET_READ, PR_SET_VMA};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
			SCMP_A0(SCMP_CMP_EQ, (unsigned)allowed[i]));
	return rc;
}

/* pthread_create(), never a process: clone3 keeps its flags in memory, so glibc is told that there
 * is none. */
static int allow_threads(scmp_filter_ctx ctx, enum filter_kind kind)
{
	int rc;

	if (!((1U << kind) & THREADED))
		return 0;
	rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return rc < 0 ? rc
		      : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

static int allow_special(scmp_filter_ctx ctx, enum filter_kind kind)
{
	static const unsigned families[] = {AF_NETLINK, AF_INET, AF_INET6};
	int rc = 0;

	if (kind == FILTER_NETWORK)
		for (size_t i = 0; rc == 0 && i < sizeof(families) / sizeof(families[0]); i++)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_EQ, families[i]));
	if (kind == FILTER_CLIENT)
		for (size_t i = 1; rc == 0 && i < sizeof(families) / sizeof(families[0]); i++)
			rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_EQ, families[i]));
	return rc;
}

/* Stops a thread, reads what it was at, lets it go: nothing of it can be changed. */
static int allow_ptrace(scmp_filter_ctx ctx)
{
	static const unsigned allowed[] = {
		PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_GETREGSET, PTRACE_GETSIGINFO, PTRACE_DETACH};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(allowed[0]); i++)
		rc = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(ptrace), 1, SCMP_A0(SCMP_CMP_EQ, allowed[i]));
	return rc;
}

static int kill_rules(scmp_filter_ctx ctx, enum filter_kind kind)
{
	static const int deadly[] = {
		SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(process_vm_writev)};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(deadly) / sizeof(deadly[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	if (rc == 0 && kind == FILTER_TRACER)
		rc = allow_ptrace(ctx);
	else if (rc == 0)
		rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace), 0);
	return rc;
}

static int build(scmp_filter_ctx ctx, enum filter_kind kind)
{
	int rc = kill_rules(ctx, kind);

	if (rc == 0)
		rc = allow_rules(ctx, kind);
	if (rc == 0)
		rc = allow_memory(ctx);
	if (rc == 0)
		rc = allow_fcntl(ctx, kind);
	if (rc == 0)
		rc = allow_files(ctx, kind);
	if (rc == 0)
		rc = allow_ioctl(ctx, kind);
	if (rc == 0)
		rc = allow_messages(ctx);
	if (rc == 0)
		rc = allow_prctl(ctx);
	if (rc == 0)
		rc = allow_threads(ctx, kind);
	if (rc == 0)
		rc = allow_special(ctx, kind);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc;
}

int filter_load(enum filter_kind kind, struct err *e)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (!ctx)
		return err_set(e, ENOMEM, "seccomp: no memory");
	rc = build(ctx, kind);
	if (rc == 0)
		rc = seccomp_load(ctx); /* sets no_new_privs */
	seccomp_release(ctx);
	return rc < 0 ? err_set(e, -rc, "load the seccomp filter") : 0;
}
