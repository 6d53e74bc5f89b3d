/* SPDX-License-Identifier: Apache-2.0 */
/* psinfo - what a core tells of a process and its threads besides their memory. */
#include "psinfo.h"

#include "copy.h"
#include "io.h"
#include "own.h"
#include "pagemap.h"
#include "procset.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_MAX = 65536 };

/* comm of /proc may be longer (a kernel worker's), a core's is not. */
static void take_comm(char ret[16], const struct procfs_stat *st)
{
	memcpy(ret, st->comm, strnlen(st->comm, 15));
}

void psinfo_proc(const struct proc_one *p, struct mem_proc *ret)
{
	own_buf struct buf status = BUF_INIT(STATUS_MAX);
	const struct procfs_stat *st = &p->stat;
	uint64_t uid = MEM_NOBODY, gid = MEM_NOBODY;

	if (!p->ended && io_read_file(p->fd, "status", &status, NULL) == 0) {
		(void)procfs_field_u64(buf_str(&status), "Uid", 10, &uid);
		(void)procfs_field_u64(buf_str(&status), "Gid", 10, &gid);
	}
	*ret = (struct mem_proc){
		.head.type = MEM_PROC,
		.pid = p->pid,
		.ppid = st->ppid,
		.pgrp = st->pgrp,
		.sid = st->session,
		.uid = (uint32_t)uid,
		.gid = (uint32_t)gid,
		.start_ticks = st->start_ticks,
		.flags = st->flags,
		.nice = st->nice,
		.machine = p->machine,
		.frozen = p->still,
		.state = st->state,
		.stopped_ns = p->stopped_ns,
		.resumed_ns = p->resumed_ns,
	};
	take_comm(ret->comm, st);
}

void psinfo_args(
	const struct proc_one *p, struct pagemap *pages, struct copy *c, struct mem_proc *ret)
{
	struct procfs_stat live = p->stat;
	struct pages found;
	uint64_t from, to, page;
	size_t n;

	/* a first thread that has ended has no memory to tell of */
	if (p->live != p->pid && procfs_read_stat(procset_dir(p), &live, NULL) < 0)
		return;
	from = live.arg_start;
	to = live.arg_end;

	page = from & ~(pages->page - 1);
	pagemap_begin(pages, page, page + pages->page);
	/* it may have moved its arguments to where a look would wait */
	if (from >= to || pagemap_next(pages, page, page + pages->page, &found, NULL) != 1 ||
		!(found.is & PAGES_PRESENT))
		return;
	n = pages->page - from % pages->page;
	n = n < to - from ? n : to - from;
	n = n < sizeof(ret->args) - 1 ? n : sizeof(ret->args) - 1;
	n = copy_peek(c, from, ret->args, n);
	for (size_t i = 0; i + 1 < n; i++)
		if (!ret->args[i])
			ret->args[i] = ' ';
	for (; n && (!ret->args[n - 1] || ret->args[n - 1] == ' '); n--)
		ret->args[n - 1] = '\0';
}

static uint16_t own_machine(bool small)
{
#if defined(__x86_64__)
	return small ? EM_386 : EM_X86_64;
#elif defined(__aarch64__)
	return small ? EM_ARM : EM_AARCH64;
#else
	(void)small;
	return EM_NONE;
#endif
}

/* A 32-bit program's pairs are half as wide: read as wide ones, their types are enormous. */
static bool is_small(const char *auxv, size_t n)
{
	for (size_t i = 0; i + 16 <= n; i += 16) {
		uint64_t type;

		memcpy(&type, auxv + i, sizeof(type));
		if (type > UINT32_MAX)
			return true;
		if (!type)
			break;
	}
	return false;
}

uint16_t psinfo_machine(const char *auxv, size_t n)
{
	return own_machine(is_small(auxv, n));
}

size_t psinfo_auxv(const struct proc_one *p, char *to, size_t n)
{
	own_fd int fd = openat(procset_dir(p), "auxv", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : io_read(fd, to, n);

	return got > 0 ? (size_t)got : 0;
}

/* The last number of NSpid (before Linux 4.1 there is none). */
static int32_t innermost(const char *status)
{
	size_t n = 0;
	const char *p = procfs_field(status, "NSpid", &n);
	uint64_t id = 0;

	for (size_t i = 0; p && i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			id = 0;
		else if (id <= INT32_MAX / 10)
			id = id * 10 + (uint64_t)(p[i] - '0');
	return id <= INT32_MAX ? (int32_t)id : 0;
}

void psinfo_thread(const struct proc_one *p, pid_t tid, struct mem_thread *ret)
{
	own_buf struct buf status = BUF_INIT(STATUS_MAX);
	own_fd int fd = -1;
	struct procfs_stat st;
	char name[32];

	*ret = (struct mem_thread){.head.type = MEM_THREAD, .tid = tid};
	snprintf(name, sizeof(name), "task/%d", (int)tid);
	fd = openat(p->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return;
	ret->ppid = st.ppid;
	ret->state = st.state;
	ret->utime = st.utime;
	ret->stime = st.stime;
	take_comm(ret->comm, &st);
	if (io_read_file(fd, "status", &status, NULL) < 0)
		return;
	ret->ns_tid = innermost(buf_str(&status));
	(void)procfs_field_u64(buf_str(&status), "SigPnd", 16, &ret->sigpend);
	(void)procfs_field_u64(buf_str(&status), "SigBlk", 16, &ret->sighold);
}
