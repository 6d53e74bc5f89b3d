/* SPDX-License-Identifier: Apache-2.0 */
/* sink - the worker's end: members and gaps, over whatever carries them. */
#include "sink.h"
#include "sink_ops.h"

#include "buf.h"
#include "io.h"
#include "own.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	TEXT_MEMORY = 4 << 20, /* bytes of an unsized member held in memory before the spool */
	COPY_BLOCK = 65536,
	WHERE_MAX = 4096,
};

const char *const sink_gap_names[GAP_KINDS] = {
	[GAP_UNREADABLE] = "unreadable",
	[GAP_NOT_PRESENT] = "not_present",
	[GAP_SECRET_MEMORY] = "secret_memory",
	[GAP_PROTECTED] = "protected",
	[GAP_STALLED] = "stalled",
	[GAP_VANISHED] = "vanished",
	[GAP_CHANGED] = "changed",
	[GAP_OVER_BUDGET] = "over_budget",
	[GAP_REFUSED] = "refused",
	[GAP_CROSSED_MOUNT] = "crossed_mount",
	[GAP_SPECIAL_FILE] = "special_file",
	[GAP_BY_PROFILE] = "by_profile",
};

bool sink_gap_is_loss(enum gap_kind kind)
{
	return kind != GAP_SPECIAL_FILE && kind != GAP_BY_PROFILE;
}

enum gap_kind sink_gap_of(int code)
{
	switch (code) {
	case ESRCH:
	case ENOENT:
	case ESTALE:
		return GAP_VANISHED;
	case ENOSPC:
	case EFBIG:
		return GAP_OVER_BUDGET;
	default:
		return GAP_UNREADABLE;
	}
}

int sink_begin(struct sink *s, const char *member, uint64_t size, struct err *e)
{
	return s->ops->begin(s->ctx, member, size, e);
}

void *sink_room(struct sink *s, size_t *ret_room, struct err *e)
{
	return s->ops->room(s->ctx, ret_room, e);
}

int sink_commit(struct sink *s, size_t n, struct err *e)
{
	s->total += n;
	return s->ops->commit(s->ctx, n, e);
}

int sink_write(struct sink *s, const void *p, size_t n, struct err *e)
{
	const char *from = p;

	while (n) {
		size_t room;
		void *to = sink_room(s, &room, e);
		int rc;

		if (!to)
			return -EPIPE;
		if (room > n)
			room = n;
		memcpy(to, from, room);
		rc = sink_commit(s, room, e);
		if (rc < 0)
			return rc;
		from += room;
		n -= room;
	}
	return 0;
}

int sink_zeros(struct sink *s, uint64_t n, struct err *e)
{
	while (n) {
		size_t room;
		void *to = sink_room(s, &room, e);
		int rc;

		if (!to)
			return -EPIPE;
		if (room > n)
			room = (size_t)n;
		memset(to, 0, room);
		rc = sink_commit(s, room, e);
		if (rc < 0)
			return rc;
		n -= room;
	}
	return 0;
}

int sink_end(struct sink *s, struct err *e)
{
	return s->ops->end(s->ctx, e);
}

int sink_blob(struct sink *s, const char *member, const void *p, size_t n, struct err *e)
{
	int rc = sink_begin(s, member, n, e);

	if (rc == 0)
		rc = sink_write(s, p, n, e);
	if (rc == 0)
		rc = sink_end(s, e);
	return rc;
}

int sink_gap(struct sink *s, enum gap_kind kind, const char *member, const void *where,
	size_t where_len, const struct err *why)
{
	if (where_len > WHERE_MAX)
		where_len = WHERE_MAX;
	return s->ops->gap(s->ctx, kind, member ? member : "", where, where_len,
		why ? why->code : 0, why ? why->text : "");
}

int sink_gapf(struct sink *s, enum gap_kind kind, const char *member, const struct err *why,
	const char *fmt, ...)
{
	char where[WHERE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(where, sizeof(where), fmt, ap);
	va_end(ap);
	return sink_gap(s, kind, member, where, strlen(where), why);
}

int sink_finding(struct sink *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return s->ops->finding(s->ctx, text);
}

void sink_item(struct sink *s, uint64_t item)
{
	s->ops->item(s->ctx, item);
}

uint64_t sink_total(const struct sink *s)
{
	return s->total;
}

void sink_text_begin(struct sink_text *t, struct sink *s, uint64_t max)
{
	*t = (struct sink_text){
		.sink = s,
		.rows = BUF_INIT(2 * TEXT_MEMORY),
		.max = max,
		.base = s->spool_end,
	};
}

void sink_text_done(struct sink_text *t)
{
	buf_done(&t->rows);
	if (!t->sink)
		return;
	t->sink->spool_end = t->base;
	if (t->spooled) /* gives the room back; a failure only keeps it until the worker's end */
		(void)!ftruncate(t->sink->spool_fd, (off_t)t->base);
	t->sink = NULL;
}

/* Moves the accepted rows out of memory. */
static int spill(struct sink_text *t, struct err *e)
{
	struct sink *s = t->sink;

	if (s->spool_fd < 0 ||
		io_pwrite(s->spool_fd, t->rows.data, t->kept, (off_t)(t->base + t->spooled)) < 0)
		return err_set(e, ENOSPC, "no room to hold it");
	t->spooled += t->kept;
	s->spool_end = t->base + t->spooled;
	buf_clear(&t->rows);
	t->kept = 0;
	return 0;
}

bool sink_text_row(struct sink_text *t)
{
	size_t before = t->kept, n = t->rows.len - before;
	bool fits = !t->dropped && !t->rows.failed && t->spooled + t->kept + n <= t->max;

	if (fits) {
		t->kept = t->rows.len;
		fits = t->kept < TEXT_MEMORY || spill(t, &t->why) == 0;
	}
	if (fits)
		return true;
	t->rows.failed = false;
	t->rows.len = t->kept = before;
	t->dropped++;
	return false;
}

void sink_text_keep(struct sink_text *t)
{
	t->kept = t->rows.len;
}

static int send_spooled(struct sink *s, uint64_t from, uint64_t n, struct err *e)
{
	for (uint64_t off = 0; off < n;) {
		size_t room;
		void *to = sink_room(s, &room, e);
		ssize_t got;
		int rc;

		if (!to)
			return -EPIPE;
		if (room > n - off)
			room = (size_t)(n - off);
		got = io_pread(s->spool_fd, to, room, (off_t)(from + off));
		if (got <= 0)
			return err_set(e, EIO, "read back the spool");
		rc = sink_commit(s, (size_t)got, e);
		if (rc < 0)
			return rc;
		off += (uint64_t)got;
	}
	return 0;
}

static int send_text(struct sink_text *t, const char *member, struct err *e)
{
	int rc = sink_begin(t->sink, member, t->spooled + t->rows.len, e);

	if (rc == 0)
		rc = send_spooled(t->sink, t->base, t->spooled, e);
	if (rc == 0)
		rc = sink_write(t->sink, t->rows.data, t->rows.len, e);
	if (rc == 0)
		rc = sink_end(t->sink, e);
	return rc;
}

int sink_text_end(struct sink_text *t, const char *member, struct err *e)
{
	int rc = buf_check(&t->rows, e);

	if (rc == 0 && t->dropped &&
		sink_gapf(t->sink, GAP_OVER_BUDGET, member, t->why.code ? &t->why : NULL,
			"%llu rows left out after %llu bytes", (unsigned long long)t->dropped,
			(unsigned long long)(t->spooled + t->kept)) < 0)
		rc = err_set(e, EPIPE, "the writer is gone");
	if (rc == 0)
		rc = send_text(t, member, e);
	sink_text_done(t);
	return rc;
}

/* A read error, or no room, keeps what came: 'e' says why it ended. */
static int gather(struct sink_text *t, int fd, bool *ret_more, struct err *e)
{
	for (;;) {
		uint64_t left = t->max - t->spooled - t->kept;
		char *block = buf_room(&t->rows, COPY_BLOCK);
		ssize_t n;

		if (!block)
			return err_set(e, ENOMEM, "no memory");
		n = read(fd, block, COPY_BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_errno(e, "read") : 0;
		*ret_more = (uint64_t)n > left;
		t->rows.len += *ret_more ? (size_t)left : (size_t)n;
		t->kept = t->rows.len;
		if (*ret_more)
			return 0;
		if (t->kept >= TEXT_MEMORY && spill(t, e) < 0)
			return -ENOSPC;
	}
}

int sink_copy(struct sink *s, const char *member, int fd, uint64_t max, struct err *e)
{
	own_sink_text struct sink_text t;
	struct err why = ERR_INIT;
	bool more = false;
	int rc;

	sink_text_begin(&t, s, max);
	rc = gather(&t, fd, &more, &why);
	if (rc < 0)
		rc = sink_gap(s, sink_gap_of(-rc), member, "", 0, &why);
	else if (more)
		rc = sink_gapf(s, GAP_OVER_BUDGET, member, NULL, "after %llu bytes",
			(unsigned long long)max);
	if (rc < 0)
		return err_set(e, -rc, "the writer is gone");
	if (why.code && !t.spooled && !t.rows.len)
		return 0;
	return sink_text_end(&t, member, e);
}
