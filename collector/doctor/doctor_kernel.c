/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_kernel - what this kernel can do, asked of it and not of its version. */
#include "buf.h"
#include "doctor.h"
#include "io.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>

enum { LINE_BYTES = 4096 };

static void check_release(const struct doctor *d, struct doctor_finding *ret)
{
	struct utsname u;
	unsigned major = 0, minor = 0;

	(void)d;
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		doctor_say(ret, DOCTOR_WARN, "unknown release");
	else if (major < 4 || (major == 4 && minor < 18))
		doctor_say(ret, DOCTOR_FAIL, "%s is older than 4.18", u.release);
	else
		doctor_say(ret, DOCTOR_PASS, "%s %s", u.release, u.machine);
}

/* rc and errno of a probing call whose arguments are made to fail where the call exists. */
static void probed(struct doctor_finding *ret, long rc)
{
	if (rc < 0 && errno == ENOSYS)
		doctor_say(ret, DOCTOR_WARN, "not in this kernel");
	else if (rc < 0 && (errno == EPERM || errno == EACCES))
		doctor_say(ret, DOCTOR_WARN, "refused: %s", strerror(errno));
	else
		doctor_say(ret, DOCTOR_PASS, "works");
}

static void check_openat2(const struct doctor *d, struct doctor_finding *ret)
{
	int rc = io_probe_openat2();

	(void)d;
	errno = -rc;
	probed(ret, rc);
}

static void check_pidfd(const struct doctor *d, struct doctor_finding *ret)
{
	own_fd int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	(void)d;
	probed(ret, fd);
}

/* Both calls: one to clone a mount, one to make the clone read-only. Without OPEN_TREE_CLONE
 * nothing is cloned. */
static void check_mount_clone(const struct doctor *d, struct doctor_finding *ret)
{
	own_fd int fd = (int)syscall(SYS_open_tree, AT_FDCWD, ".", O_CLOEXEC);

	(void)d;
	probed(ret, fd);
	if (ret->level == DOCTOR_PASS)
		probed(ret, syscall(SYS_mount_setattr, -1, "", 0, NULL, 0));
}

#ifndef PAGEMAP_SCAN
struct pagemap_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, any,
		return_mask;
};
#define PAGEMAP_SCAN _IOWR('f', 16, struct pagemap_scan_arg)
#endif

static void check_pagemap_scan(const struct doctor *d, struct doctor_finding *ret)
{
	own_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct pagemap_scan_arg none = {0};

	(void)d;
	if (fd >= 0 && ioctl(fd, PAGEMAP_SCAN, &none) < 0 && errno == ENOTTY)
		doctor_say(ret, DOCTOR_WARN, "not in this kernel");
	else
		probed(ret, fd);
}

static void check_process_vm_readv(const struct doctor *d, struct doctor_finding *ret)
{
	char from = 'x', to = 0;
	struct iovec local = {&to, 1}, remote = {&from, 1};

	(void)d;
	probed(ret, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static void check_sealed_memfd(const struct doctor *d, struct doctor_finding *ret)
{
	own_buf struct buf line = BUF_INIT(LINE_BYTES);

	if (doctor_line(d->host.at.proc_fd, "sys/vm/memfd_noexec", &line) &&
		!strcmp(buf_str(&line), "2"))
		doctor_say(ret, DOCTOR_WARN, "vm.memfd_noexec=2 forbids programs in memory");
	else
		doctor_say(ret, DOCTOR_PASS, "may run programs");
}

static void check_seccomp(const struct doctor *d, struct doctor_finding *ret)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	(void)d;
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		doctor_say(ret, DOCTOR_FAIL, "no filters: %s", strerror(errno));
	else
		doctor_say(ret, DOCTOR_PASS, "filters work");
}

static void check_landlock(const struct doctor *d, struct doctor_finding *ret)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	(void)d;
	if (version < 0)
		doctor_say(ret, DOCTOR_WARN, "not there: %s", strerror(errno));
	else
		doctor_say(ret, DOCTOR_PASS, "version %ld", version);
}

/* A page without access rights reads through /proc/PID/mem unless the kernel was told
 * otherwise (proc_mem.force_override=, Linux 6.12). */
static void check_proc_mem(const struct doctor *d, struct doctor_finding *ret)
{
	own_fd int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char c = 0;

	(void)d;
	if (fd < 0 || page == MAP_FAILED) {
		doctor_say(ret, DOCTOR_WARN, "cannot be probed: %s", strerror(errno));
		return;
	}
	page[0] = 'x';
	if (mprotect(page, size, PROT_NONE) < 0 || pread(fd, &c, 1, (off_t)(uintptr_t)page) != 1 ||
		c != 'x')
		doctor_say(ret, DOCTOR_WARN, "pages without access rights cannot be read");
	else
		doctor_say(ret, DOCTOR_PASS, "reads pages without access rights too");
	munmap(page, size);
}

static void check_ptrace_scope(const struct doctor *d, struct doctor_finding *ret)
{
	own_buf struct buf line = BUF_INIT(LINE_BYTES);

	if (!doctor_line(d->host.at.proc_fd, "sys/kernel/yama/ptrace_scope", &line))
		doctor_say(ret, DOCTOR_PASS, "no Yama");
	else if (!strcmp(buf_str(&line), "3"))
		doctor_say(ret, DOCTOR_WARN, "3: nobody may read a process's memory");
	else
		doctor_say(ret, DOCTOR_PASS, "%.8s", buf_str(&line));
}

static void check_lockdown(const struct doctor *d, struct doctor_finding *ret)
{
	own_buf struct buf line = BUF_INIT(LINE_BYTES);

	if (!doctor_line(d->host.at.root_fd, "sys/kernel/security/lockdown", &line))
		doctor_say(ret, DOCTOR_PASS, "none");
	else if (strstr(buf_str(&line), "[confidentiality]"))
		doctor_say(ret, DOCTOR_WARN, "confidentiality: BPF and tracing are refused");
	else
		doctor_say(ret, DOCTOR_PASS, "%.100s", buf_str(&line));
}

static void check_lsm(const struct doctor *d, struct doctor_finding *ret)
{
	own_buf struct buf line = BUF_INIT(LINE_BYTES);

	if (doctor_line(d->host.at.root_fd, "sys/kernel/security/lsm", &line))
		doctor_say(ret, DOCTOR_PASS, "%.200s", buf_str(&line));
	else
		doctor_say(ret, DOCTOR_PASS, "unknown: securityfs is not mounted");
}

struct diag_request {
	struct nlmsghdr head;
	union {
		struct inet_diag_req_v2 inet;
		struct unix_diag_req local;
	};
};

/* Asks for a dump and looks at the first answer only: 0, or the kernel's errno. */
static int ask_sock_diag(uint8_t family, uint8_t protocol)
{
	own_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct diag_request rq = {
		.head = {.nlmsg_len = sizeof(rq),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	};
	_Alignas(struct nlmsghdr) char answer[65536];
	const struct nlmsghdr *h = (const void *)answer;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n;

	rq.inet.sdiag_family = family; /* first in both requests */
	rq.inet.sdiag_protocol = protocol;
	if (family == AF_UNIX)
		rq.local.udiag_states = UINT32_MAX;
	else
		rq.inet.idiag_states = UINT32_MAX;
	if (fd < 0 || send(fd, &rq, sizeof(rq), 0) < 0)
		return errno;
	if (poll(&ready, 1, 2000) != 1)
		return ETIMEDOUT;
	n = recv(fd, answer, sizeof(answer), 0);
	if (n < (ssize_t)sizeof(*h))
		return n < 0 ? errno : EPROTO;
	if (h->nlmsg_type == NLMSG_ERROR && n >= (ssize_t)(sizeof(*h) + sizeof(int)))
		return -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	return 0;
}

static void check_sock_diag(const struct doctor *d, struct doctor_finding *ret)
{
	static const struct {
		const char *name;
		uint8_t family, protocol;
	} asked[] = {
		{"tcp", AF_INET, IPPROTO_TCP},
		{"udp", AF_INET, IPPROTO_UDP},
		{"unix", AF_UNIX, 0},
	};
	own_buf struct buf bad = BUF_INIT(256);

	(void)d;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		int rc = ask_sock_diag(asked[i].family, asked[i].protocol);

		if (rc)
			buf_addf(&bad, "%s%s (%s)", bad.len ? ", " : "", asked[i].name,
				strerror(rc));
	}
	if (bad.len)
		doctor_say(ret, DOCTOR_WARN, "no answer for %s", buf_str(&bad));
	else
		doctor_say(ret, DOCTOR_PASS, "answers for tcp, udp, unix");
}

const struct doctor_check doctor_kernel[] = {
	{"kernel", check_release, "taphos needs Linux 4.18"},
	{"openat2", check_openat2,
		"Linux 5.6 has it; without it paths are walked one by one, more slowly"},
	{"pidfd", check_pidfd, "Linux 5.3 has it; without it a process is known by its start time"},
	{"mount clone", check_mount_clone,
		"Linux 5.12 has it; without it files hidden under a mount are not reached"},
	{"pagemap scan", check_pagemap_scan,
		"Linux 6.7 has it; without it present pages are found more slowly"},
	{"process_vm_readv", check_process_vm_readv,
		"without it memory is read through /proc/PID/mem, more slowly"},
	{"sealed memfd", check_sealed_memfd,
		"sysctl vm.memfd_noexec=1; otherwise no mount namespace is entered"},
	{"seccomp", check_seccomp, "a kernel with CONFIG_SECCOMP_FILTER: readers run under it"},
	{"landlock", check_landlock,
		"Linux 5.13 has it, when lsm= names landlock; with it readers of files cannot "
		"write"},
	{"proc mem", check_proc_mem,
		"boot without proc_mem.force_override=; such pages become gaps otherwise"},
	{"ptrace scope", check_ptrace_scope,
		"only a reboot with another kernel.yama.ptrace_scope changes it"},
	{"lockdown", check_lockdown, "nothing that taphos reads needs it off"},
	{"lsm", check_lsm, NULL},
	{"sock_diag", check_sock_diag,
		"modprobe tcp_diag udp_diag unix_diag; without them /proc/net is read"},
	{0},
};
