/* SPDX-License-Identifier: Apache-2.0 */
/* walk - the first pass: a tree's names and metadata into the spool. */
#include "walk.h"

#include "entry.h"
#include "io.h"
#include "now.h"
#include "own.h"
#include "plan.h"
#include "sink.h"
#include "xattrs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DIRENTS = 128 << 10 };

int walk_init(struct walk *w, const struct layer_job *job, struct spool *s, struct sink *sink,
	struct err *e)
{
	struct statx x;
	int rc;

	*w = (struct walk){
		.job = job,
		.sink = sink,
		.spool = s,
		.rec = malloc(REC_MAX),
		.xattrs = BUF_INIT(XATTRS_ALL),
		.target = BUF_INIT(65536),
		.extents = BUF_INIT(REC_EXTENTS * sizeof(struct rec_extent)),
		.head = BUF_INIT(2 << 20),
		.item = job->number << WALK_ITEM_JOB,
	};
	if (!w->rec)
		return err_set(e, ENOMEM, "no memory");
	if (statx(job->root_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &x) == 0 &&
		(x.stx_mask & STATX_MNT_ID))
		w->mount_id = x.stx_mnt_id;
	/* what a filter leaves out is not asked for either, and only the first thread knows it */
	if (!plan_has_filters(job))
		w->ahead = ahead_new();
	rc = lower_init(&w->lower, job->lower, job->lowers, job->user_xattrs, e);
	return rc < 0 ? rc : dircur_init(&w->cur, s, job->root_fd, e);
}

void walk_done(struct walk *w)
{
	ahead_free(w->ahead);
	free(w->rec);
	buf_done(&w->xattrs);
	buf_done(&w->target);
	buf_done(&w->extents);
	buf_done(&w->head);
	links_done(&w->links);
	lower_done(&w->lower);
	dircur_done(&w->cur);
}

void walk_recount(struct walk *w, uint64_t at, const struct rec *r)
{
	struct layer_stats *s = &w->stats;

	if ((r->flags & REC_BLOCK) || at == SPOOL_ROOT)
		return;
	s->entries++;
	s->added += r->change == REC_ADDED;
	s->modified += r->change == REC_MODIFIED;
	s->deleted += r->change == REC_DELETED;
	w->planned += WALK_ROW + 2 * (r->path_len < REC_PATH ? r->path_len : r->name_len) +
		      2 * r->xattr_len + r->head_len;
	if (r->flags & REC_READ) {
		s->files++;
		s->bytes += r->data;
		w->planned += w->job->content == LAYER_FILES ? r->data + 512 : 0;
	}
	if (!S_ISDIR(r->mode) && r->nlink > 1 && !r->link_to &&
		((r->flags & (REC_LAYER | REC_READ)) && !(r->flags & REC_ASIDE)))
		(void)links_add(&w->links, r->dev, r->ino, at);
}

static void alive(struct walk *w)
{
	w->item++;
	if (w->sink)
		sink_item(w->sink, w->item);
}

static int gap_on_dir(struct walk *w, int kind, enum rec_why why, int error, struct err *e)
{
	struct rec *r = &w->dir_rec.rec;
	int rc;

	rec_gap(r, kind, why, error);
	rc = SPOOL_PATCH(w->spool, w->dir, gap, &r->gap, e);
	if (rc == 0)
		rc = SPOOL_PATCH(w->spool, w->dir, why, &r->why, e);
	if (rc == 0)
		rc = SPOOL_PATCH(w->spool, w->dir, error, &r->error, e);
	return rc;
}

static bool stalled_before(const struct walk *w, const char *name)
{
	const struct spool_head *h = w->spool->head;

	for (uint32_t i = 0; i < h->stalled && i < SPOOL_STALLED; i++)
		if (!strcmp(h->skip[i], name))
			return true;
	return false;
}

/* WHYS: there may be more. */
static unsigned why_no_more(const struct walk *w)
{
	if (w->planned > w->job->max_bytes)
		return WHY_MAX_TOTAL;
	if (w->stats.entries >= w->job->max_entries)
		return WHY_MAX_ENTRIES;
	return now_late(w->job->until_ns) ? WHY_LATE : WHYS;
}

static int take_name(struct walk *w, const char *name, struct err *e)
{
	struct spool_head *h = w->spool->head;
	unsigned why;
	size_t len = strlen(name);

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	if (!len || len >= REC_NAME || strchr(name, '/'))
		return gap_on_dir(w, GAP_REFUSED, WHY_NAME, 0, e);
	why = why_no_more(w);
	if (why != WHYS) {
		w->stats.cut = true;
		return gap_on_dir(w, GAP_OVER_BUDGET, why, 0, e);
	}
	if (stalled_before(w, name))
		return entry_add_stalled(w, name, e);
	memcpy(h->name, name, len + 1);
	alive(w);
	w->one = ahead_get(w->ahead, w->number);
	return entry_add(w, name, e);
}

static bool is_stalled(const void *w, const char *name)
{
	return stalled_before(w, name);
}

/* The names of one block of directory entries. */
static int take_block(struct walk *w, const char *block, size_t len, struct err *e)
{
	const struct ahead_block b = {
		block, len, w->dir_fd, w->mount_id, w->dir_rec.rec.dev, is_stalled, w};
	size_t number = 0;
	int rc = 0;

	ahead_start(w->ahead, &b);
	for (size_t at = 0; at < len && rc == 0 && !w->stats.cut; number++) {
		const struct dirent64 *d = (const void *)(block + at);

		w->number = number;
		rc = take_name(w, d->d_name, e);
		at += d->d_reclen;
	}
	ahead_stop(w->ahead);
	return rc;
}

static int take_names(struct walk *w, int fd, struct err *e)
{
	static char block[DIRENTS] __attribute__((aligned(8)));
	ssize_t n;
	int rc = 0;

	for (;;) {
		w->spool->head->name[0] = '\0';
		alive(w);
		n = getdents64(fd, block, sizeof(block));
		if (n < 0)
			return gap_on_dir(w, GAP_UNREADABLE, WHY_ERRNO, errno, e);
		if (!n)
			return 0;
		rc = take_block(w, block, (size_t)n, e);
		if (rc < 0 || w->stats.cut)
			return rc;
	}
}

struct hidden {
	struct walk *w;
	struct err *e;
};

static int take_hidden(const char *name, const struct stat *st, void *arg)
{
	struct hidden *h = arg;
	struct stat own;

	alive(h->w);
	if (h->w->stats.entries >= h->w->job->max_entries || strlen(name) >= REC_NAME ||
		fstatat(h->w->dir_fd, name, &own, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return entry_add_deleted(h->w, name, st, h->e);
}

/* What the layers below have in this directory and a reader of the merged tree does not see. */
static int take_hidden_names(struct walk *w, struct err *e)
{
	struct hidden h = {w, e};
	bool plain = w->job->form == LAYER_PLAIN;
	int rc;

	if (!plain && !(w->dir_rec.rec.flags & REC_HIDES))
		return 0;
	rc = lower_each(&w->lower, take_hidden, &h);
	return rc < 0 && !e->code ? gap_on_dir(w, GAP_UNREADABLE, WHY_ERRNO, -rc, e) : rc;
}

static int enter_lower(struct walk *w, struct err *e)
{
	const struct rec *r = &w->dir_rec.rec;

	lower_leave(&w->lower);
	if (!w->job->lowers || r->path_len > REC_PATH || r->change == REC_ADDED)
		return 0;
	return lower_enter(&w->lower, w->path, r->depth, e);
}

static int add_block(struct walk *w, struct err *e)
{
	struct spool_rec b = {.rec = w->dir_rec.rec};

	b.rec.flags = REC_BLOCK;
	b.rec.parent = w->dir;
	b.rec.target_len = b.rec.xattr_len = b.rec.extents = 0;
	b.rec.gap = 0;
	memcpy(b.name, w->dir_rec.name, b.rec.name_len);
	b.rec.len = (uint32_t)((sizeof(b.rec) + b.rec.name_len + 7) & ~7UL);
	return spool_add(w->spool, &b.rec, e);
}

static int list_open(struct walk *w, int fd, struct err *e)
{
	struct stat before, after;
	int rc = enter_lower(w, e);

	if (rc == 0)
		rc = add_block(w, e);
	if (rc < 0 || fstat(fd, &before) < 0)
		return rc < 0 ? rc : err_errno(e, "stat a directory");
	rc = take_names(w, fd, e);
	if (rc == 0 && !w->stats.cut)
		rc = take_hidden_names(w, e);
	if (rc < 0 || fstat(fd, &after) < 0)
		return rc < 0 ? rc : err_errno(e, "stat a directory");
	/* the modification time can be set back, this one cannot */
	if (after.st_ctim.tv_sec != before.st_ctim.tv_sec ||
		after.st_ctim.tv_nsec != before.st_ctim.tv_nsec)
		rc = gap_on_dir(w, GAP_CHANGED, WHY_DIR_CHANGED, 0, e);
	return rc;
}

static int list(struct walk *w, struct err *e)
{
	struct spool_head *h = w->spool->head;
	struct err why = ERR_INIT;
	own_fd int fd = -1;
	int path_fd, rc = spool_flush(w->spool, e); /* what is before 'block' outlives us */

	if (rc < 0)
		return rc;
	h->dir = w->dir;
	h->block = w->spool->end;
	h->name[0] = '\0';
	w->last_dir = 0;
	w->marked = false;
	rec_enter(w->path, w->dir_rec.rec.path_len, w->dir_rec.name, w->dir_rec.rec.name_len);
	alive(w);
	path_fd = dircur_open(&w->cur, w->dir, &why);
	fd = path_fd < 0 ? path_fd : io_reopen(path_fd, &why);
	if (fd == -ESTALE || fd == -ENOENT)
		return gap_on_dir(w, GAP_VANISHED, WHY_OTHER_FILE, -fd, e);
	if (fd < 0)
		return gap_on_dir(w, fd == -ELOOP ? GAP_OVER_BUDGET : GAP_UNREADABLE,
			fd == -ELOOP ? WHY_DEEP : WHY_ERRNO, -fd, e);
	w->dir_fd = path_fd;
	if (fchdir(fd) < 0) /* for xattrs_read() */
		return gap_on_dir(w, GAP_UNREADABLE, WHY_ERRNO, errno, e);
	return list_open(w, fd, e);
}

/* The directory after this one, depth first; 0 at the end. */
static int next(struct walk *w, uint64_t *ret, struct err *e)
{
	struct spool_rec r;
	uint64_t at = w->dir;
	int rc = spool_get(w->spool, at, &r, e);

	*ret = rc < 0 ? 0 : r.rec.first_dir;
	while (rc == 0 && !*ret && at != SPOOL_ROOT) {
		*ret = r.rec.next_dir;
		at = r.rec.parent;
		if (!*ret)
			rc = spool_get(w->spool, at, &r, e);
	}
	return rc;
}

/* Sets w->dir and what belongs to it. */
static int go(struct walk *w, uint64_t dir, struct err *e)
{
	w->dir = dir;
	return dir ? spool_get(w->spool, dir, &w->dir_rec, e) : 0;
}

/* After a worker that stalled: drops the listing it was in, and knows what to skip in it. */
static int take_up(struct walk *w, struct err *e)
{
	struct spool_head *h = w->spool->head;
	struct rec *r;
	uint64_t at = SPOOL_ROOT, none = 0;
	int rc = spool_cut(w->spool, h->block, e);

	while (rc == 0) {
		uint64_t this = at;

		rc = spool_next(w->spool, &at, &r, e);
		if (rc < 0 || !r)
			break;
		walk_recount(w, this, r);
	}
	if (rc == 0)
		rc = go(w, h->dir, e);
	if (rc == 0)
		rc = SPOOL_PATCH(w->spool, h->dir, first_dir, &none, e);
	if (rc == 0 && w->dir_rec.rec.path_len <= REC_PATH)
		rc = spool_path(w->spool, h->dir, w->path, e);
	if (rc < 0)
		return rc;
	if (h->name[0] && h->stalled < SPOOL_STALLED) {
		memcpy(h->skip[h->stalled++], h->name, REC_NAME);
		return list(w, e);
	}
	h->stalled = 0;
	return gap_on_dir(w, GAP_STALLED, WHY_STALLED, 0, e);
}

int walk_run(struct walk *w, struct err *e)
{
	struct spool_head *h = w->spool->head;
	uint64_t dir = SPOOL_ROOT;
	int rc;

	if (h->phase == SPOOL_WALK && w->spool->end > SPOOL_ROOT) {
		rc = take_up(w, e);
		if (rc == 0)
			rc = next(w, &dir, e);
	} else {
		h->phase = SPOOL_WALK;
		h->block = h->dir = SPOOL_ROOT;
		rc = entry_add_root(w, e);
	}
	while (rc == 0 && dir && !w->stats.cut) {
		h->stalled = 0;
		rc = go(w, dir, e);
		if (rc == 0)
			rc = list(w, e);
		if (rc == 0)
			rc = next(w, &dir, e);
	}
	return rc;
}
