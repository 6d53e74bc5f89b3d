/* SPDX-License-Identifier: Apache-2.0 */
/* hostfs - files of the host named by path. */
#include "hostfs.h"
#include "buf.h"
#include "io.h"
#include "own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LINKS_MAX = 40 };

/* One more component onto a path without links; "" is the root. */
static int step(char at[PATH_MAX], const char *name, size_t len)
{
	size_t used = strlen(at);

	if (!len || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && !memcmp(name, "..", 2)) {
		char *slash = strrchr(at, '/');

		if (slash)
			*slash = '\0';
		return 0;
	}
	if (used + len + 2 > PATH_MAX)
		return -ENAMETOOLONG;
	at[used] = '/';
	memcpy(at + used + 1, name, len);
	at[used + 1 + len] = '\0';
	return 0;
}

/* When 'at' is a link: puts its text before the rest of the way, and takes at back to where the
 * text starts. 1: it was one. */
static int expand(int root_fd, char at[PATH_MAX], char todo[2 * PATH_MAX])
{
	own_fd int fd = io_open_in(root_fd, at, O_PATH, NULL);
	own_buf struct buf link = BUF_INIT(PATH_MAX - 1);
	size_t rest = strlen(todo);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	if (io_read_link(fd, "", &link, NULL) < 0 || link.len + rest + 2 > 2 * PATH_MAX)
		return -ENAMETOOLONG;
	memmove(todo + link.len + 1, todo, rest + 1);
	memcpy(todo, buf_str(&link), link.len);
	todo[link.len] = '/';
	if (todo[0] == '/')
		at[0] = '\0';
	else
		(void)step(at, "..", 2);
	return 1;
}

/* What openat2 does on newer kernels, for directories of the host: links are followed inside
 * its root. The host's own links do not change under us on purpose. */
static int open_following(int root_fd, const char *path, int flags, struct err *e)
{
	char at[PATH_MAX] = "", todo[2 * PATH_MAX];
	unsigned links = 0;
	int rc = strlen(path) < PATH_MAX ? 0 : -ENAMETOOLONG;

	if (!rc)
		memcpy(todo, path, strlen(path) + 1);
	while (!rc && todo[strspn(todo, "/")]) {
		const char *name = todo + strspn(todo, "/");
		size_t len = strcspn(name, "/");

		rc = step(at, name, len);
		memmove(todo, name + len, strlen(name + len) + 1);
		if (!rc && at[0])
			rc = expand(root_fd, at, todo);
		if (rc == 1)
			rc = ++links > LINKS_MAX ? -ELOOP : 0;
	}
	if (rc < 0)
		return err_set(e, -rc, "open %s: %s", path, strerror(-rc));
	return io_open_in(root_fd, at[0] ? at : "/", flags, e);
}

int hostfs_open_dir(int root_fd, const char *path, struct err *e)
{
	char dotted[PATH_MAX];
	int fd;

	/* "/." makes the last component an inner one, where a link is followed. */
	if ((size_t)snprintf(dotted, sizeof(dotted), "%s/.", path) >= sizeof(dotted))
		return err_set(e, ENAMETOOLONG, "path too long");
	fd = io_open_in(root_fd, dotted, O_PATH | O_DIRECTORY, e);
	if (fd == -ELOOP || fd == -ENOTDIR || fd == -EXDEV)
		fd = open_following(root_fd, path, O_PATH | O_DIRECTORY, e);
	return fd;
}

/* A file: links may lead to its directory, itself it is none. */
static int open_file(int root_fd, const char *path, int flags, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	own_fd int dir = -1;
	int fd = io_open_in(root_fd, path, flags, e);

	if ((fd != -ELOOP && fd != -ENOTDIR && fd != -EXDEV) || !slash ||
		(size_t)(slash - path) >= sizeof(parent))
		return fd;
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	dir = hostfs_open_dir(root_fd, parent, e);
	return dir < 0 ? dir : io_open_in(dir, slash + 1, flags, e);
}

int hostfs_open_file(int root_fd, const char *path, struct err *e)
{
	own_fd int fd = open_file(root_fd, path, O_RDONLY, e);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	return take_fd(&fd);
}

bool hostfs_is_dir(int root_fd, const char *path)
{
	own_fd int fd = hostfs_open_dir(root_fd, path, NULL);

	return fd >= 0;
}

bool hostfs_is_file(int root_fd, const char *path)
{
	own_fd int fd = open_file(root_fd, path, O_PATH, NULL);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

uid_t hostfs_owner(int root_fd, const char *path)
{
	own_fd int fd = hostfs_open_dir(root_fd, path, NULL);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_uid : (uid_t)-1;
}

json_t *hostfs_json(int root_fd, const char *path, struct err *e)
{
	own_fd int fd = hostfs_open_file(root_fd, path, e);
	own_buf struct buf text = BUF_INIT(JSONX_MAX);
	struct stat st;
	json_t *root;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0)
		return NULL;
	if (st.st_mode & S_IWOTH) {
		err_set(e, EPERM, "%s: everybody may write it", path);
		return NULL;
	}
	if (io_read_all(fd, &text, e) < 0) {
		err_wrap(e, e ? -e->code : -EIO, "%s", path);
		return NULL;
	}
	root = jsonx_parse(buf_str(&text), text.len, e);
	if (!root)
		err_wrap(e, e ? -e->code : -EINVAL, "%s", path);
	return root;
}

int hostfs_line(int root_fd, const char *path, char *ret, size_t size, struct err *e)
{
	own_fd int fd = hostfs_open_file(root_fd, path, e);
	own_buf struct buf b = BUF_INIT(size - 1);
	int rc = fd < 0 ? fd : io_read_all(fd, &b, e);
	size_t len;

	if (rc < 0)
		return rc;
	len = strcspn(buf_str(&b), "\n");
	memcpy(ret, buf_str(&b), len);
	ret[len] = '\0';
	return 0;
}

static void closedir_(DIR **d)
{
	if (*d)
		closedir(*d);
}

int hostfs_each_name(int root_fd, const char *path, int (*each)(const char *name, void *arg),
	void *arg, struct err *e)
{
	own_fd int at = hostfs_open_dir(root_fd, path, e);
	own_fd int fd = at < 0 ? -1 : openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(closedir_))) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (at == -ENOENT || at == -ENOTDIR)
		return 0;
	if (!dir)
		return at < 0 ? at : err_errno(e, "list %s", path);
	(void)take_fd(&fd);
	for (errno = 0; (d = readdir(dir)); errno = 0) {
		int rc;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		rc = each(d->d_name, arg);
		if (rc)
			return rc;
	}
	return errno ? err_errno(e, "list %s", path) : 0;
}
