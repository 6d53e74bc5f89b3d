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

int hostfs_open_dir(int root_fd, const char *path, struct err *e)
{
	char dotted[PATH_MAX];

	/* "/." makes the last component an inner one, where a link is followed. */
	if ((size_t)snprintf(dotted, sizeof(dotted), "%s/.", path) >= sizeof(dotted))
		return err_set(e, ENAMETOOLONG, "path too long");
	return io_open_in(root_fd, dotted, O_PATH | O_DIRECTORY, e);
}

bool hostfs_is_dir(int root_fd, const char *path)
{
	own_fd int fd = hostfs_open_dir(root_fd, path, NULL);

	return fd >= 0;
}

bool hostfs_is_file(int root_fd, const char *path)
{
	own_fd int fd = io_open_in(root_fd, path, O_PATH, NULL);
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
	own_fd int fd = io_open_in(root_fd, path, O_RDONLY, e);
	own_buf struct buf text = BUF_INIT(JSONX_MAX);
	struct stat st;
	json_t *root;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_set(e, EINVAL, "%s: not a regular file", path);
		return NULL;
	}
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
	own_buf struct buf b = BUF_INIT(size - 1);
	int rc = io_read_file(root_fd, path, &b, e);
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
