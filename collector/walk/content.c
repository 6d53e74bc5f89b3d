/* SPDX-License-Identifier: Apache-2.0 */
/* content - the bytes of one planned file. */
#include "content.h"

#include "feed.h"
#include "io.h"
#include "layer.h"
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
	LEASE_WAIT_NS = 20000000,
};

int content_init(struct content *c, const struct layer_job *job, struct spool *s, struct err *e)
{
	int rc;

	*c = (struct content){.job = job, .spool = s, .holes_left = HOLES_HASHED};
	c->hash = hash_new();
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

static int parent_of(struct content *c, const struct rec *r)
{
	if (c->parent != r->parent) {
		c->parent = r->parent;
		c->parent_fd = dircur_open(&c->cur, r->parent, NULL);
	}
	return c->parent_fd;
}

/* A lease makes an open that does not wait fail; its holder gives it up soon, or not. */
static int reopen(int path_fd)
{
	static const struct timespec wait = {.tv_nsec = LEASE_WAIT_NS};
	int fd = io_reopen(path_fd, NULL);

	if (fd != -EAGAIN)
		return fd;
	(void)nanosleep(&wait, NULL);
	return io_reopen(path_fd, NULL);
}

static int open_own(struct content *c, struct rec *r)
{
	int dir = parent_of(c, r);
	char name[REC_NAME];
	own_fd int fd = -1;
	struct stat st;
	int ret;

	if (dir < 0) {
		rec_gap(r, GAP_VANISHED, WHY_OTHER_FILE, -dir);
		return dir;
	}
	memcpy(name, rec_name(r), r->name_len);
	name[r->name_len] = '\0';
	fd = io_open_name(dir, name, &st, NULL);
	if (fd < 0) {
		rec_gap(r, fd == -ENOENT ? GAP_VANISHED : GAP_UNREADABLE, WHY_ERRNO, -fd);
		return fd;
	}
	if (st.st_dev != r->dev || st.st_ino != r->ino || !S_ISREG(st.st_mode)) {
		rec_gap(r, GAP_VANISHED, WHY_OTHER_FILE, 0);
		return -ESTALE;
	}
	ret = reopen(fd);
	if (ret < 0)
		rec_gap(r, GAP_UNREADABLE, ret == -EAGAIN ? WHY_LEASE : WHY_ERRNO, -ret);
	return ret;
}

/* Where the lower side of a metacopy is: its redirect, or the same path. */
static bool origin(const struct content *c, const struct rec *r, const char *path, char *ret)
{
	const char *key =
		c->job->user_xattrs ? "user.overlay.redirect" : "trusted.overlay.redirect";
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash + 1 - path) : 0;
	struct xattr x;

	snprintf(ret, REC_PATH + 1, "%s", path);
	if (!xattrs_find(rec_xattrs(r), r->xattr_len, key, &x))
		return *path;
	if (x.value_len && *x.value == '/')
		dir = 0;
	if (!x.value_len || dir + x.value_len > REC_PATH)
		return false;
	memcpy(ret + dir, x.value, x.value_len);
	ret[dir + x.value_len] = '\0';
	return true;
}

static int open_lower(struct content *c, struct rec *r, const char *path)
{
	char from[REC_PATH + 1];
	char *name, *dir = from + 0;
	own_fd int fd = -1;
	uint32_t depth = 0;
	int ret = -ENOENT;

	if (origin(c, r, path, from)) {
		dir += strspn(dir, "/");
		name = strrchr(dir, '/');
		for (const char *p = dir; *p; p++)
			depth += *p == '/';
		if (name)
			*name++ = '\0';
		lower_done(&c->lower); /* what is kept there is for walks in order */
		if (lower_enter(&c->lower, name ? dir : "", depth, NULL) == 0)
			fd = lower_open_data(&c->lower, name ? name : dir);
	}
	if (fd >= 0)
		ret = reopen(fd);
	if (ret < 0)
		rec_gap(r, GAP_NOT_PRESENT, WHY_METACOPY, -ret);
	return ret;
}

static void hash_zeros(struct content *c, uint64_t n)
{
	static const char zeros[64 << 10];

	for (size_t step; n; n -= step) {
		step = n < sizeof(zeros) ? (size_t)n : sizeof(zeros);
		hash_add(c->hash, zeros, step);
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

int content_read(struct content *c, struct rec *r, const char *path, struct feed *f, struct err *e)
{
	uint8_t before = r->gap;
	own_fd int fd = -1;
	int rc;

	if (before == GAP_STALLED + 1)
		return f ? feed_zeros(f, r->data, e) : 0;
	r->gap = 0; /* a loss of content matters more than one of attributes */
	fd = r->flags & REC_METACOPY ? open_lower(c, r, path) : open_own(c, r);
	if (fd < 0)
		return f ? feed_zeros(f, r->data, e) : 0;
	rc = read_open(c, fd, r, f, e);
	if (!r->gap)
		r->gap = before;
	return rc;
}
