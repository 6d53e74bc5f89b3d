/* SPDX-License-Identifier: Apache-2.0 */
/* content - the bytes of one planned file. */
#include "content.h"

#include "feed.h"
#include "io.h"
#include "layer.h"
#include "now.h"
#include "own.h"
#include "rec.h"
#include "sink.h"
#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define HOLES_HASHED (4ULL << 30)

enum {
	BLOCK = 128 << 10,
	ALIVE = 16 << 20,
	LEASE_WAIT_NS = 20000000,
};

int content_init(struct content *c, const struct layer_job *job, struct spool *s, struct sink *out,
	struct err *e)
{
	int rc;

	*c = (struct content){.job = job, .spool = s, .sink = out, .holes_left = HOLES_HASHED};
	c->hash = hash_new();
	c->no_devices = io_has_no_devices(job->root_fd);
	if (!c->hash)
		return err_set(e, ENOMEM, "no memory");
	rc = lower_init(&c->lower, job->lower, job->lowers, job->user_xattrs, e);
	return rc < 0 ? rc : dircur_init(&c->cur, s, job->root_fd, e);
}

void content_done(struct content *c)
{
	dircur_done(&c->cur);
	lower_done(&c->lower);
	hash_free(c->hash);
	c->hash = NULL;
}

/* Hashing alone is no sign of life: nothing is sent. */
static void alive(struct content *c, size_t n)
{
	c->quiet += n;
	if (c->quiet < ALIVE)
		return;
	c->quiet = 0;
	sink_item(c->sink, c->item);
}

static int parent_of(struct content *c, const struct rec *r)
{
	if (c->parent != r->parent) {
		c->parent = r->parent;
		c->parent_fd = dircur_open(&c->cur, r->parent, NULL);
	}
	return c->parent_fd;
}

/* A lease makes an open that does not wait fail; its holder gives it up soon, or not. */
static bool waited_for_lease(int rc)
{
	static const struct timespec wait = {.tv_nsec = LEASE_WAIT_NS};

	return rc == -EAGAIN && nanosleep(&wait, NULL) == 0;
}

static bool is(const struct rec *r, const struct stat *st)
{
	return st->st_dev == r->dev && st->st_ino == r->ino && S_ISREG(st->st_mode);
}

/* -ESTALE: it is another file now. */
static int open_name(const struct content *c, const struct rec *r, int dir, const char *name)
{
	own_fd int fd = -1;
	struct stat st;

	fd = c->no_devices ? io_open_file(dir, name, &st, NULL)
			   : io_open_name(dir, name, &st, NULL);
	if (fd == -EINVAL || fd == -ELOOP || fd == -ENXIO || (fd >= 0 && !is(r, &st)))
		return -ESTALE;
	return fd < 0 || c->no_devices ? take_fd(&fd) : io_reopen(fd, NULL);
}

static int open_own(struct content *c, struct rec *r)
{
	int dir = parent_of(c, r);
	char name[REC_NAME];
	int fd;

	if (dir < 0) {
		rec_gap(r, GAP_VANISHED, WHY_OTHER_FILE, -dir);
		return dir;
	}
	memcpy(name, rec_name(r), r->name_len);
	name[r->name_len] = '\0';
	fd = open_name(c, r, dir, name);
	if (waited_for_lease(fd))
		fd = open_name(c, r, dir, name);
	if (fd == -ESTALE)
		rec_gap(r, GAP_VANISHED, WHY_OTHER_FILE, 0);
	else if (fd < 0)
		rec_gap(r, fd == -ENOENT ? GAP_VANISHED : GAP_UNREADABLE,
			fd == -EAGAIN ? WHY_LEASE : WHY_ERRNO, -fd);
	return fd;
}

/* A path that is put together from its end. */
struct backwards {
	char text[REC_PATH + 1];
	size_t at;  /* where it starts */
	bool whole; /* an absolute redirect is its start */
};

static bool prepend(struct backwards *b, const char *name, size_t len)
{
	b->whole = len && *name == '/';
	len -= b->whole;
	name += b->whole;
	if (!len || len + 1 > b->at)
		return false;
	if (b->at < REC_PATH)
		b->text[--b->at] = '/';
	b->at -= len;
	memcpy(b->text + b->at, name, len);
	return true;
}

/* The name, or what overlayfs' redirect says instead. */
static bool prepend_origin(const struct content *c, struct backwards *b, const struct rec *r)
{
	const char *key =
		c->job->user_xattrs ? "user.overlay.redirect" : "trusted.overlay.redirect";
	struct xattr x;

	if (xattrs_find(rec_xattrs(r), r->xattr_len, key, &x))
		return prepend(b, x.value, x.value_len);
	return prepend(b, rec_name(r), r->name_len);
}

/* Where the lower side of a file is: its path, but for renamed directories on the way. */
static bool origin(const struct content *c, const struct rec *r, struct backwards *b)
{
	own_buf struct buf whole = BUF_INIT(REC_MAX);
	struct spool_rec dir = {.rec = *r};
	bool ok;

	*b = (struct backwards){.at = REC_PATH};
	ok = prepend_origin(c, b, r);
	for (uint64_t at = r->parent; ok && !b->whole && at != SPOOL_ROOT; at = dir.rec.parent) {
		if (spool_get(c->spool, at, &dir, NULL) < 0)
			return false;
		if (!(dir.rec.flags & REC_REDIRECT))
			ok = prepend(b, dir.name, dir.rec.name_len);
		else if (spool_load(c->spool, at, &whole, NULL) < 0)
			return false;
		else
			ok = prepend_origin(c, b, (const struct rec *)whole.data);
	}
	return ok;
}

/* The file of a lower layer that has, or had, this one's content. */
static int open_lower(struct content *c, const struct rec *r)
{
	struct backwards from;
	own_fd int fd = -1;
	uint32_t depth = 0;
	char *dir, *name;
	int ret;

	if (!origin(c, r, &from))
		return -ENAMETOOLONG;
	dir = from.text + from.at;
	name = strrchr(dir, '/');
	for (const char *p = dir; *p; p++)
		depth += *p == '/';
	if (name)
		*name++ = '\0';
	lower_done(&c->lower); /* what is kept there is for walks in order */
	if (lower_enter(&c->lower, name ? dir : "", depth, NULL) == 0)
		fd = lower_open_data(&c->lower, name ? name : dir);
	ret = fd < 0 ? -ENOENT : io_reopen(fd, NULL);
	return waited_for_lease(ret) ? io_reopen(fd, NULL) : ret;
}

static int open_below(struct content *c, struct rec *r)
{
	int fd = open_lower(c, r);

	if (fd < 0)
		rec_gap(r, GAP_NOT_PRESENT, WHY_METACOPY, -fd);
	return fd;
}

static void hash_zeros(struct content *c, uint64_t n)
{
	static const char zeros[64 << 10];

	for (size_t step; n; n -= step) {
		step = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);
		hash_add(c->hash, zeros, step);
		alive(c, step);
	}
}

/* len bytes from start; *fd becomes -1 when it gives no more, and the rest is zeros. */
static int read_run(struct content *c, int *fd, struct rec_extent x, struct rec *r, struct feed *f,
	struct err *e)
{
	static char block[BLOCK];

	while (x.len && *fd >= 0) {
		size_t room = sizeof(block);
		char *to = f ? feed_room(f, &room, e) : block;
		ssize_t n;
		int rc;

		if (!to)
			return -EPIPE;
		n = pread(*fd, to, room < x.len ? room : (size_t)x.len, (off_t)x.start);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rec_gap(r, n < 0 ? GAP_UNREADABLE : GAP_CHANGED,
				n < 0 ? WHY_ERRNO : WHY_SHRUNK, n < 0 ? errno : 0);
			*fd = -1;
			break;
		}
		hash_add(c->hash, to, (size_t)n);
		alive(c, (size_t)n);
		rc = f ? feed_used(f, (size_t)n, e) : 0;
		if (rc < 0)
			return rc;
		x.start += (uint64_t)n;
		x.len -= (uint64_t)n;
	}
	return f ? feed_zeros(f, x.len, e) : 0;
}

static int read_extents(struct content *c, int *fd, struct rec *r, struct feed *f, struct err *e)
{
	uint64_t holes = r->size - r->data, at = 0;
	bool all = holes <= c->holes_left;
	int rc = 0;

	if (all)
		c->holes_left -= holes;
	for (uint32_t i = 0; i < r->extents && rc == 0; i++) {
		struct rec_extent x = rec_extent_at(r, i);

		if (all)
			hash_zeros(c, x.start - at);
		rc = read_run(c, fd, x, r, f, e);
		at = x.start + x.len;
	}
	r->flags |= all ? REC_HASHED : REC_HASHED_DATA;
	return rc;
}

static bool is_time(const struct rec_time *a, const struct timespec *b)
{
	return a->sec == b->tv_sec && a->nsec == (uint32_t)b->tv_nsec;
}

static void check_after(int fd, struct rec *r)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		rec_gap(r, GAP_UNREADABLE, WHY_ERRNO, errno);
	else if ((uint64_t)st.st_size != r->size || !is_time(&r->ctime, &st.st_ctim) ||
		 !is_time(&r->mtime, &st.st_mtim))
		rec_gap(r, GAP_CHANGED, WHY_CHANGED, 0);
}

/* The digest, when all of it was read. */
static int read_open(struct content *c, int fd, struct rec *r, struct feed *f, struct err *e)
{
	struct rec_extent all = {0, r->data};
	int at = fd;
	int rc;

	if (r->flags & REC_SPARSE) {
		rc = read_extents(c, &at, r, f, e);
	} else {
		rc = read_run(c, &at, all, r, f, e);
		r->flags |= REC_HASHED;
	}
	hash_end(c->hash, r->digest);
	if (at < 0)
		r->flags &= ~(unsigned)(REC_HASHED | REC_HASHED_DATA);
	else if (!(r->flags & REC_METACOPY))
		check_after(fd, r);
	return rc;
}

int content_read(struct content *c, struct rec *r, struct feed *f, struct err *e)
{
	uint8_t before = r->gap;
	own_fd int fd = -1;
	int rc;

	if (before == GAP_STALLED + 1)
		return f ? feed_zeros(f, r->data, e) : 0;
	r->gap = 0; /* a loss of content matters more than one of attributes */
	if (now_late(c->job->until_ns)) {
		rec_gap(r, GAP_OVER_BUDGET, WHY_LATE, 0);
		return f ? feed_zeros(f, r->data, e) : 0;
	}
	fd = r->flags & REC_METACOPY ? open_below(c, r) : open_own(c, r);
	if (fd < 0)
		return f ? feed_zeros(f, r->data, e) : 0;
	rc = read_open(c, fd, r, f, e);
	if (!r->gap)
		r->gap = before;
	return rc;
}

bool content_is_set_back(struct content *c, const struct rec *r)
{
	static char block[BLOCK];
	uint8_t digest[HASH_LEN];
	own_fd int fd = -1;
	ssize_t n;

	if (r->change != REC_UNCHANGED || !(r->flags & REC_HASHED) || (r->flags & REC_METACOPY))
		return false;
	fd = open_lower(c, r);
	if (fd < 0)
		return false;
	while ((n = io_read(fd, block, sizeof(block))) > 0) {
		hash_add(c->hash, block, (size_t)n);
		alive(c, (size_t)n);
	}
	hash_end(c->hash, digest);
	return n == 0 && memcmp(digest, r->digest, HASH_LEN);
}
