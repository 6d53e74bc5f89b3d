/* SPDX-License-Identifier: Apache-2.0 */
/* feed - small pieces into a sink's large blocks. */
#include "feed.h"

#include "sink.h"

#include <errno.h>
#include <string.h>

int feed_flush(struct feed *f, struct err *e)
{
	size_t n = f->used;

	if (!n)
		return 0;
	f->room = NULL;
	f->used = 0;
	return sink_commit(f->sink, n, e);
}

char *feed_room(struct feed *f, size_t *ret_n, struct err *e)
{
	static char nowhere[64 << 10];

	if (f->skip) {
		*ret_n = f->skip < sizeof(nowhere) ? (size_t)f->skip : sizeof(nowhere);
		return nowhere;
	}
	if (!f->room) {
		f->room = sink_room(f->sink, &f->cap, e);
		if (!f->room)
			return NULL;
	}
	*ret_n = f->cap - f->used;
	return f->room + f->used;
}

int feed_used(struct feed *f, size_t n, struct err *e)
{
	if (f->skip) {
		f->skip -= n;
		return 0;
	}
	f->used += n;
	return f->used == f->cap ? feed_flush(f, e) : 0;
}

/* p NULL: zeros */
static int add(struct feed *f, const char *p, uint64_t n, struct err *e)
{
	while (n) {
		size_t room;
		char *to = feed_room(f, &room, e);
		int rc;

		if (!to)
			return -EPIPE;
		if (room > n)
			room = (size_t)n;
		if (p)
			memcpy(to, p, room);
		else
			memset(to, 0, room);
		rc = feed_used(f, room, e);
		if (rc < 0)
			return rc;
		p = p ? p + room : NULL;
		n -= room;
	}
	return 0;
}

int feed_write(struct feed *f, const void *p, size_t n, struct err *e)
{
	return add(f, p, n, e);
}

int feed_zeros(struct feed *f, uint64_t n, struct err *e)
{
	return add(f, NULL, n, e);
}
