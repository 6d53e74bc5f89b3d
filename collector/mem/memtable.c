/* SPDX-License-Identifier: Apache-2.0 */
/* memtable - what was found of the processes' memory, as records in a file. */
#include "memtable.h"

#include "io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *const mem_fates[MEM_FATES] = {
	[MEM_DUMPED] = "dumped",
	[MEM_ZERO] = "zero",
	[MEM_AS_FILE] = "as_file",
	[MEM_ELSEWHERE] = "elsewhere",
	[MEM_NOT_PRESENT] = "not_present",
	[MEM_SECRET] = "secret_memory",
	[MEM_PROTECTED] = "protected",
	[MEM_FAILED] = "failed",
	[MEM_OVER_BUDGET] = "over_budget",
	[MEM_LEFT_OUT] = "left_out",
};

const char *const mem_kinds[MEM_KINDS] = {
	[MEM_ANON] = "anonymous",
	[MEM_PRIVATE] = "private_file",
	[MEM_SHARED] = "shared_file",
	[MEM_SHMEM] = "shared_memory",
	[MEM_DELETED] = "deleted_file",
	[MEM_SPECIAL] = "special",
};

/* The fixed part of each record, and whether text or bytes follow it. */
static const struct {
	size_t fixed;
	bool tail;
} forms[MEM_TYPES] = {
	[MEM_PROC] = {sizeof(struct mem_proc), false},
	[MEM_THREAD] = {sizeof(struct mem_thread), false},
	[MEM_REGS] = {sizeof(struct mem_regs), true},
	[MEM_AUXV] = {sizeof(struct mem_regs), true},
	[MEM_NOTE] = {sizeof(struct mem_note), true},
	[MEM_MAP] = {sizeof(struct mem_map), true},
	[MEM_RUN] = {sizeof(struct mem_run), false},
	[MEM_END] = {sizeof(struct mem_end), false},
};

enum { BLOCK = 2 * MEM_RECORD };

int memtable_open(struct memtable *t, int fd, struct err *e)
{
	*t = (struct memtable){.fd = fd, .block = malloc(BLOCK)};
	return t->block ? 0 : err_set(e, ENOMEM, "no memory");
}

void memtable_done(struct memtable *t)
{
	free(t->block);
	*t = MEMTABLE_INIT;
}

int memtable_flush(struct memtable *t, struct err *e)
{
	int rc = io_pwrite(t->fd, t->block, t->used, (off_t)t->end);

	if (rc < 0)
		return err_set(e, -rc, "write the table of memory");
	t->end += t->used;
	t->used = 0;
	return 0;
}

int memtable_add(
	struct memtable *t, void *record, size_t fixed, const void *tail, size_t n, struct err *e)
{
	struct mem_head *h = record;
	size_t len = (fixed + n + 7) & ~(size_t)7;
	int rc = 0;

	if (len > MEM_RECORD)
		return err_set(e, EFBIG, "a record of %zu bytes", len);
	if (t->used + len > BLOCK)
		rc = memtable_flush(t, e);
	if (rc < 0)
		return rc;
	h->len = (uint32_t)len;
	memset(t->block + t->used + len - 8, 0, 8);
	memcpy(t->block + t->used, record, fixed);
	if (n)
		memcpy(t->block + t->used + fixed, tail, n);
	t->used += len;
	return 0;
}

uint64_t memtable_at(const struct memtable *t)
{
	return t->end + t->used;
}

int memtable_copy(struct memtable *t, int fd, uint64_t from, uint64_t n, struct err *e)
{
	while (n) {
		int rc = t->used ? memtable_flush(t, e) : 0;
		ssize_t got =
			rc < 0 ? rc : io_pread(fd, t->block, n < BLOCK ? n : BLOCK, (off_t)from);

		if (rc < 0)
			return rc;
		if (got <= 0)
			return err_set(
				e, got < 0 ? (int)-got : EIO, "read back the table of memory");
		t->used = (size_t)got;
		from += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

int memtable_end(struct memtable *t, const struct mem_end *end, struct err *e)
{
	struct mem_end copy = *end;
	int rc;

	copy.head.type = MEM_END;
	rc = memtable_add(t, &copy, sizeof(copy), NULL, 0, e);
	return rc < 0 ? rc : memtable_flush(t, e);
}

const void *mem_tail(const struct mem_head *h)
{
	return (const char *)h + forms[h->type].fixed;
}

/* Does what is behind the fixed part hold what the record says? */
static bool tail_fits(const struct mem_head *h)
{
	size_t room = h->len - forms[h->type].fixed;
	const char *tail = mem_tail(h);

	switch (h->type) {
	case MEM_REGS:
	case MEM_AUXV:
		return ((const struct mem_regs *)h)->n <= room;
	case MEM_MAP:
		return ((const struct mem_map *)h)->name_len < MEM_NAME &&
		       ((const struct mem_map *)h)->name_len < room &&
		       !tail[((const struct mem_map *)h)->name_len];
	case MEM_NOTE:
		return room && memchr(tail, '\0', room);
	default:
		return true;
	}
}

static bool numbers_fit(const struct mem_head *h)
{
	const struct mem_map *m = (const void *)h;
	const struct mem_run *r = (const void *)h;

	if (h->type == MEM_MAP)
		return m->start <= m->end && m->kind < MEM_KINDS;
	if (h->type == MEM_RUN)
		return r->start < r->end && r->fate < MEM_FATES && r->store <= MEM_STORE_SPILL;
	return true;
}

static bool is_record(const struct mem_head *h)
{
	return h->type && h->type < MEM_TYPES && h->len <= MEM_RECORD && h->len % 8 == 0 &&
	       h->len >= forms[h->type].fixed && tail_fits(h) && numbers_fit(h);
}

/* The block holds [at, at + n) afterwards. */
static int look(struct memscan *s, uint64_t at, size_t n, struct err *e)
{
	uint64_t left = s->end - at;
	ssize_t got;

	if (n > left)
		return err_set(e, EBADMSG, "the table of memory is damaged");
	if (at >= s->block_at && at + n <= s->block_at + s->block_len)
		return 0;
	got = io_pread(s->fd, s->block, left < BLOCK ? (size_t)left : BLOCK, (off_t)at);
	if (got < (ssize_t)n)
		return err_set(e, EIO, "read the table of memory");
	s->block_at = at;
	s->block_len = (size_t)got;
	return 0;
}

int memscan_next(struct memscan *s, const struct mem_head **ret, struct err *e)
{
	const struct mem_head *h;
	int rc;

	if (s->at >= s->end)
		return 0;
	rc = look(s, s->at, sizeof(*h), e);
	if (rc < 0)
		return rc;
	h = (const void *)(s->block + (s->at - s->block_at));
	if (h->len < sizeof(*h) || h->len > MEM_RECORD || h->len % 8)
		return err_set(e, EBADMSG, "the table of memory is damaged");
	rc = look(s, s->at, h->len, e);
	if (rc < 0)
		return rc;
	h = (const void *)(s->block + (s->at - s->block_at));
	if (!is_record(h))
		return err_set(e, EBADMSG, "the table of memory is damaged");
	s->at += h->len;
	*ret = h;
	return 1;
}

int memscan_open(struct memscan *s, int fd, struct err *e)
{
	const struct mem_head *h = NULL;
	uint64_t whole = 0;
	struct stat st;

	*s = (struct memscan){.fd = fd, .block = malloc(BLOCK)};
	if (!s->block)
		return err_set(e, ENOMEM, "no memory");
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat the table of memory");
	s->end = (uint64_t)st.st_size;
	while (memscan_next(s, &h, NULL) == 1 && h)
		if (h->type == MEM_END)
			whole = s->at;
	s->end = whole;
	s->at = 0;
	return 0;
}

void memscan_done(struct memscan *s)
{
	free(s->block);
	*s = MEMSCAN_INIT;
}
