/* SPDX-License-Identifier: Apache-2.0 */
/* layersize - how large a writable layer is. */
#include "layersize.h"
#include "own.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH = 128 }; /* one descriptor each */

struct walk {
	struct layersize *size;
	dev_t dev;
	unsigned depth;
	DIR *level[DEPTH];
};

static void push(struct walk *w, int at, const char *name)
{
	own_fd int fd = -1;
	DIR *dir;

	if (w->depth == DEPTH) {
		w->size->truncated = true;
		return;
	}
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	if (fd < 0)
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		w->size->truncated = true;
		return;
	}
	(void)take_fd(&fd);
	w->level[w->depth++] = dir;
}

static void look_at(struct walk *w, const char *name)
{
	int at = dirfd(w->level[w->depth - 1]);
	struct stat st;

	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return;
	w->size->budget--;
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 ||
		st.st_dev != w->dev)
		return;
	if (S_ISREG(st.st_mode) &&
		__builtin_add_overflow(w->size->bytes, (uint64_t)st.st_size, &w->size->bytes))
		w->size->bytes = UINT64_MAX;
	if (S_ISDIR(st.st_mode))
		push(w, at, name);
}

void layersize_add(int dir_fd, struct layersize *size)
{
	struct walk w = {.size = size};
	struct stat st;

	if (fstat(dir_fd, &st) < 0) {
		size->truncated = true;
		return;
	}
	w.dev = st.st_dev;
	push(&w, dir_fd, ".");
	while (w.depth) {
		struct dirent *d = size->budget ? readdir(w.level[w.depth - 1]) : NULL;

		if (d)
			look_at(&w, d->d_name);
		else
			closedir(w.level[--w.depth]);
	}
	if (!size->budget)
		size->truncated = true;
}
