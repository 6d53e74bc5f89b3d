/* SPDX-License-Identifier: Apache-2.0 */
/* dircur - directories of a walk as descriptors. */
#include "dircur.h"

#include "io.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int dircur_init(struct dircur *c, struct spool *s, int root_fd, struct err *e)
{
	*c = (struct dircur){.spool = s, .root_fd = root_fd};
	c->chain = malloc(REC_DEPTH * sizeof(*c->chain));
	return c->chain ? 0 : err_set(e, ENOMEM, "no memory");
}

static void keep_last(struct dircur *c, unsigned n)
{
	while (c->n > n)
		own_fd_(&c->at[--c->n].fd);
}

void dircur_done(struct dircur *c)
{
	keep_last(c, 0);
	free(c->chain);
	c->chain = NULL;
}

static bool is(const struct rec *r, const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_dev == r->dev && st->st_ino == r->ino;
}

/* Drops the shallowest when there is no room. */
static void push(struct dircur *c, uint64_t dir, uint32_t depth, int fd)
{
	if (c->n == DIRCUR_OPEN) {
		own_fd_(&c->at[0].fd);
		memmove(&c->at[0], &c->at[1], sizeof(c->at[0]) * (DIRCUR_OPEN - 1));
		c->n--;
	}
	c->at[c->n].dir = dir;
	c->at[c->n].depth = depth;
	c->at[c->n++].fd = fd;
}

/* Replaces the only open directory by its parent. False: it has another one now. */
static bool climb(struct dircur *c)
{
	own_fd int fd = -1;
	struct spool_rec own, up;
	struct stat st;

	if (spool_get(c->spool, c->at[0].dir, &own, NULL) < 0 ||
		spool_get(c->spool, own.rec.parent, &up, NULL) < 0)
		return false;
	fd = openat(c->at[0].fd, "..", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !is(&up.rec, &st))
		return false;
	own_fd_(&c->at[0].fd);
	c->at[0].dir = own.rec.parent;
	c->at[0].depth--;
	c->at[0].fd = take_fd(&fd);
	return true;
}

/* Leaves open only what can lead to a directory at this depth. */
static void come_up(struct dircur *c, uint32_t depth)
{
	while (c->n && c->at[c->n - 1].depth > depth) {
		if (c->n > 1)
			keep_last(c, c->n - 1);
		else if (c->at[0].depth - depth > depth || !climb(c))
			keep_last(c, 0); /* it is nearer from the root, or moved */
	}
}

static int go_down(struct dircur *c, uint64_t dir, struct err *e)
{
	int from = c->n ? c->at[c->n - 1].fd : c->root_fd;
	struct spool_rec r;
	struct stat st;
	own_fd int fd = -1;
	int rc = spool_get(c->spool, dir, &r, e);

	if (rc < 0)
		return rc;
	r.name[r.rec.name_len < REC_NAME ? r.rec.name_len : REC_NAME - 1] = '\0';
	fd = io_open_name(from, r.name, &st, e);
	if (fd < 0)
		return fd;
	if (!is(&r.rec, &st))
		return err_set(e, ESTALE, "the name leads to another directory now");
	push(c, dir, r.rec.depth, take_fd(&fd));
	return 0;
}

int dircur_open(struct dircur *c, uint64_t dir, struct err *e)
{
	uint32_t k = 0;
	int rc = 0;

	for (uint64_t up = dir; up != SPOOL_ROOT;) {
		struct spool_rec r;

		rc = spool_get(c->spool, up, &r, e);
		if (rc < 0)
			return rc;
		come_up(c, r.rec.depth);
		if (c->n && c->at[c->n - 1].dir == up)
			break;
		come_up(c, r.rec.depth - 1); /* from a directory beside it to their parent */
		if (k == REC_DEPTH)
			return err_set(e, ELOOP, "too deep");
		c->chain[k++] = up;
		up = r.rec.parent;
	}
	if (dir == SPOOL_ROOT)
		keep_last(c, 0);
	while (rc == 0 && k)
		rc = go_down(c, c->chain[--k], e);
	if (rc < 0)
		return rc;
	return dir == SPOOL_ROOT ? c->root_fd : c->at[c->n - 1].fd;
}
