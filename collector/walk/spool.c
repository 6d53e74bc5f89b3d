/* SPDX-License-Identifier: Apache-2.0 */
/* spool - the records of a walk in a file. */
#include "spool.h"

#include "io.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PENDING = 2 * REC_MAX, WINDOW = 2 * REC_MAX };

static_assert(sizeof(struct spool_head) <= SPOOL_HEAD, "one page");
static_assert(sizeof(struct rec) % 8 == 0, "records stay aligned");

static int start_empty(struct spool *s, uint64_t job, struct err *e)
{
	if (ftruncate(s->fd, 0) < 0 || ftruncate(s->fd, SPOOL_HEAD) < 0)
		return err_errno(e, "empty the spool");
	s->head->job = job;
	s->end = s->flushed = SPOOL_HEAD;
	return 0;
}

int spool_open(struct spool *s, int fd, uint64_t job, bool again, struct err *e)
{
	off_t size = lseek(fd, 0, SEEK_END);
	void *page;

	*s = SPOOL_INIT;
	if (size < 0 || (size < SPOOL_HEAD && ftruncate(fd, SPOOL_HEAD) < 0))
		return err_errno(e, "spool");
	page = mmap(NULL, SPOOL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return err_errno(e, "map the spool");
	s->head = page;
	s->fd = fd;
	s->pending = malloc(PENDING);
	if (!s->pending)
		return err_set(e, ENOMEM, "no memory");
	if (!again || s->head->job != job || s->head->phase == SPOOL_EMPTY || size < SPOOL_HEAD)
		return start_empty(s, job, e);
	s->end = s->flushed = s->head->block;
	return 0;
}

static void drop_window(struct spool *s)
{
	if (s->window)
		(void)munmap(s->window, s->window_len);
	s->window = NULL;
	s->window_len = 0;
}

void spool_done(struct spool *s)
{
	drop_window(s);
	free(s->pending);
	if (s->head)
		(void)munmap(s->head, SPOOL_HEAD);
	*s = SPOOL_INIT;
}

int spool_flush(struct spool *s, struct err *e)
{
	int rc = io_pwrite(s->fd, s->pending, s->end - s->flushed, (off_t)s->flushed);

	if (rc < 0)
		return err_set(e, -rc, "write the spool");
	s->flushed = s->end;
	return 0;
}

int spool_add(struct spool *s, const struct rec *r, struct err *e)
{
	int rc = 0;

	if (r->len > REC_MAX || r->len % 8)
		return err_set(e, EFBIG, "a record of %u bytes", r->len);
	if (s->end - s->flushed + r->len > PENDING)
		rc = spool_flush(s, e);
	if (rc < 0)
		return rc;
	memcpy(s->pending + (s->end - s->flushed), r, r->len);
	s->end += r->len;
	return 0;
}

int spool_patch(struct spool *s, uint64_t at, size_t field, const void *p, size_t n, struct err *e)
{
	int rc = 0;

	if (at >= s->flushed)
		memcpy(s->pending + (at - s->flushed) + field, p, n);
	else if (at >= s->window_at && at + field + n <= s->window_at + s->window_len)
		memmove(s->window + (at - s->window_at) + field, p, n);
	else
		rc = io_pwrite(s->fd, p, n, (off_t)(at + field));
	return rc < 0 ? err_set(e, -rc, "write the spool") : 0;
}

int spool_get(struct spool *s, uint64_t at, struct spool_rec *ret, struct err *e)
{
	size_t n = sizeof(*ret);

	if (at < SPOOL_ROOT || at >= s->end)
		return err_set(e, EINVAL, "no record at %llu", (unsigned long long)at);
	if (n > s->end - at)
		n = s->end - at;
	if (at >= s->flushed) {
		memcpy(ret, s->pending + (at - s->flushed), n);
		return 0;
	}
	if (at + n > s->flushed && spool_flush(s, e) < 0)
		return -EIO;
	if (io_pread(s->fd, ret, n, (off_t)at) != (ssize_t)n)
		return err_set(e, EIO, "read back the spool");
	return 0;
}

int spool_load(struct spool *s, uint64_t at, struct buf *out, struct err *e)
{
	struct spool_rec r;
	int rc = spool_get(s, at, &r, e);
	char *to;

	if (rc == 0)
		rc = spool_flush(s, e);
	if (rc < 0)
		return rc;
	buf_clear(out);
	to = buf_room(out, r.rec.len);
	if (!to || io_pread(s->fd, to, r.rec.len, (off_t)at) != (ssize_t)r.rec.len)
		return err_set(e, EIO, "read back the spool");
	out->len = r.rec.len;
	return 0;
}

/* The record at 'at', of which the window holds n bytes afterwards; NULL with why. */
static struct rec *look(struct spool *s, uint64_t at, size_t n, struct err *e)
{
	uint64_t page = at & ~(uint64_t)(SPOOL_HEAD - 1);
	size_t len = s->end - page < WINDOW ? (size_t)(s->end - page) : WINDOW;
	void *window;

	if (s->window && at >= s->window_at && at + n <= s->window_at + s->window_len)
		return (struct rec *)(s->window + (at - s->window_at));
	if (at + n > page + len) {
		(void)err_set(e, EIO, "the spool is damaged");
		return NULL;
	}
	drop_window(s);
	window = mmap(
		NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, s->fd, (off_t)page);
	if (window == MAP_FAILED) {
		(void)err_errno(e, "map the spool");
		return NULL;
	}
	s->window = window;
	s->window_at = page;
	s->window_len = len;
	return (struct rec *)(s->window + (at - page));
}

int spool_next(struct spool *s, uint64_t *at, struct rec **ret, struct err *e)
{
	struct rec *r;
	int rc = spool_flush(s, e);

	*ret = NULL;
	if (rc < 0 || *at >= s->end)
		return rc;
	r = look(s, *at, sizeof(*r), e);
	if (!r)
		return -EIO;
	if (r->len < sizeof(*r) || r->len > REC_MAX || r->len % 8)
		return err_set(e, EIO, "the spool is damaged");
	r = look(s, *at, r->len, e);
	if (!r)
		return -EIO;
	*ret = r;
	*at += r->len;
	return 0;
}

int spool_cut(struct spool *s, uint64_t at, struct err *e)
{
	drop_window(s);
	s->end = s->flushed = at;
	return ftruncate(s->fd, (off_t)at) < 0 ? err_errno(e, "cut the spool") : 0;
}

int spool_path(struct spool *s, uint64_t at, char *ret, struct err *e)
{
	struct spool_rec r;
	int rc = spool_get(s, at, &r, e);
	uint32_t end = rc < 0 ? 0 : r.rec.path_len;

	if (rc == 0 && end > REC_PATH)
		return err_set(e, ENAMETOOLONG, "path of %u bytes", end);
	ret[end] = '\0';
	while (rc == 0 && r.rec.name_len) {
		if (r.rec.name_len > end || r.rec.name_len >= REC_NAME)
			return err_set(e, EIO, "the spool is damaged");
		end -= r.rec.name_len;
		memcpy(ret + end, r.name, r.rec.name_len);
		if (!end)
			break;
		ret[--end] = '/';
		rc = spool_get(s, r.rec.parent, &r, e);
	}
	return rc;
}
