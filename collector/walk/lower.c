/* SPDX-License-Identifier: Apache-2.0 */
/* lower - what the layers below have under a name. */
#include "lower.h"

#include "io.h"
#include "own.h"
#include "rec.h"
#include "xattrs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

enum { REDIRECTS = 8 }; /* absolute ones that lead to each other */

static int dir_init(struct lower_dir *d, unsigned most, struct err *e)
{
	*d = (struct lower_dir){.fd = calloc(most + 1, sizeof(int))};
	d->layer = calloc(most + 1, sizeof(unsigned));
	if (d->fd && d->layer)
		return 0;
	free(d->fd);
	free(d->layer);
	*d = (struct lower_dir){0};
	(void)err_set(e, ENOMEM, "no memory");
	return -ENOMEM;
}

static void dir_done(struct lower *l, struct lower_dir *d)
{
	for (unsigned i = 0; i < d->n; i++)
		own_fd_(&d->fd[i]);
	l->open -= d->n;
	free(d->fd);
	free(d->layer);
	*d = (struct lower_dir){0};
}

/* Takes fd. */
static void dir_add(struct lower *l, struct lower_dir *d, int fd, unsigned layer)
{
	d->fd[d->n] = fd;
	d->layer[d->n++] = layer;
	l->open++;
}

int lower_init(struct lower *l, const int *root, unsigned roots, bool user_xattrs, struct err *e)
{
	*l = (struct lower){.root = root, .roots = roots, .user_xattrs = user_xattrs};
	return roots > LOWER_LAYERS ? err_set(e, E2BIG, "%u layers", roots) : 0;
}

void lower_done(struct lower *l)
{
	for (unsigned i = 0; i < l->levels; i++)
		dir_done(l, &l->level[i]);
	l->levels = 0;
	dir_done(l, &l->deep);
	l->now = NULL;
}

void lower_leave(struct lower *l)
{
	l->now = NULL;
}

/* overlayfs' own attribute of an O_PATH descriptor; its length, or -1. */
static ssize_t overlay_xattr(const struct lower *l, int fd, const char *key, char *to, size_t size)
{
	char path[32], name[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(name, sizeof(name), "%s.overlay.%s", l->user_xattrs ? "user" : "trusted", key);
	return getxattr(path, name, to, size);
}

static bool is_whiteout(const struct lower *l, int fd, const struct stat *st)
{
	if (S_ISREG(st->st_mode) && !st->st_size) /* Linux 6.7: an attribute instead */
		return overlay_xattr(l, fd, "whiteout", NULL, 0) >= 0;
	return lower_is_whiteout(st);
}

/* One name in the directories of 'from': the search that overlayfs does. */
struct search {
	struct lower *l;
	struct lower_dir *out;
	char name[REC_PATH + 1];     /* one component; a redirect may change it on the way down */
	char absolute[REC_PATH + 1]; /* a redirect from the root: for the layers below 'after' */
	unsigned after;
	bool end;
};

static void follow_redirect(struct search *s, int fd, unsigned layer)
{
	char to[REC_PATH];
	ssize_t n = overlay_xattr(s->l, fd, "redirect", to, sizeof(to) - 1);

	if (n <= 0)
		return;
	to[n] = '\0';
	if (*to != '/') {
		snprintf(s->name, sizeof(s->name), "%s", to);
		return;
	}
	snprintf(s->absolute, sizeof(s->absolute), "%s", to);
	s->after = layer + 1;
	s->end = true;
}

static void search_layer(struct search *s, int dir, unsigned layer)
{
	struct stat st;
	own_fd int fd = io_open_name(dir, s->name, &st, NULL);
	char opaque;

	if (fd < 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		s->end = true;
		return;
	}
	s->end = overlay_xattr(s->l, fd, "opaque", &opaque, 1) == 1 && opaque == 'y';
	if (!s->end)
		follow_redirect(s, fd, layer);
	dir_add(s->l, s->out, take_fd(&fd), layer);
}

static void search_all(struct search *s, const struct lower_dir *from)
{
	for (unsigned i = 0; i < from->n && !s->end; i++)
		search_layer(s, from->fd[i], from->layer[i]);
}

/* The roots of the layers from 'first' on. */
static int open_roots(struct lower *l, struct lower_dir *d, unsigned first, struct err *e)
{
	int rc = dir_init(d, l->roots, e);

	for (unsigned i = first; rc == 0 && i < l->roots; i++) {
		int fd = fcntl(l->root[i], F_DUPFD_CLOEXEC, 3);

		if (fd >= 0)
			dir_add(l, d, fd, i);
	}
	return rc;
}

/*
 * Adds to out the directories at 'path' below 'at', which is used up. A redirect
 * from the root ends this walk and starts another in the layers further down.
 */
static int walk_down(struct search *s, struct lower_dir *at, const char *path, struct err *e)
{
	struct lower_dir *out = s->out;
	int rc = 0;

	while (rc == 0 && *(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");
		bool last = !path[len + strspn(path + len, "/")];
		struct lower_dir next = {0};

		s->end = false;
		snprintf(s->name, sizeof(s->name), "%.*s", (int)len, path);
		if (!last)
			rc = dir_init(&next, s->l->roots, e);
		s->out = last ? out : &next;
		if (rc == 0)
			search_all(s, at);
		dir_done(s->l, at);
		if (s->absolute[0] && !last) { /* what is left goes behind it */
			size_t used = strlen(s->absolute);

			snprintf(s->absolute + used, sizeof(s->absolute) - used, "%s", path + len);
		}
		*at = next;
		path += len;
	}
	s->out = out;
	dir_done(s->l, at);
	return rc;
}

/* ret: 'path' below 'at' (used up); an absolute 'path' starts in the roots. */
static int resolve(struct lower *l, struct lower_dir *at, const char *path, struct lower_dir *ret,
	struct err *e)
{
	own_free struct search *s = calloc(1, sizeof(*s));
	int rc = dir_init(ret, l->roots, e);

	if (rc < 0 || !s) {
		dir_done(l, at);
		return rc < 0 ? rc : err_set(e, ENOMEM, "no memory");
	}
	s->l = l;
	s->out = ret;
	rc = walk_down(s, at, path, e);
	for (int i = 0; rc == 0 && s->absolute[0] && i < REDIRECTS; i++) {
		char next[REC_PATH + 1];

		memcpy(next, s->absolute, sizeof(next));
		s->absolute[0] = '\0';
		rc = open_roots(l, at, s->after, e);
		if (rc == 0)
			rc = walk_down(s, at, next, e);
	}
	return rc;
}

/* A copy, so that resolve() may use it up. */
static int copy_dir(
	struct lower *l, const struct lower_dir *d, struct lower_dir *ret, struct err *e)
{
	int rc = dir_init(ret, d->n, e);

	for (unsigned i = 0; rc == 0 && i < d->n; i++) {
		int fd = fcntl(d->fd[i], F_DUPFD_CLOEXEC, 3);

		if (fd >= 0)
			dir_add(l, ret, fd, d->layer[i]);
	}
	return rc;
}

/* The part of path after its first 'depth' names. */
static const char *after_names(const char *path, uint32_t depth)
{
	for (; depth && *path; depth--) {
		path += strcspn(path, "/");
		path += *path == '/';
	}
	return path;
}

int lower_enter(struct lower *l, const char *path, uint32_t depth, struct err *e)
{
	struct lower_dir at, got;
	unsigned have;
	int rc;

	while (l->levels > depth)
		dir_done(l, &l->level[--l->levels]);
	dir_done(l, &l->deep);
	l->now = NULL;
	have = l->levels;
	if (have)
		rc = copy_dir(l, &l->level[have - 1], &at, e);
	else
		rc = open_roots(l, &at, 0, e);
	if (rc == 0 && depth) {
		rc = resolve(l, &at, have ? after_names(path, have - 1) : path, &got, e);
		at = got;
	}
	if (rc < 0)
		return rc;
	l->now = &l->deep;
	if (have == depth && depth < LOWER_LEVELS && (!depth || l->open < LOWER_OPEN))
		l->now = &l->level[l->levels++];
	*l->now = at;
	return 0;
}

int lower_open_data(const struct lower *l, const char *name)
{
	for (unsigned i = 0; l->now && i < l->now->n; i++) {
		struct stat st;
		own_fd int fd = io_open_name(l->now->fd[i], name, &st, NULL);

		if (fd < 0)
			continue;
		if (!S_ISREG(st.st_mode) || is_whiteout(l, fd, &st))
			return -1;
		if (overlay_xattr(l, fd, "metacopy", NULL, 0) < 0)
			return take_fd(&fd);
	}
	return -1;
}

bool lower_find(const struct lower *l, const char *name, struct stat *ret)
{
	for (unsigned i = 0; l->now && i < l->now->n; i++) {
		own_fd int fd = -1;

		if (fstatat(l->now->fd[i], name, ret, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
			continue;
		if (!S_ISREG(ret->st_mode) || ret->st_size)
			return !lower_is_whiteout(ret);
		fd = io_open_name(l->now->fd[i], name, ret, NULL);
		return fd >= 0 && !is_whiteout(l, fd, ret);
	}
	return false;
}

/* What a layer above the i-th says of the name comes first. */
static bool seen_above(const struct lower *l, unsigned i, const char *name)
{
	struct stat st;

	while (i--)
		if (fstatat(l->now->fd[i], name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

static int each_in(const struct lower *l, unsigned i,
	int (*each)(const char *name, const struct stat *st, void *arg), void *arg)
{
	own_fd int fd = io_reopen(l->now->fd[i], NULL);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	struct stat st;
	int rc = 0;

	if (!dir)
		return -errno;
	(void)take_fd(&fd);
	while (rc == 0 && (d = readdir(dir))) {
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
			seen_above(l, i, d->d_name) || !lower_find(l, d->d_name, &st))
			continue;
		rc = each(d->d_name, &st, arg);
	}
	(void)closedir(dir);
	return rc;
}

int lower_each(const struct lower *l,
	int (*each)(const char *name, const struct stat *st, void *arg), void *arg)
{
	int rc = 0;

	for (unsigned i = 0; l->now && i < l->now->n && rc == 0; i++)
		rc = each_in(l, i, each, arg);
	return rc;
}
