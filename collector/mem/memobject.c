/* SPDX-License-Identifier: Apache-2.0 */
/* memobject - shared memory that is read after the thaw, as the file that it is. */
#include "memobject.h"
#include "io.h"
#include "memmaps.h"
#include "own.h"
#include "procfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

void memobject_close(struct memobject *o)
{
	own_fd_(&o->fd);
	o->fd = -1;
	o->proc = o->start = 0;
}

/* Asks no server of a file system. */
static bool is_it(int dirfd, const char *name, const struct mem_map *m)
{
	const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct statx st;

	return statx(dirfd, name, flags, STATX_TYPE | STATX_INO, &st) == 0 &&
	       S_ISREG(st.stx_mode) && st.stx_ino == m->ino && st.stx_dev_major == m->dev_major &&
	       st.stx_dev_minor == m->dev_minor;
}

/* Numbers are given again, and can be chosen. */
static bool is_generation(int fd, const struct mem_map *m)
{
	uint32_t now;

	return !m->generation || (memmaps_generation(fd, "", &now) && now == m->generation);
}

/* The file behind the mapping 'there' of a process, if that is still the one of 'm'; -1. */
static int open_through(
	int proc_fd, const struct mem_proc *p, const struct mem_map *there, const struct mem_map *m)
{
	own_fd int pid_fd = procfs_open_pid(proc_fd, p->pid, NULL), dir = -1, fd = -1;
	struct procfs_stat st;
	struct statfs fs;
	char name[40];

	if (pid_fd < 0 || procfs_read_stat(pid_fd, &st, NULL) < 0 ||
		st.start_ticks != p->start_ticks)
		return -1;
	dir = openat(pid_fd, "map_files", O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "%" PRIx64 "-%" PRIx64, there->start, there->end);
	if (dir < 0 || !is_it(dir, name, m))
		return -1;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC || !is_it(fd, "", m) ||
		!is_generation(fd, m))
		return -1;
	return take_fd(&fd);
}

/* Of those that were referred to it when all stood still. */
static int search(struct memscan *scan, const struct memobject_of *of, uint64_t offset)
{
	const struct mem_head *h;
	struct mem_proc proc = {0};
	struct mem_map map = {0};
	int fd = -1;

	for (scan->at = 0; fd < 0 && memscan_next(scan, &h, NULL) == 1;) {
		const struct mem_run *r = (const void *)h;

		if (h->type == MEM_PROC)
			proc = *(const struct mem_proc *)h;
		if (h->type == MEM_MAP)
			map = *(const struct mem_map *)h;
		if (h->type != MEM_RUN || r->fate != MEM_ELSEWHERE ||
			r->offset != (uint64_t)of->proc->pid || map.ino != of->map->ino ||
			offset - map.offset < r->start - map.start ||
			offset - map.offset >= r->end - map.start)
			continue;
		fd = open_through(of->proc_fd, &proc, &map, of->map);
	}
	return fd;
}

static void find(
	struct memobject *o, struct memscan *scan, const struct memobject_of *of, uint64_t offset)
{
	const uint64_t at = scan->at;

	memobject_close(o);
	o->proc = of->at;
	o->start = of->map->start;
	o->fd = open_through(of->proc_fd, of->proc, of->map, of->map);
	if (o->fd >= 0 || o->searches == MEMOBJECT_SEARCHES)
		return;
	o->searches++;
	o->fd = search(scan, of, offset);
	scan->at = at;
}

size_t memobject_read(struct memobject *o, struct memscan *scan, const struct memobject_of *of,
	uint64_t address, struct iovec to)
{
	uint64_t offset = of->map->offset + (address - of->map->start);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	ssize_t got;

	if (of->map->kind != MEM_SHMEM || offset > INT64_MAX)
		return 0;
	if (o->proc != of->at || o->start != of->map->start)
		find(o, scan, of, offset);
	got = o->fd < 0 ? 0 : io_pread(o->fd, to.iov_base, to.iov_len, (off_t)offset);
	return got > 0 ? (size_t)got & ~(page - 1) : 0;
}
