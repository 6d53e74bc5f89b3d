/* SPDX-License-Identifier: Apache-2.0 */
/* rowtext - the lines of one member, behind the records in the spool. */
#include "rowtext.h"

#include "feed.h"
#include "io.h"
#include "spool.h"

#include <errno.h>

enum { SPILL = 1 << 20 };

struct rowtext_chunk {
	uint64_t at, len;
};

void rowtext_done(struct rowtext *t)
{
	buf_done(&t->chunks);
	buf_done(&t->pending);
}

void rowtext_begin(struct rowtext *t)
{
	buf_clear(&t->chunks);
	buf_clear(&t->pending);
	t->size = 0;
	t->whole = false;
}

static int spill(struct rowtext *t, const struct spool *s, struct err *e)
{
	const struct rowtext_chunk c = {*t->tail, t->pending.len};
	int rc = io_pwrite(s->fd, t->pending.data, c.len, (off_t)c.at);

	if (rc < 0)
		return err_set(e, -rc, "write the spool");
	*t->tail += c.len;
	t->size += c.len;
	buf_clear(&t->pending);
	(void)buf_add(&t->chunks, &c, sizeof(c));
	return buf_check(&t->chunks, e);
}

int rowtext_add(struct rowtext *t, const struct spool *s, const struct rows_entry *x, struct err *e)
{
	t->line(&t->pending, x);
	if (buf_check(&t->pending, e) < 0)
		return -ENOSPC;
	return t->pending.len >= SPILL ? spill(t, s, e) : 0;
}

int rowtext_end(struct rowtext *t, const struct spool *s, struct err *e)
{
	int rc = spill(t, s, e);

	t->whole = rc == 0;
	return rc;
}

static int send_chunk(const struct spool *s, struct feed *f, struct rowtext_chunk c, struct err *e)
{
	int rc = 0;

	while (rc == 0 && c.len) {
		size_t room;
		char *to = feed_room(f, &room, e);

		if (!to)
			return -EPIPE;
		if (room > c.len)
			room = (size_t)c.len;
		if (io_pread(s->fd, to, room, (off_t)c.at) != (ssize_t)room)
			return err_set(e, EIO, "read back the spool");
		c.at += room;
		c.len -= room;
		rc = feed_used(f, room, e);
	}
	return rc;
}

int rowtext_send(const struct rowtext *t, const struct spool *s, struct feed *f, uint64_t from,
	struct err *e)
{
	const struct rowtext_chunk *chunk = (const void *)t->chunks.data;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->chunks.len / sizeof(*chunk); i++) {
		uint64_t skip = from < chunk[i].len ? from : chunk[i].len;

		from -= skip;
		rc = send_chunk(
			s, f, (struct rowtext_chunk){chunk[i].at + skip, chunk[i].len - skip}, e);
	}
	return rc;
}
