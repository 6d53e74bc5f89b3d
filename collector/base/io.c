/* SPDX-License-Identifier: Apache-2.0 */
/* io - opening and reading what somebody else controls. */
#include "io.h"
#include "inroot.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define ALWAYS (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
/* O_PATH ignores or refuses the others. */
#define ALWAYS_PATH (O_CLOEXEC | O_NOFOLLOW)

enum { EAGAIN_TRIES = 32 }; /* a rename storm made 1 call in 10 fail: 32 in a row is no chance */

static int always(int flags)
{
	return flags | ((flags & O_PATH) ? ALWAYS_PATH : ALWAYS);
}

static int openat2_in(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)always(flags),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	for (int i = 0; i < EAGAIN_TRIES; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}

int io_probe_openat2(void)
{
	own_fd int fd = openat2_in(AT_FDCWD, ".", O_PATH);

	return fd < 0 ? -errno : 0;
}

int io_open_in(int dirfd, const char *path, int flags, struct err *e)
{
	int fd = openat2_in(dirfd, path, flags);

	if (fd < 0 && (errno == ENOSYS || errno == EAGAIN || errno == EPERM))
		fd = inroot_open(dirfd, path, always(flags));
	return fd < 0 ? err_errno(e, "open %s", path) : fd;
}

int io_open_name(int dirfd, const char *name, struct stat *ret_st, struct err *e)
{
	own_fd int fd = -1;
	struct stat st;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, EINVAL, "not a file name");
	fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "open");
	if (fstatat(fd, "", &st, AT_EMPTY_PATH | AT_NO_AUTOMOUNT) < 0)
		return err_errno(e, "stat");
	*ret_st = st;
	return take_fd(&fd);
}

int io_reopen(int path_fd, struct err *e)
{
	struct stat st;
	char link[32];
	int fd;

	if (fstatat(path_fd, "", &st, AT_EMPTY_PATH) < 0)
		return err_errno(e, "stat");
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return err_set(e, EINVAL, "neither a regular file nor a directory");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	/* O_NONBLOCK: a write lease gives EAGAIN instead of a wait of lease-break-time. */
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? err_errno(e, "open") : fd;
}

bool io_has_no_devices(int fd)
{
	struct statvfs s;

	return fstatvfs(fd, &s) == 0 && (s.f_flag & ST_NODEV);
}

int io_open_file(int dirfd, const char *name, struct stat *ret_st, struct err *e)
{
	own_fd int fd = -1;

	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(e, EINVAL, "not a file name");
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, ret_st) < 0)
		return err_errno(e, "open");
	return S_ISREG(ret_st->st_mode) ? take_fd(&fd) : err_set(e, EINVAL, "not a regular file");
}

int io_read_all(int fd, struct buf *b, struct err *e)
{
	char block[16384];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) != 0) {
		size_t take = (size_t)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "read");
		if (take > b->max - b->len)
			take = b->max - b->len;
		if (buf_add(b, block, take) < 0)
			return err_set(e, ENOMEM, "no memory");
		if (take < (size_t)n)
			return err_set(e, EFBIG, "more than %zu bytes", b->max);
	}
	return 0;
}

int io_read_file(int dirfd, const char *path, struct buf *b, struct err *e)
{
	own_fd int fd = io_open_in(dirfd, path, O_RDONLY, e);
	struct stat st;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	rc = io_read_all(fd, b, e);
	return rc < 0 ? err_wrap(e, rc, "%s", path) : 0;
}

int io_read_link(int dirfd, const char *name, struct buf *b, struct err *e)
{
	for (size_t size = 256; size <= 65536; size *= 4) {
		own_free char *text = malloc(size);
		ssize_t n = text ? readlinkat(dirfd, name, text, size) : -1;

		if (n < 0)
			return err_errno(e, "read link");
		if ((size_t)n == size)
			continue;
		return buf_add(b, text, (size_t)n) < 0 ? err_set(e, ENOSPC, "link too long") : 0;
	}
	return err_set(e, ENAMETOOLONG, "link too long");
}

ssize_t io_read(int fd, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, (char *)p + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

ssize_t io_pread(int fd, void *p, size_t n, off_t off)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, (char *)p + done, n - done, off + (off_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

int io_write(int fd, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = write(fd, (const char *)p + done, n - done);

		if (put < 0 && errno == EINTR)
			continue;
		/* somebody else's pipe or terminal may have been set not to block */
		if (put < 0 && errno == EAGAIN) {
			(void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
			continue;
		}
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		done += (size_t)put;
	}
	return 0;
}

int io_pwrite(int fd, const void *p, size_t n, off_t off)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = pwrite(fd, (const char *)p + done, n - done, off + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		done += (size_t)put;
	}
	return 0;
}

int io_spool(int dirfd, struct err *e)
{
	int fd = -1;

	if (dirfd >= 0)
		fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = memfd_create("taphos-spool", MFD_CLOEXEC);
	return fd < 0 ? err_errno(e, "make a spool file") : fd;
}
