/* SPDX-License-Identifier: Apache-2.0 */
/* memlive - pages of a process that runs. */
#include "memlive.h"
#include "io.h"
#include "memdevs.h"
#include "memmaps.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { AUXV_MAX = 4096 };
static const uint64_t present = 1ULL << 63, swapped = 1ULL << 62;

static int same_program(const struct memlive *l, const void *auxv, size_t n, struct err *e)
{
	own_fd int fd = openat(l->pid_fd, "auxv", O_RDONLY | O_CLOEXEC);
	char now[AUXV_MAX];
	ssize_t got;

	if (fd < 0)
		return err_errno(e, "open auxv");
	got = io_read(fd, now, sizeof(now));
	if (got < 0)
		return err_set(e, (int)-got, "read auxv");
	if (n && n <= sizeof(now) && ((size_t)got != n || memcmp(now, auxv, n)))
		return err_set(e, ESTALE, "it runs another program by now");
	return 0;
}

/* Of a process whose first thread has ended, a thread that runs has the memory. */
static int follow(struct memlive *l, int proc_fd, pid_t pid)
{
	pid_t tid;
	int fd = procfs_open_live(proc_fd, l->pid_fd, pid, &tid);

	if (fd < 0)
		return fd;
	(void)close(l->pid_fd);
	l->pid_fd = fd;
	return 0;
}

static int open_files(struct memlive *l, int proc_fd, const struct mem_proc *p, struct err *e)
{
	struct procfs_stat st;
	int rc;

	rc = procfs_read_stat(l->pid_fd, &st, e);
	if (rc < 0)
		return rc;
	if (st.start_ticks != p->start_ticks)
		return err_set(e, ESRCH, "its number belongs to another process");
	if (strchr("ZXx", st.state) && follow(l, proc_fd, p->pid) < 0)
		return err_set(e, ESRCH, "it has ended");
	l->mem_fd = openat(l->pid_fd, "mem", O_RDONLY | O_CLOEXEC);
	if (l->mem_fd < 0)
		return err_errno(e, "open mem");
	l->map_fd = openat(l->pid_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	if (l->map_fd < 0)
		return err_errno(e, "open pagemap");
	return 0;
}

int memlive_open(struct memlive *l, int proc_fd, const struct mem_proc *p, const void *auxv,
	size_t n, struct err *e)
{
	int rc;

	*l = MEMLIVE_INIT;
	l->page = (uint64_t)sysconf(_SC_PAGESIZE);
	l->entries = malloc(MEMLIVE_BLOCK / l->page * sizeof(*l->entries));
	if (!l->entries)
		return err_set(e, ENOMEM, "no memory");
	l->pid_fd = procfs_open_pid(proc_fd, p->pid, e);
	if (l->pid_fd < 0)
		return l->pid_fd;
	rc = open_files(l, proc_fd, p, e);
	return rc < 0 ? rc : same_program(l, auxv, n, e);
}

void memlive_close(struct memlive *l)
{
	int fds[] = {l->pid_fd, l->mem_fd, l->map_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	free(l->entries);
	*l = MEMLIVE_INIT;
}

/* Bytes from 'at' on that are there, or with 'no' that are not. */
static size_t stretch(const struct memlive *l, size_t pages, bool no)
{
	uint64_t there = l->careful ? present : present | swapped;
	size_t i = 0;

	while (i < pages && !(l->entries[i] & there) == no)
		i++;
	return i * l->page;
}

/* The vdso has pages that no table of pages shows; what lies there must still be it. */
static bool is_own_code(const struct memlive *l, uint64_t at)
{
	static const struct memdevs none = {0};
	own_free struct memmaps *maps = calloc(1, sizeof(*maps));
	struct memmap m = {0};
	bool is = false;

	if (!maps || memmaps_open(maps, l->pid_fd, NULL) < 0)
		return false;
	maps->devs = &none;
	while (!is && m.start <= at && memmaps_next(maps, &m, NULL) > 0)
		is = m.whole && m.start <= at && at < m.end;
	memmaps_done(maps);
	return is;
}

static size_t fail(struct memlive_bad *bad, size_t n, enum mem_fate fate, int error)
{
	*bad = (struct memlive_bad){n, fate, error};
	return 0;
}

size_t memlive_read(struct memlive *l, uint64_t at, void *to, size_t n, struct memlive_bad *ret_bad)
{
	size_t pages, there;
	ssize_t got;

	*ret_bad = (struct memlive_bad){0};
	if (n > MEMLIVE_BLOCK)
		n = MEMLIVE_BLOCK;
	pages = n / l->page;
	got = io_pread(l->map_fd, l->entries, pages * 8, (off_t)(at / l->page * 8));
	if (got <= 0)
		return fail(ret_bad, n, MEM_FAILED, got ? (int)-got : ESRCH);
	pages = (size_t)got / 8;
	there = stretch(l, pages, false);
	if (!there && l->special && is_own_code(l, at))
		there = l->page;
	if (!there)
		return fail(ret_bad, stretch(l, pages, true), MEM_NOT_PRESENT, 0);
	got = pread(l->mem_fd, to, there, (off_t)at);
	if (got >= (ssize_t)l->page)
		return (size_t)got & ~(size_t)(l->page - 1);
	return fail(ret_bad, got == 0 ? n : l->page, MEM_FAILED, got < 0 ? errno : ESRCH);
}
