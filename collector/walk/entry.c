/* SPDX-License-Identifier: Apache-2.0 */
/* entry - one name of a directory as a record. */
#include "entry.h"

#include "extents.h"
#include "io.h"
#include "own.h"
#include "plan.h"
#include "rec.h"
#include "sink.h"
#include "walk.h"
#include "xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct rec_time time_of(const struct statx_timestamp *t)
{
	return (struct rec_time){.sec = t->tv_sec, .nsec = t->tv_nsec, .known = 1};
}

static void from_statx(struct rec *r, const struct statx *x)
{
	r->dev = makedev(x->stx_dev_major, x->stx_dev_minor);
	r->ino = x->stx_ino;
	r->size = x->stx_size;
	r->blocks = x->stx_blocks;
	r->data = S_ISREG(x->stx_mode) ? x->stx_size : 0;
	r->mode = x->stx_mode;
	r->uid = x->stx_uid;
	r->gid = x->stx_gid;
	r->nlink = x->stx_nlink;
	r->rdev_major = x->stx_rdev_major;
	r->rdev_minor = x->stx_rdev_minor;
	r->atime = time_of(&x->stx_atime);
	r->mtime = time_of(&x->stx_mtime);
	r->ctime = time_of(&x->stx_ctime);
	if (x->stx_mask & STATX_BTIME)
		r->btime = time_of(&x->stx_btime);
}

static void from_stat(struct rec *r, const struct stat *st)
{
	r->dev = st->st_dev;
	r->ino = st->st_ino;
	r->size = (uint64_t)st->st_size;
	r->blocks = (uint64_t)st->st_blocks;
	r->mode = st->st_mode;
	r->uid = st->st_uid;
	r->gid = st->st_gid;
	r->nlink = (uint32_t)st->st_nlink;
	r->rdev_major = major(st->st_rdev);
	r->rdev_minor = minor(st->st_rdev);
	r->atime = (struct rec_time){st->st_atim.tv_sec, (uint32_t)st->st_atim.tv_nsec, 1};
	r->mtime = (struct rec_time){st->st_mtim.tv_sec, (uint32_t)st->st_mtim.tv_nsec, 1};
	r->ctime = (struct rec_time){st->st_ctim.tv_sec, (uint32_t)st->st_ctim.tv_nsec, 1};
}

/* The record of w->dir's name, with nothing known of it. */
static struct rec *start(struct walk *w, const char *name)
{
	struct rec *r = (struct rec *)w->rec;
	const struct rec *dir = &w->dir_rec.rec;

	buf_clear(&w->xattrs);
	buf_clear(&w->target);
	buf_clear(&w->extents);
	*r = (struct rec){
		.name_len = (uint16_t)strlen(name),
		.depth = dir->depth + 1,
		.parent = w->dir,
		.flags = dir->flags & (REC_HIDES | REC_UNFIT),
		.change = w->job->lowers || w->job->form != LAYER_PLAIN ? REC_ADDED : REC_PRESENT,
	};
	r->path_len = dir->path_len + (dir->path_len ? 1 : 0) + r->name_len;
	if (r->path_len > REC_PATH)
		r->flags |= REC_UNFIT;
	memcpy((char *)(r + 1), name, r->name_len);
	return r;
}

/* Behind the name: target, attributes, extents. */
static int assemble(struct walk *w, struct rec *r, struct err *e)
{
	char *at = w->rec + sizeof(*r) + r->name_len;
	size_t len = sizeof(*r) + r->name_len + w->target.len + w->xattrs.len + w->extents.len;

	if (len + 8 > REC_MAX)
		return err_set(e, EFBIG, "record too long");
	r->target_len = (uint32_t)w->target.len;
	r->xattr_len = (uint32_t)w->xattrs.len;
	r->extents = (uint32_t)(w->extents.len / sizeof(struct rec_extent));
	for (struct buf *const *b =
			(struct buf *const[]){&w->target, &w->xattrs, &w->extents, NULL};
		*b; b++) {
		if ((*b)->len)
			memcpy(at, (*b)->data, (*b)->len);
		at += (*b)->len;
	}
	memset(at, 0, 8);
	r->len = (uint32_t)((len + 7) & ~7UL);
	return 0;
}

/* Notes in the directories above that something below them differs. */
static int mark(struct walk *w, struct err *e)
{
	struct spool_rec up = w->dir_rec;
	int rc = 0;

	for (uint64_t at = w->dir; rc == 0 && !w->marked; at = up.rec.parent) {
		rc = spool_get(w->spool, at, &up, e);
		if (rc < 0 || (up.rec.flags & REC_BELOW))
			break;
		up.rec.flags |= REC_BELOW;
		rc = SPOOL_PATCH(w->spool, at, flags, &up.rec.flags, e);
		if (at == SPOOL_ROOT)
			break;
	}
	w->marked = true;
	return rc;
}

/* A directory to be listed later: joins the chain of those in the same listing. */
static int chain(struct walk *w, const struct rec *r, uint64_t at, struct err *e)
{
	int rc;

	if (!S_ISDIR(r->mode) || (r->flags & (REC_MOUNT | REC_EXCLUDED | REC_BARE)) ||
		r->change == REC_DELETED)
		return 0;
	if (w->last_dir)
		rc = SPOOL_PATCH(w->spool, w->last_dir, next_dir, &at, e);
	else
		rc = SPOOL_PATCH(w->spool, w->dir, first_dir, &at, e);
	w->last_dir = at;
	return rc;
}

static int put(struct walk *w, struct rec *r, struct err *e)
{
	char path[REC_PATH + 1];
	uint64_t at = w->spool->end;
	int rc = assemble(w, r, e);

	(void)rec_path(w->path, r, path);
	if (rc == 0)
		rc = plan_record(w, r, path, at, e);
	if (rc == 0)
		rc = spool_add(w->spool, r, e);
	if (rc == 0 && r->change != REC_UNCHANGED)
		rc = mark(w, e);
	if (rc == 0)
		rc = chain(w, r, at, e);
	if (rc == 0)
		walk_recount(w, at, r);
	return rc;
}

static int put_bare(
	struct walk *w, const char *name, int kind, enum rec_why why, int error, struct err *e)
{
	struct rec *r = start(w, name);

	buf_clear(&w->xattrs);
	r->flags |= REC_BARE;
	rec_gap(r, kind, why, error);
	return put(w, r, e);
}

int entry_add_stalled(struct walk *w, const char *name, struct err *e)
{
	return put_bare(w, name, GAP_STALLED, WHY_STALLED, 0, e);
}

static bool has(const struct walk *w, const char *key, struct xattr *ret)
{
	static const char *const forms[] = {
		"trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."};
	bool fuse = w->job->form == LAYER_FUSE_OVERLAY;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char name[64];

		if (!fuse && i != w->job->user_xattrs)
			continue;
		snprintf(name, sizeof(name), "%s%s", forms[i], key);
		if (w->xattrs.len && xattrs_find(w->xattrs.data, w->xattrs.len, name, ret))
			return true;
	}
	return false;
}

/* fuse-overlayfs without the right to make devices: files named like an OCI layer's. */
static bool fuse_whiteout(const struct walk *w, const char *name)
{
	return w->job->form == LAYER_FUSE_OVERLAY && !strncmp(name, ".wh.", 4) && name[4];
}

/* It makes the first itself; the second comes with layers that were unpacked as they are. */
static const char *const opaque_markers[] = {".wh..opq", ".wh..wh..opq"};

static bool fuse_opaque(const struct walk *w, const char *name)
{
	char marker[REC_NAME + 16];
	struct stat st;

	for (int i = 0; w->job->form == LAYER_FUSE_OVERLAY && i < 2; i++) {
		snprintf(marker, sizeof(marker), "%s/%s", name, opaque_markers[i]);
		if (fstatat(w->dir_fd, marker, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* What overlayfs means by it (Documentation/filesystems/overlayfs.rst). */
static void interpret(struct walk *w, struct rec *r, const char *name)
{
	struct xattr x;

	if (w->job->form == LAYER_PLAIN)
		return;
	if (S_ISCHR(r->mode) && !r->rdev_major && !r->rdev_minor)
		r->change = REC_DELETED;
	if (S_ISREG(r->mode) && !r->size && has(w, "whiteout", &x))
		r->change = REC_DELETED;
	if (!S_ISDIR(r->mode)) {
		if (S_ISREG(r->mode) && has(w, "metacopy", &x))
			r->flags |= REC_METACOPY;
		return;
	}
	if ((has(w, "opaque", &x) && x.value_len == 1 && *x.value == 'y') || fuse_opaque(w, name))
		r->flags |= REC_OPAQUE | REC_HIDES;
	if (has(w, "redirect", &x)) {
		r->flags |= REC_REDIRECT;
		rec_gap(r, GAP_REFUSED, WHY_REDIRECT, 0);
	}
}

static bool same_time(const struct rec_time *a, const struct timespec *b)
{
	/* image layers from a tar have whole seconds */
	return a->sec == b->tv_sec && (a->nsec == (uint32_t)b->tv_nsec || !a->nsec || !b->tv_nsec);
}

/* The rules by which 'docker diff' calls something unchanged. */
static bool same(const struct rec *r, const struct stat *st)
{
	if (r->mode != st->st_mode || r->uid != st->st_uid || r->gid != st->st_gid ||
		makedev(r->rdev_major, r->rdev_minor) != st->st_rdev)
		return false;
	return S_ISDIR(r->mode) ||
	       (same_time(&r->mtime, &st->st_mtim) && r->size == (uint64_t)st->st_size);
}

static void compare(struct walk *w, struct rec *r, const char *name)
{
	struct stat st;

	if (r->change != REC_ADDED || !lower_find(&w->lower, name, &st))
		return;
	r->change = same(r, &st) ? REC_UNCHANGED : REC_MODIFIED;
}

static int read_extents(struct walk *w, struct rec *r, const char *name)
{
	struct stat st;
	own_fd int path_fd = io_open_name(w->dir_fd, name, &st, NULL);
	own_fd int fd = -1;

	if (path_fd < 0 || st.st_dev != r->dev || st.st_ino != r->ino)
		return -ESTALE; /* the second pass will say so */
	fd = io_reopen(path_fd, NULL);
	return fd < 0 ? fd : extents_read(fd, r->size, &w->extents, &r->data, NULL);
}

/* More extents than are kept, and too many bytes behind the last one: that part is lost. */
static void drop_last_extent(struct walk *w, struct rec *r)
{
	size_t at = w->extents.len - sizeof(struct rec_extent);
	struct rec_extent x;

	memcpy(&x, w->extents.data + at, sizeof(x));
	if (w->extents.len < REC_EXTENTS * sizeof(x) || r->data <= w->job->max_file)
		return;
	r->data -= x.len;
	x = (struct rec_extent){.start = r->size};
	memcpy(w->extents.data + at, &x, sizeof(x));
	rec_gap(r, GAP_OVER_BUDGET, WHY_EXTENTS, 0);
}

static void look_for_holes(struct walk *w, struct rec *r, const char *name)
{
	if (!S_ISREG(r->mode) || r->change == REC_DELETED || (r->flags & REC_METACOPY) ||
		r->blocks * 512 >= r->size || w->job->content == LAYER_NAMES)
		return;
	if (read_extents(w, r, name) <= 0) {
		buf_clear(&w->extents);
		return;
	}
	r->flags |= REC_SPARSE;
	drop_last_extent(w, r);
}

static void look_for_links(struct walk *w, struct rec *r)
{
	if (S_ISDIR(r->mode) || r->nlink < 2 || r->change == REC_DELETED)
		return;
	r->link_to = links_find(&w->links, r->dev, r->ino);
	if (r->link_to) {
		r->data = 0;
		r->flags &= ~(unsigned)REC_SPARSE;
		buf_clear(&w->extents);
	}
}

/* False: not in this file system. */
static bool is_here(struct walk *w, struct rec *r, const struct statx *x)
{
	bool here = r->dev == w->dir_rec.rec.dev;

	if (w->mount_id && (x->stx_mask & STATX_MNT_ID))
		here = x->stx_mnt_id == w->mount_id;
	if (here)
		return true;
	r->flags |= REC_MOUNT;
	rec_gap(r, GAP_CROSSED_MOUNT, WHY_MOUNT, 0);
	return false;
}

/* Everything that is asked of the name itself. */
static void examine(struct walk *w, struct rec *r, const char *name)
{
	struct err why = ERR_INIT;
	bool cut = false;
	int rc = w->one->no_xattrs ? 0 : xattrs_read(name, &w->xattrs, &cut);

	if (rc < 0 || cut) {
		r->flags |= REC_XATTRS_CUT;
		rec_gap(r, rc < 0 ? GAP_UNREADABLE : GAP_OVER_BUDGET,
			rc < 0 ? WHY_ERRNO : WHY_XATTRS, -rc);
	}
	if (S_ISLNK(r->mode)) {
		rc = io_read_link(w->dir_fd, name, &w->target, &why);
		if (rc < 0)
			rec_gap(r, GAP_UNREADABLE, WHY_ERRNO, -rc);
	}
	interpret(w, r, name);
	compare(w, r, name);
	look_for_holes(w, r, name);
	look_for_links(w, r);
}

static bool is_wanted(struct walk *w, struct rec *r)
{
	char path[REC_PATH + 1];
	bool inside = false;
	bool wanted;

	if (!plan_has_filters(w->job))
		return true;
	if (!rec_path(w->path, r, path))
		memcpy(path, w->path, sizeof(path)); /* as its directory is */
	wanted = plan_wants(w->job, path, &inside);
	if (!wanted) {
		r->flags |= REC_EXCLUDED;
		rec_gap(r, GAP_BY_PROFILE, WHY_EXCLUDED, 0);
	}
	return wanted && (inside || S_ISDIR(r->mode));
}

/* errno, 0: it is in *ret. */
static int stat_name(const struct walk *w, const char *name, struct statx *ret)
{
	if (!w->one->asked)
		return statx(w->dir_fd, name, AHEAD_FLAGS, AHEAD_WANT, ret) < 0 ? errno : 0;
	*ret = w->one->x;
	return w->one->error;
}

int entry_add(struct walk *w, const char *name, struct err *e)
{
	bool hidden = fuse_whiteout(w, name);
	struct statx x;
	struct rec *r;
	int error;

	if (hidden && (!strncmp(name + 4, ".wh.", 4) || !strcmp(name, opaque_markers[0])))
		return 0; /* its own bookkeeping: fuse_opaque() has seen it */
	error = stat_name(w, name, &x);
	if (error)
		return put_bare(w, name, error == ENOENT ? GAP_VANISHED : GAP_UNREADABLE, WHY_ERRNO,
			error, e);
	r = start(w, hidden ? name + 4 : name);
	from_statx(r, &x);
	if (hidden)
		r->change = REC_DELETED;
	else if (!strncmp(name, ".wh.", 4))
		r->flags |= REC_UNFIT;
	if (!is_wanted(w, r)) {
		r->flags |= REC_EXCLUDED;
		return put(w, r, e);
	}
	if (is_here(w, r, &x) && !hidden)
		examine(w, r, name);
	return put(w, r, e);
}

int entry_add_deleted(struct walk *w, const char *name, const struct stat *st, struct err *e)
{
	struct rec *r = start(w, name);

	from_stat(r, st);
	r->change = REC_DELETED;
	if (w->job->form != LAYER_PLAIN)
		r->flags |= REC_HIDDEN;
	return put(w, r, e);
}

int entry_add_root(struct walk *w, struct err *e)
{
	struct rec *r = start(w, "");
	struct statx x;

	if (statx(w->job->root_fd, "", AT_EMPTY_PATH | AHEAD_FLAGS, AHEAD_WANT, &x) < 0)
		return err_errno(e, "stat the tree's root");
	from_statx(r, &x);
	r->depth = r->path_len = 0;
	r->parent = 0;
	r->change = w->job->lowers || w->job->form != LAYER_PLAIN ? REC_UNCHANGED : REC_PRESENT;
	w->dir_fd = w->job->root_fd;
	w->one = ahead_get(NULL, 0);
	if (fchdir(w->dir_fd) < 0) /* for xattrs_read() */
		return err_errno(e, "enter the tree's root");
	examine(w, r, "");
	r->flags &= ~(unsigned)(REC_OPAQUE | REC_HIDES);
	if (assemble(w, r, e) < 0)
		return -EFBIG;
	return spool_add(w->spool, r, e);
}
