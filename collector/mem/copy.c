/* SPDX-License-Identifier: Apache-2.0 */
/* copy - copies runs of pages into the staging area, many at a time. */
#include "copy.h"

#include "capture.h"
#include "crew.h"
#include "io.h"
#include "journal.h"
#include "own.h"
#include "tick.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

enum {
	BATCH = 64 << 20, /* is shared out: while one waits for the last part the others idle */
	PART = 1 << 20,
	CALL_RUNS = 1024, /* IOV_MAX */
};

void copy_begin(struct copy *c, pid_t pid, int pid_fd)
{
	c->pid = pid;
	c->pid_fd = pid_fd;
	c->mem_fd = -1;
	c->dumped = 0;
	c->by_file = c->limits->by_file;
	c->unreadable = false;
	c->on_fault = MEM_FAILED;
	c->count = 0;
	c->bytes = 0;
}

void copy_done(struct copy *c)
{
	own_fd_(&c->mem_fd);
	c->mem_fd = -1;
}

int copy_tick(struct copy *c, struct err *e)
{
	struct copy_limits *l = c->limits;

	tick(l->beat);
	if (l->live || tick_now() < l->until)
		return 0;
	l->live = true;
	return l->expired ? l->expired(l->arg, e) : 0;
}

uint64_t copy_enter(struct copy *c)
{
	_Atomic uint64_t *item = c->limits->item;
	uint64_t was = item ? *item : 0;

	return was ? tick_item(item, journal_item(CAPTURE_COPIES, journal_pid(was))) : was;
}

uint64_t copy_grant(struct copy *c, uint64_t want)
{
	struct copy_limits *l = c->limits;
	uint64_t left = l->max_process - c->dumped, all = l->max_total - l->total;

	left = left < all ? left : all;
	want = want < left ? want : left;
	want &= ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
	c->dumped += want;
	l->total += want;
	return want;
}

void copy_take_back(struct copy *c, uint64_t n)
{
	c->dumped -= n;
	c->limits->total -= n;
}

static ssize_t read_mem(struct copy *c, void *to, size_t n, uint64_t from)
{
	ssize_t got;

	if (c->mem_fd == -1) {
		c->mem_fd = openat(c->pid_fd, "mem", O_RDONLY | O_CLOEXEC);
		if (c->mem_fd < 0)
			c->mem_fd = -errno - 1;
	}
	if (c->mem_fd < 0)
		return c->mem_fd + 1;
	do
		got = pread(c->mem_fd, to, n, (off_t)from);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got == 0 ? -EIO : got;
}

/* Bytes that came by number are only its own if it is still there: else another may have had the
 * number by then. */
static ssize_t read_by_number(
	const struct copy *c, const struct iovec *local, const struct iovec *remote, size_t n)
{
	ssize_t got = c->by_file ? 0 : process_vm_readv(c->pid, local, 1, remote, n, 0);

	return got > 0 && faccessat(c->pid_fd, "stat", F_OK, 0) < 0 ? 0 : got;
}

size_t copy_peek(struct copy *c, uint64_t address, void *to, size_t n)
{
	struct iovec mine = {to, n}, other = {(void *)(uintptr_t)address, n}; /* NOLINT */
	ssize_t got = read_by_number(c, &mine, &other, 1);

	if (got <= 0)
		got = read_mem(c, to, n, address);
	return got > 0 ? (size_t)got : 0;
}

bool copy_can_read(struct copy *c, uint64_t address)
{
	char byte = 0;

	return copy_peek(c, address, &byte, 1) == 1;
}

/* How many bytes of the runs from i on one call gives. */
static size_t read_many(const struct copy *c, unsigned i, char *room, size_t size)
{
	struct iovec remote[CALL_RUNS], local = {room, 0};
	size_t n = 0;
	ssize_t got;

	if (c->unreadable)
		return 0;
	for (; i < c->count && n < CALL_RUNS && local.iov_len < size; i++) {
		const struct mem_run *r = &c->run[i];
		size_t len = r->end - r->start;

		if (r->fate != MEM_DUMPED)
			continue;
		len = len < size - local.iov_len ? len : size - local.iov_len;
		remote[n++] = (struct iovec){(void *)(uintptr_t)r->start, len}; /* NOLINT */
		local.iov_len += len;
	}
	got = read_by_number(c, &local, remote, n);
	return got < 0 ? 0 : (size_t)got & ~((size_t)sysconf(_SC_PAGESIZE) - 1);
}

/* Cuts what waits into parts that lie side by side in the staging area. */
static void cut_parts(struct copy *c)
{
	struct copy_part *p = NULL;
	size_t room = 0;
	uint64_t at = 0;

	c->parts = c->taken = 0;
	if (c->bytes && !c->limits->live)
		at = stage_at(c->stage, &room);
	for (unsigned i = 0; i < c->count; i++) {
		size_t n = c->run[i].end - c->run[i].start;

		if (c->run[i].fate != MEM_DUMPED)
			continue;
		if (n > room)
			break;
		if (!p || p->n >= PART || p->n + n > STAGE_BLOCK || p->runs == CALL_RUNS) {
			if (c->parts == COPY_PARTS)
				break;
			p = &c->part[c->parts++];
			*p = (struct copy_part){.first = i, .at = at};
		}
		p->runs++;
		p->n += n;
		at += n;
		room -= n;
	}
}

static void read_part(void *arg, unsigned i, unsigned hand)
{
	struct copy *c = arg;
	struct copy_part *p = &c->part[i];

	if (tick_now() < c->limits->until)
		p->got = read_many(c, p->first, stage_hand(c->stage, p->at, hand), p->n);
	if (p->got && stage_put(c->stage, p->at, hand, p->got) < 0)
		p->got = 0;
	tick(c->limits->beat);
}

/* Are the bytes that come next read already? Behind a part that came short none are: they lie too
 * far on. */
static bool is_read(const struct copy *c, unsigned i)
{
	const struct copy_part *p = &c->part[c->taken];
	size_t room;

	return c->taken < c->parts && p->first == i && p->got && p->at == stage_at(c->stage, &room);
}

/* The first n bytes of the run have this fate. What is left of it stays. */
static int settle(struct copy *c, struct mem_run *run, uint64_t n, struct err *e)
{
	struct mem_run part = *run;

	part.end = part.start + n;
	run->start += n;
	return runs_add(c->runs, &part, e);
}

/* n bytes in the room, or put into the staging area, came from the runs from *i on. A file that is
 * full leaves them to be read live. */
static int keep(struct copy *c, unsigned *i, size_t n, bool put, struct err *e)
{
	enum mem_store store = MEM_STORE_LIVE;
	uint64_t offset = 0;
	int rc = 0;

	if (put)
		stage_take(c->stage, n, &store, &offset);
	else if (stage_keep(c->stage, n, &store, &offset) < 0)
		store = MEM_STORE_LIVE;
	while (rc == 0 && n) {
		struct mem_run *run = &c->run[*i];
		uint64_t len = run->end - run->start;

		if (run->fate == MEM_DUMPED) {
			len = len < n ? len : n;
			run->store = (uint16_t)store;
			run->offset = offset;
			offset += store == MEM_STORE_LIVE ? 0 : len;
			n -= len;
		}
		rc = settle(c, run, len, e);
		run->store = MEM_STORE_LIVE;
		run->offset = run->fate == MEM_DUMPED ? 0 : run->offset;
		*i += run->start == run->end;
	}
	return rc;
}

/* The start of one run, by the file. */
static int read_slowly(struct copy *c, unsigned *i, char *room, size_t size, struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct mem_run *run = &c->run[*i], lost = *run;
	ssize_t got = read_mem(
		c, room, size < run->end - run->start ? size : run->end - run->start, run->start);
	int rc;

	if (got >= (ssize_t)page)
		return keep(c, i, (size_t)got & ~(page - 1), false, e);
	lost.end = lost.start + page;
	lost.fate = (uint16_t)c->on_fault;
	lost.error = c->on_fault == MEM_FAILED ? (int32_t)(got < 0 ? -got : EIO) : 0;
	lost.flags = 0;
	rc = runs_add(c->runs, &lost, e);
	run->start += page;
	copy_take_back(c, page);
	*i += run->start == run->end;
	return rc < 0 ? rc : copy_tick(c, e);
}

static int copy_some(struct copy *c, unsigned *i, struct err *e)
{
	struct mem_run *run = &c->run[*i];
	char *room = NULL;
	size_t size = 0, got;
	int rc;

	if (is_read(c, *i))
		return keep(c, i, c->part[c->taken++].got, true, e);
	rc = run->fate == MEM_DUMPED ? copy_tick(c, e) : 0;
	if (rc < 0)
		return rc;
	if (run->fate == MEM_DUMPED && !c->limits->live)
		room = stage_room(c->stage, &size);
	if (!room) {
		++*i;
		return runs_add(c->runs, run, e);
	}
	size = size < STAGE_BLOCK ? size : STAGE_BLOCK;
	got = read_many(c, *i, room, size);
	return got ? keep(c, i, got, false, e) : read_slowly(c, i, room, size, e);
}

static int drain(struct copy *c, struct err *e)
{
	int rc = c->bytes ? copy_tick(c, e) : 0;
	uint64_t was = copy_enter(c);

	cut_parts(c);
	if (rc == 0)
		crew_run(c->crew, c->parts, read_part, c);
	for (unsigned i = 0; rc == 0 && i < c->count;)
		rc = copy_some(c, &i, e);
	(void)tick_item(c->limits->item, was);
	c->count = 0;
	c->bytes = 0;
	return rc;
}

static int queue(struct copy *c, const struct mem_run *run, struct err *e)
{
	int rc = 0;

	if (run->start == run->end)
		return 0;
	if (run->fate != MEM_DUMPED && !c->bytes)
		return runs_add(c->runs, run, e); /* nothing is waiting before it */
	c->run[c->count++] = *run;
	c->bytes += run->fate == MEM_DUMPED ? run->end - run->start : 0;
	if (c->count == COPY_RUNS || c->bytes >= BATCH)
		rc = drain(c, e);
	return rc;
}

int copy_add(struct copy *c, const struct mem_run *run, struct err *e)
{
	struct mem_run part = *run;
	/* what waits may take all the records that are left: nothing is copied for none */
	int rc = c->count && c->runs->left <= c->count ? drain(c, e) : 0;

	part.store = MEM_STORE_LIVE;
	if (rc < 0)
		return rc;
	if (!c->runs->left) {
		part.fate = MEM_OVER_BUDGET;
		part.flags = 0;
	}
	if (part.fate == MEM_DUMPED && c->limits->maps_only) {
		part.fate = MEM_LEFT_OUT;
		part.flags = 0;
	}
	if (part.fate != MEM_DUMPED)
		return queue(c, &part, e);
	/* a block at a time, so that limits of time hold within an enormous run */
	while (rc == 0 && part.start < run->end) {
		uint64_t left = run->end - part.start;
		uint64_t n = copy_grant(c, left < STAGE_BLOCK ? left : STAGE_BLOCK);

		if (!n)
			break;
		part.end = part.start + n;
		rc = queue(c, &part, e);
		part.start = part.end;
	}
	part.end = run->end;
	part.fate = MEM_OVER_BUDGET;
	part.flags = 0;
	return rc < 0 ? rc : queue(c, &part, e);
}

int copy_flush(struct copy *c, struct err *e)
{
	int rc = drain(c, e);

	return rc < 0 ? rc : runs_flush(c->runs, e);
}
