/* SPDX-License-Identifier: Apache-2.0 */
/* memcore - the core file of a process as a member. */
#include "memcore.h"
#include "dumper.h"
#include "io.h"
#include "memsign.h"
#include "memwalk.h"
#include "now.h"
#include "sink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	STALL_BLOCK =
		1 << 20, /* passed over where a worker got stuck; the rest of the run if again */
	STALLS_MAX = 2,	 /* of one process: then none of it is read live any more */
	SIGNS_MAX = 256, /* kept of one process */
};

/* A stretch of a run that is being sent. */
struct stretch {
	const struct mem_map *map;
	struct mem_run run;
	uint64_t at; /* address of the next byte */
};

static int add_fate(struct memcore *c, struct stretch *s, uint64_t n, const struct memlive_bad *bad)
{
	struct memlog_entry entry = {
		.kind = MEMLOG_FATE,
		.what = (uint16_t)bad->fate,
		.error = bad->error,
		.proc = c->plan->at,
		.start = s->at,
		.end = s->at + n,
	};

	return memlog_add(c->log, &entry, NULL);
}

static bool has_given_up(const struct memcore *c)
{
	return c->log->entries[c->entry].what & MEMLOG_FULL;
}

/* There is no room to say what is lost, or it holds the lock of its memory: then nothing more is
 * read live, and one word says that. */
static int give_up(struct memcore *c, struct stretch *s, int why, struct err *e)
{
	struct memlog_entry *entry = &c->log->entries[c->entry];

	if (has_given_up(c))
		return 0;
	entry->end = s->at;
	entry->error = why;
	return memlog_mark(c->log, c->entry, MEMLOG_FULL, e);
}

/* n bytes are lost: zeros in their place, as the segment was announced. */
static int lose(struct memcore *c, struct stretch *s, const struct memlive_bad *bad, struct err *e)
{
	uint64_t left = s->run.end - s->at, n = bad->n < left ? bad->n : left;
	bool said = c->late || (s->run.store == MEM_STORE_LIVE && has_given_up(c));
	int rc = 0;

	/* one word for this run and all behind it */
	if (bad->fate == MEM_OVER_BUDGET)
		c->late = true;
	if (!said && add_fate(c, s, c->late ? UINT64_MAX - s->at : n, bad) < 0)
		rc = give_up(c, s, ENOSPC, e);
	if (rc == 0)
		rc = sink_zeros(c->out, n, e);
	s->at += n;
	return rc;
}

/* Whole pages, from 'at' on. */
static void look(struct memcore *c, const struct stretch *s, uint64_t at, const char *p, size_t n)
{
	struct memlog_entry entry = {.kind = MEMLOG_SIGN, .proc = c->plan->at};
	enum memsign sign;

	if (!memsign_looks(s->map))
		return;
	for (size_t i = 0; i + PAGE <= n; i += PAGE) {
		if (!memsign_of_page(p + i, PAGE, &sign))
			continue;
		entry.what = (uint16_t)sign;
		entry.error = s->map->flags & MEM_X;
		entry.start = at + i;
		/* what does not fit in the notes is only not pointed out: the bytes are there */
		if (c->signs < SIGNS_MAX && memlog_add(c->log, &entry, NULL) == 0)
			c->signs++;
	}
}

/* ---- live */

struct auxv {
	char bytes[4096];
	size_t n;
};

static int keep_auxv(void *arg, const struct mem_regs *r, struct err *e)
{
	struct auxv *a = arg;

	(void)e;
	if (r->head.type == MEM_AUXV && r->n <= sizeof(a->bytes)) {
		memcpy(a->bytes, mem_tail(&r->head), r->n);
		a->n = r->n;
	}
	return 0;
}

/* A scan of its own: c->scan stands at the run. */
static int open_live(struct memcore *c)
{
	static const struct memwalk_ops ops = {.regs = keep_auxv};
	struct auxv auxv = {.n = 0};
	uint64_t at = c->scan->at;
	int rc = memwalk(c->scan, c->plan->at, &ops, &auxv, NULL);

	c->scan->at = at;
	if (rc == 0)
		rc = memlive_open(
			&c->live, c->dump->proc_fd, &c->plan->proc, auxv.bytes, auxv.n, NULL);
	return rc < 0 ? -rc : 0;
}

/* Whoever still has it. */
static size_t get_shared(
	struct memcore *c, const struct stretch *s, uint64_t at, char *to, size_t n)
{
	const struct memobject_of of = {c->dump->proc_fd, &c->plan->proc, c->plan->at, s->map};

	return memobject_read(&c->object, c->scan, &of, at, (struct iovec){to, n});
}

/* Up to n bytes from 'at' on, whole pages; 0: bad says how many cannot be had. */
static size_t get(struct memcore *c, const struct stretch *s, uint64_t at, char *to, size_t n,
	struct memlive_bad *bad)
{
	uint64_t offset = s->run.offset + (at - s->run.start);
	int fd = c->dump->memory_fd[s->run.store];
	size_t n_shared;
	ssize_t got;

	*bad = (struct memlive_bad){s->run.end - at, MEM_OVER_BUDGET, 0};
	if (c->late || now_late(c->dump->until_ns))
		return 0;
	*bad = (struct memlive_bad){s->run.end - at, MEM_FAILED, EIO};
	if (s->run.store != MEM_STORE_LIVE) {
		got = fd < 0 || offset > INT64_MAX ? -EBADF : io_pread(fd, to, n, (off_t)offset);
		return got > 0 ? (size_t)got & ~(size_t)(PAGE - 1) : 0;
	}
	n_shared = has_given_up(c) ? 0 : get_shared(c, s, at, to, n);
	if (n_shared)
		return n_shared;
	if (!c->opened)
		c->live_error = open_live(c);
	c->opened = true;
	c->live.careful = s->map->flags & (MEM_UFFD | MEM_NO_FLAGS);
	c->live.special = s->map->kind == MEM_SPECIAL;
	bad->error = c->live_error;
	if (c->live_error || has_given_up(c))
		return 0;
	return memlive_read(&c->live, at, to, n, bad);
}

/* One page through memory of our own: the sink's block ends within it, or what the writer had
 * before a restart does. */
static int send_page(struct memcore *c, struct stretch *s, struct err *e)
{
	uint64_t from = s->at & ~(c->page - 1), left = s->run.end - s->at;
	struct memlive_bad bad;
	size_t got = get(c, s, from, c->bounce, c->page, &bad), before = (size_t)(s->at - from);

	if (got < c->page) {
		bad.n = bad.n > before ? bad.n - before : 1;
		return lose(c, s, &bad, e);
	}
	look(c, s, from, c->bounce, got);
	got -= before;
	if (got > left)
		got = (size_t)left;
	s->at += got;
	return sink_write(c->out, c->bounce + before, got, e);
}

static int send_block(struct memcore *c, struct stretch *s, struct err *e)
{
	uint64_t left = s->run.end - s->at;
	struct memlive_bad bad;
	size_t room, got;
	char *to = sink_room(c->out, &room, e);

	if (!to)
		return -EPIPE;
	room = (room < left ? room : (size_t)left) & ~(size_t)(c->page - 1);
	if (!room || s->at % c->page)
		return send_page(c, s, e);
	got = get(c, s, s->at, to, room, &bad);
	if (!got)
		return lose(c, s, &bad, e);
	look(c, s, s->at, to, got);
	s->at += got;
	return sink_commit(c->out, got, e);
}

/* Where the worker before this one got stuck. */
static int pass_over(struct memcore *c, struct stretch *s, struct err *e)
{
	struct memlive_bad bad = {STALL_BLOCK, MEM_FAILED, ETIMEDOUT};
	const struct memlog_entry *entry;
	unsigned at = 0, stalls = 1;
	int rc = 0;

	while ((entry = memlog_next(c->log, c->plan->at, MEMLOG_FATE, &at))) {
		if (entry->error != ETIMEDOUT)
			continue;
		stalls++;
		if (entry->start >= s->run.start && entry->start < s->run.end)
			bad.n = SIZE_MAX;
	}
	if (stalls >= STALLS_MAX && s->run.store == MEM_STORE_LIVE)
		rc = give_up(c, s, ETIMEDOUT, e);
	return rc < 0 ? rc : lose(c, s, &bad, e);
}

static int on_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	const struct dumper_resume *resume = &((struct memcore *)arg)->dump->resume;
	struct stretch s = {.map = m, .run = *r, .at = r->start};
	struct memcore *c = arg;
	uint64_t had = c->skip < r->end - r->start ? c->skip : r->end - r->start;
	int rc = 0;

	c->skip -= had;
	s.at += had;
	if (resume->again && resume->item == at && s.at < r->end)
		rc = pass_over(c, &s, e);
	while (rc == 0 && s.at < s.run.end) {
		sink_item(c->out, at);
		rc = send_block(c, &s, e);
	}
	return rc;
}

static int on_bytes(void *arg, const void *p, uint64_t n, struct err *e)
{
	struct memcore *c = arg;
	uint64_t had = c->skip < n ? c->skip : n;

	c->skip -= had;
	sink_item(c->out, c->plan->at);
	if (p)
		return sink_write(c->out, (const char *)p + had, (size_t)(n - had), e);
	return sink_zeros(c->out, n - had, e);
}

int memcore_init(struct memcore *c, const struct dump *d, struct sink *out, struct memscan *scan,
	struct memlog *log)
{
	*c = (struct memcore){.dump = d,
		.out = out,
		.scan = scan,
		.log = log,
		.live = MEMLIVE_INIT,
		.object = MEMOBJECT_INIT,
		.page = (uint64_t)sysconf(_SC_PAGESIZE)};
	c->bounce = malloc(c->page);
	return c->bounce ? 0 : -ENOMEM;
}

void memcore_done(struct memcore *c)
{
	memlive_close(&c->live);
	memobject_close(&c->object);
	free(c->bounce);
	c->bounce = NULL;
}

int memcore_send(struct memcore *c, const char *member, const struct elfcore *plan, unsigned entry,
	struct err *e)
{
	const struct elfcore_to to = {on_bytes, on_run, c};
	const struct dumper_resume *resume = &c->dump->resume;
	int rc = 0;

	c->plan = plan;
	c->entry = entry;
	c->signs = 0;
	c->late = false;
	c->opened = false;
	memlive_close(&c->live);
	c->skip = 0;
	if (resume->again && !strcmp(resume->member, member))
		c->skip = resume->member_done;
	else
		rc = sink_begin(c->out, member, plan->size, e);
	if (rc == 0)
		rc = elfcore_write(plan, c->scan, &to, e);
	if (rc == 0)
		rc = memlog_mark(c->log, entry, MEMLOG_CORE, e);
	return rc == 0 ? sink_end(c->out, e) : rc;
}
