/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* io - opening and reading what somebody else controls. All descriptors are
 * close-on-exec. Names are bytes; nothing here interprets them. */
#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens a path below dirfd as if dirfd were the root: absolute links and ".."
 * stay inside, magic links are refused (openat2, RESOLVE_IN_ROOT |
 * RESOLVE_NO_MAGICLINKS; bounded retries on EAGAIN, then and on kernels before
 * 5.6 a walk one component at a time with the same meaning). O_CLOEXEC, O_NOFOLLOW,
 * O_NONBLOCK and O_NOCTTY are added: a link as the last component is -ELOOP
 * unless flags hold O_PATH. Returns a descriptor or a negative errno.
 */
int io_open_in(int dirfd, const char *path, int flags, struct err *e) must_check;

/* 0, or why openat2 does not answer: -ENOSYS before Linux 5.6, -EPERM under some filters. */
int io_probe_openat2(void) must_check;

/*
 * Opens ONE name (no '/', not "." or "..") of the directory dirfd as O_PATH
 * without following a link or mounting anything, and stats it. Stays on the
 * directory's file system only if the caller compares st_dev.
 */
int io_open_name(int dirfd, const char *name, struct stat *ret_st, struct err *e) must_check;

/*
 * Turns an O_PATH descriptor of a regular file or directory into a readable
 * one, through /proc/self/fd: the object cannot be swapped in between.
 * O_NOATIME is tried and dropped when not permitted. Anything that is not a
 * regular file or directory: -EINVAL, and it is not opened.
 */
int io_reopen(int path_fd, struct err *e) must_check;

/*
 * The same for one name of a directory on a mount without devices (MNT_NODEV, io_has_no_devices())
 * in one step: a device is refused, a FIFO is opened without waiting and closed again, anything
 * but a regular file is -EINVAL. *ret_st is of what was opened.
 */
int io_open_file(int dirfd, const char *name, struct stat *ret_st, struct err *e) must_check;
bool io_has_no_devices(int fd);

/* Reads until EOF into b (adds; b's maximum is the limit). -EFBIG when there was more:
 * b then holds the first bytes. */
int io_read_all(int fd, struct buf *b, struct err *e) must_check;
/* io_open_in + regular file check + io_read_all: state files, /proc text. */
int io_read_file(int dirfd, const char *path, struct buf *b, struct err *e) must_check;
/* The target of a symbolic link, any length up to 64 KiB, added to b. name may be "" for an
 * O_PATH descriptor. */
int io_read_link(int dirfd, const char *name, struct buf *b, struct err *e) must_check;

/* Retry EINTR and short transfers. io_read: bytes read, less than n only at EOF. */
ssize_t io_read(int fd, void *p, size_t n);
ssize_t io_pread(int fd, void *p, size_t n, off_t off);
int io_write(int fd, const void *p, size_t n);
int io_pwrite(int fd, const void *p, size_t n, off_t off);

/* An unnamed file in dirfd (O_TMPFILE), or a memfd when dirfd is -1 or cannot make one. */
int io_spool(int dirfd, struct err *e) must_check;
