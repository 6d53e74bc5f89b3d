/* SPDX-License-Identifier: Apache-2.0 */
/* shmem - memory that processes share, read as the file that it is. */
#include "shmem.h"

#include "copy.h"
#include "memmaps.h"
#include "own.h"
#include "tick.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* A process that maps the same memory twice (a writable and an executable view) gets both, within
 * reason: its core is then complete in itself. */
static const uint64_t again_max = 256 << 20;

/* One mapping that is being read. */
struct view {
	struct shmem *s; /* where to remember what is dumped; NULL: it is known already */
	struct copy *c;
	const struct memmap *m;
	uint64_t good; /* of the object: from here on nothing was lost */
	int error;     /* why it could not be looked through */
	int fd;
	uint64_t size; /* of the object, up to a whole page */
	struct shmem_id id;
	bool unknown; /* which memory it is: nobody is referred to it */
};

void shmem_done(struct shmem *s)
{
	free(s->piece);
	*s = (struct shmem){0};
}

void shmem_begin(struct shmem *s, pid_t pid)
{
	s->pid = pid;
	s->again = again_max;
}

/* Adds [from, to) of the object, known or not. What is still to be read live counts: many may
 * share what does not fit the staging area, and any of them gives it then (memobject.h). */
static void remember(struct shmem *s, const struct shmem_id *id, uint64_t from, uint64_t to)
{
	if (s->count == SHMEM_MAX)
		return;
	if (s->count == s->cap) {
		unsigned cap = s->cap ? 2 * s->cap : 64;
		struct shmem_piece *more = realloc(s->piece, cap * sizeof(*more));

		if (!more)
			return;
		s->piece = more;
		s->cap = cap;
	}
	s->piece[s->count++] = (struct shmem_piece){*id, from, to, s->pid};
}

static bool is_same(const struct shmem_id *a, const struct shmem_id *b)
{
	return a->ino == b->ino && a->major == b->major && a->minor == b->minor &&
	       a->generation == b->generation && a->born == b->born;
}

/* Who has the byte at 'from', and up to where? 0: nobody, up to *to. */
static pid_t who_has(const struct shmem *s, const struct shmem_id *id, uint64_t from, uint64_t *to)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct shmem_piece *p = &s->piece[i];

		if (p->to <= from || p->from >= *to || !is_same(&p->id, id))
			continue;
		if (p->from <= from) {
			*to = p->to < *to ? p->to : *to;
			return p->pid;
		}
		*to = p->from;
	}
	return 0;
}

/* [from, to) is not in the core: nobody is to be referred to it. */
static void lose(struct view *v, uint64_t from, uint64_t to)
{
	if (v->s && v->good < from)
		remember(v->s, &v->id, v->good, from);
	v->good = to;
}

static bool is_lost(enum mem_fate fate)
{
	return fate != MEM_DUMPED && fate != MEM_ZERO && fate != MEM_NOT_PRESENT;
}

static int say(struct view *v, uint64_t from, uint64_t to, enum mem_fate fate, struct err *e)
{
	struct mem_run run = {
		.start = v->m->start + (from - v->m->offset),
		.end = v->m->start + (to - v->m->offset),
		.fate = (uint16_t)fate,
		.error = fate == MEM_FAILED ? v->error : 0,
	};

	if (from < to && is_lost(fate))
		lose(v, from, to);
	return from < to ? runs_add(v->c->runs, &run, e) : 0;
}

/* What no page is behind. Beyond the object's end a program would be killed for a look. */
static int say_hole(struct view *v, uint64_t from, uint64_t to, struct err *e)
{
	uint64_t end = v->size < from ? from : v->size < to ? v->size : to;
	bool held = v->m->flags & (MEM_UFFD | MEM_NO_FLAGS);
	int rc = say(v, from, end, held ? MEM_NOT_PRESENT : MEM_ZERO, e);

	if (held && from < end)
		lose(v, from, end); /* another, whom nobody holds, knows better */
	return rc < 0 ? rc : say(v, end, to, MEM_NOT_PRESENT, e);
}

/* One block: returns the bytes that are settled. */
static ssize_t read_block(struct view *v, uint64_t at, uint64_t n, struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size = 0;
	struct mem_run run = {.start = v->m->start + (at - v->m->offset), .fate = MEM_DUMPED};
	char *room = v->c->limits->live ? NULL : stage_room(v->c->stage, &size);
	enum mem_store store = MEM_STORE_LIVE;
	uint64_t was;
	ssize_t got;
	int rc;

	n = n < STAGE_BLOCK ? n : STAGE_BLOCK;
	if (room)
		n = n < size ? n : size;
	was = copy_enter(v->c);
	got = room ? pread(v->fd, room, n, (off_t)at) : (ssize_t)n;
	(void)tick_item(v->c->limits->item, was);
	if (got > 0 && room) {
		n = (uint64_t)got & ~(page - 1);
		if (n && stage_keep(v->c->stage, n, &store, &run.offset) < 0)
			store = MEM_STORE_LIVE;
	}
	if (got < (ssize_t)page) {
		run.error = got < 0 ? errno : EIO;
		run.fate = MEM_FAILED;
		copy_take_back(v->c, page);
		n = page;
		lose(v, at, at + n);
	}
	run.store = (uint16_t)store;
	run.end = run.start + n;
	rc = runs_add(v->c->runs, &run, e);
	return rc < 0 ? rc : (ssize_t)n;
}

static int read_data(struct view *v, uint64_t from, uint64_t to, struct err *e)
{
	if (v->c->limits->maps_only)
		return say(v, from, to, MEM_LEFT_OUT, e);
	while (from < to) {
		uint64_t n = to - from < STAGE_BLOCK ? to - from : STAGE_BLOCK;
		int rc = copy_tick(v->c, e);

		n = v->c->runs->left ? copy_grant(v->c, n) : 0;
		if (rc == 0 && !n)
			return say(v, from, to, MEM_OVER_BUDGET, e);
		while (rc == 0 && n) {
			ssize_t done = read_block(v, from, n, e);

			rc = done < 0 ? (int)done : 0;
			from += done < 0 ? 0 : (uint64_t)done;
			n -= done < 0 ? 0 : (uint64_t)done;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* All of [from, to) of the object. */
static int read_piece(struct view *v, uint64_t from, uint64_t to, struct err *e)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int rc = 0;

	while (rc == 0 && from < to) {
		off_t data = lseek(v->fd, (off_t)from, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(v->fd, data, SEEK_HOLE);
		uint64_t start = data < 0 ? to : (uint64_t)data & ~(page - 1), end;

		v->error = data < 0 && errno != ENXIO ? errno : 0;
		if (v->error)
			return say(v, from, to, MEM_FAILED, e);
		start = start < from ? from : start < to ? start : to;
		end = hole < 0 ? to : ((uint64_t)hole + page - 1) & ~(page - 1);
		end = end < start ? start : end < to ? end : to;
		rc = say_hole(v, from, start, e);
		if (rc == 0)
			rc = read_data(v, start, end, e);
		if (end == from)
			return err_set(e, EIO, "seek in shared memory");
		from = end;
	}
	return rc;
}

/* Which memory is it? Without a handle (a kernel without CONFIG_FHANDLE) its number must do where
 * that is given but once. */
static void identify(struct view *v, int fd, const struct statx *st)
{
	v->id = (struct shmem_id){.ino = v->m->ino, .major = v->m->major, .minor = v->m->minor};
	if (st->stx_mask & STATX_BTIME)
		v->id.born = (uint64_t)st->stx_btime.tv_sec * 1000000000U + st->stx_btime.tv_nsec;
	if (!memmaps_generation(fd, "", &v->id.generation))
		v->unknown = !strncmp(v->m->name, "/SYSV", 5);
}

/* The mapping's file. Asks nobody for it: on FUSE what the kernel knows. */
static bool is_object(const struct view *v, int dir, const char *name, struct statx *ret)
{
	const int flags = AT_STATX_DONT_SYNC | (*name ? 0 : AT_EMPTY_PATH);

	return statx(dir, name, flags, STATX_BASIC_STATS | STATX_BTIME, ret) == 0 &&
	       S_ISREG(ret->stx_mode) && ret->stx_ino == v->m->ino;
}

/* -1: it cannot be read as a file. */
static int open_object(struct view *v, int map_files)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char name[MEMMAPS_FILE];
	own_fd int fd = -1;
	struct statfs fs;
	struct statx st;
	uint32_t ignored;

	memmaps_file(v->m, name);
	/* devices lie on file systems in memory, too, and opening one has effects */
	if (!is_object(v, map_files, name, &st))
		return -1;
	/* mounted nowhere: what is it? */
	if (v->m->kind == MEM_DELETED && !memmaps_generation(map_files, name, &ignored))
		return -1;
	/* it is on a file system in memory: opening it waits for nobody */
	fd = openat(map_files, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(map_files, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC ||
		!is_object(v, fd, "", &st))
		return -1;
	identify(v, fd, &st);
	v->size = (st.stx_size + page - 1) & ~(page - 1);
	return take_fd(&fd);
}

int shmem_copy(
	struct shmem *s, struct copy *c, const struct memmap *m, int map_files, struct err *e)
{
	struct view v = {.c = c, .m = m};
	uint64_t at = m->offset, end = m->offset + (m->end - m->start);
	own_fd int fd = open_object(&v, map_files);
	int rc = 0;

	if (fd < 0 || end < at)
		return 0;
	v.fd = fd;
	while (rc == 0 && at < end) {
		uint64_t to = end;
		pid_t pid = v.unknown ? 0 : who_has(s, &v.id, at, &to);
		struct mem_run known = {.start = m->start + (at - m->offset),
			.end = m->start + (to - m->offset),
			.fate = MEM_ELSEWHERE,
			.offset = (uint64_t)pid};

		if (pid && (pid != s->pid || to - at > s->again)) {
			rc = runs_add(c->runs, &known, e);
		} else {
			s->again -= pid ? to - at : 0;
			v.s = pid || v.unknown ? NULL : s;
			v.good = at;
			rc = read_piece(&v, at, to, e);
			lose(&v, to, to);
		}
		at = to;
	}
	return rc < 0 ? rc : 1;
}
