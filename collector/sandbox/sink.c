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

enum {
	COPY_MEMORY = 4 << 20, /* bytes of an unsized member held in memory before the spool */
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
};

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

/* What sink_copy() gathered: the first bytes in memory, the rest in the spool. */
struct gathered {
	struct buf head;
	uint64_t spooled;
	bool more; /* there was more than max */
};

static void gathered_done(struct gathered *g)
{
	buf_done(&g->head);
}

static int keep(struct sink *s, struct gathered *g, const char *p, size_t n, struct err *e)
{
	size_t room = g->head.max - g->head.len;
	size_t first = n < room ? n : room;

	if (buf_add(&g->head, p, first) < 0)
		return err_set(e, ENOMEM, "no memory");
	if (first == n)
		return 0;
	if (s->spool_fd < 0 ||
		io_pwrite(s->spool_fd, p + first, n - first, (off_t)g->spooled) < 0)
		return err_set(e, ENOSPC, "no room to hold it");
	g->spooled += n - first;
	return 0;
}

/* A read error, or no room, keeps what came: 'e' says why it ended. */
static int gather(struct sink *s, int fd, uint64_t max, struct gathered *g, struct err *e)
{
	char block[65536];
	int rc = 0;

	for (;;) {
		uint64_t left = max - g->head.len - g->spooled;
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_errno(e, "read") : 0;
		if ((uint64_t)n > left)
			g->more = true;
		rc = keep(s, g, block, g->more ? (size_t)left : (size_t)n, e);
		if (rc < 0 || g->more)
			return rc;
	}
}

static int send_spooled(struct sink *s, uint64_t n, struct err *e)
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
		got = io_pread(s->spool_fd, to, room, (off_t)off);
		if (got <= 0)
			return err_set(e, EIO, "read back the spool");
		rc = sink_commit(s, (size_t)got, e);
		if (rc < 0)
			return rc;
		off += (uint64_t)got;
	}
	return 0;
}

int sink_copy(struct sink *s, const char *member, int fd, uint64_t max, struct err *e)
{
	__attribute__((cleanup(gathered_done))) struct gathered g = {
		.head = BUF_INIT(COPY_MEMORY),
	};
	struct err why = ERR_INIT;
	int rc = gather(s, fd, max, &g, &why);

	if (rc < 0)
		rc = sink_gap(s, rc == -ENOSPC ? GAP_OVER_BUDGET : GAP_UNREADABLE, member, "", 0,
			&why);
	else if (g.more)
		rc = sink_gapf(s, GAP_OVER_BUDGET, member, NULL, "after %llu bytes",
			(unsigned long long)max);
	if (rc < 0)
		return err_set(e, -rc, "the writer is gone");
	if (why.code && !g.head.len)
		return 0;
	rc = sink_begin(s, member, g.head.len + g.spooled, e);
	if (rc == 0)
		rc = sink_write(s, g.head.data, g.head.len, e);
	if (rc == 0)
		rc = send_spooled(s, g.spooled, e);
	if (rc == 0)
		rc = sink_end(s, e);
	return rc;
}
