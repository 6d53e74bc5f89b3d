/* SPDX-License-Identifier: Apache-2.0 */
/* inroot - openat2's RESOLVE_IN_ROOT for kernels before 5.6. */
#include "inroot.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { DEPTH = 128, LINKS = 40, REST = 2 * PATH_MAX };

/* The directories from the root down to where we are, and what is still to be walked. */
struct walk {
	int fd[DEPTH];
	int depth; /* index of the current one, -1: none */
	unsigned links;
	char rest[REST];
};

static int fail(int code)
{
	errno = code;
	return -1;
}

static void up_to(struct walk *w, int depth)
{
	while (w->depth > depth)
		own_fd_(&w->fd[w->depth--]);
}

static void walk_done(struct walk *w)
{
	up_to(w, -1);
}

static int push(struct walk *w, int fd)
{
	if (fd < 0)
		return -1;
	if (w->depth + 1 == DEPTH) {
		own_fd_(&fd);
		return fail(ENAMETOOLONG);
	}
	w->fd[++w->depth] = fd;
	return 0;
}

/* Cuts the next component off the rest. False: there is none. */
static bool next_name(struct walk *w, char name[NAME_MAX + 1], bool *ret_last)
{
	char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");

	if (!len || len > NAME_MAX)
		return false;
	memcpy(name, p, len);
	name[len] = '\0';
	p += len;
	*ret_last = !p[strspn(p, "/")];
	memmove(w->rest, p, strlen(p) + 1);
	return true;
}

/* Puts the link's text before the rest. */
static int follow(struct walk *w, int link)
{
	char text[REST];
	struct statfs fs;
	ssize_t n;
	int len;

	if (++w->links > LINKS || fstatfs(w->fd[w->depth], &fs) < 0 ||
		fs.f_type == PROC_SUPER_MAGIC)
		return fail(ELOOP);
	n = readlinkat(link, "", text, PATH_MAX);
	if (n < 0 || n == PATH_MAX)
		return fail(n < 0 ? errno : ENAMETOOLONG);
	len = snprintf(text + n, sizeof(text) - (size_t)n, "/%s", w->rest);
	if (len < 0 || (size_t)len >= sizeof(text) - (size_t)n)
		return fail(ENAMETOOLONG);
	if (text[0] == '/')
		up_to(w, 0);
	memcpy(w->rest, text, (size_t)(n + len) + 1);
	return 0;
}

static int step(struct walk *w, const char *name)
{
	own_fd int next = openat(w->fd[w->depth], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (next < 0 || fstat(next, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode))
		return follow(w, next);
	return S_ISDIR(st.st_mode) ? push(w, take_fd(&next)) : fail(ENOTDIR);
}

static int walk_to(struct walk *w, int flags)
{
	char name[NAME_MAX + 1];
	bool last;

	while (next_name(w, name, &last)) {
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			up_to(w, w->depth ? w->depth - 1 : 0);
			continue;
		}
		if (last)
			return openat(w->fd[w->depth], name, flags | O_NOFOLLOW | O_CLOEXEC);
		if (step(w, name) < 0)
			return -1;
	}
	if (w->rest[strspn(w->rest, "/")])
		return fail(ENAMETOOLONG);
	return openat(w->fd[w->depth], ".", flags | O_CLOEXEC);
}

int inroot_open(int dirfd, const char *path, int flags)
{
	__attribute__((cleanup(walk_done))) struct walk w = {.depth = -1};

	if (strlen(path) >= sizeof(w.rest))
		return fail(ENAMETOOLONG);
	memcpy(w.rest, path, strlen(path) + 1);
	if (push(&w, openat(dirfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	return walk_to(&w, flags);
}
