/* SPDX-License-Identifier: Apache-2.0 */
/* outplace - whether a bundle may be written where it is to go. */
#include "outplace.h"
#include "buf.h"
#include "hostfs.h"
#include "own.h"
#include "run.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define KUBELET "var/lib/kubelet"

enum {
	KUBELET_PERCENT = 15,
	ROOM_LEAST_MIB = 64, /* above the reserve: less holds no bundle worth its name */
	FOLDERS = 4,	     /* of a target: root, upper layer, volumes, logs */
	DEPTH_MAX = 4096,    /* folders above the output */
	SIZE_TEXT = 32,
};

struct folder {
	const char *what;
	dev_t dev;
	ino_t ino;
};

struct folders {
	struct folder at[FOLDERS];
	size_t n;
};

static void add(struct folders *f, const char *what, int fd)
{
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		f->at[f->n++] = (struct folder){what, st.st_dev, st.st_ino};
}

static void add_path(struct folders *f, const char *what, int root_fd, const char *path)
{
	own_fd int fd = hostfs_open_dir(root_fd, path, NULL);

	add(f, what, fd);
}

static bool same_folder(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* Where a target shares the host's root, everything is in it. */
static bool root_is_its_own(const struct run *r, const struct target *t)
{
	own_fd int ours = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return !t->host_namespaces && !t->host_root && t->fd[TFD_ROOT] >= 0 &&
	       !same_folder(t->fd[TFD_ROOT], r->host.at.root_fd) &&
	       !(ours >= 0 && same_folder(t->fd[TFD_ROOT], ours));
}

static void folders_of(const struct run *r, const struct target *t, struct folders *ret)
{
	char path[PATH_MAX];

	ret->n = 0;
	if (root_is_its_own(r, t))
		add(ret, "the target's root", t->fd[TFD_ROOT]);
	add(ret, "the target's writable layer", t->fd[TFD_UPPER]);
	if (!t->pod_uid[0])
		return;
	snprintf(path, sizeof(path), KUBELET "/pods/%s", t->pod_uid);
	add_path(ret, "the pod's volumes", r->host.at.root_fd, path);
	snprintf(path, sizeof(path), "var/log/pods/%s_%s_%s", t->pod_namespace, t->pod_name,
		t->pod_uid);
	add_path(ret, "the pod's logs", r->host.at.root_fd, path);
}

/* What of those dir_fd is or is below, NULL: nothing. */
static const char *inside(const struct folders *f, int dir_fd)
{
	own_fd int at = openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int depth = 0; at >= 0 && depth < DEPTH_MAX; depth++) {
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct stat st;
		bool top;

		for (size_t i = 0; i < f->n && fstat(at, &st) == 0; i++)
			if (f->at[i].dev == st.st_dev && f->at[i].ino == st.st_ino) {
				own_fd_(&up);
				return f->at[i].what;
			}
		top = up >= 0 && same_folder(at, up);
		own_fd_(&at);
		at = up;
		if (top)
			break;
	}
	return NULL;
}

static uint64_t free_bytes(int dir_fd)
{
	struct statvfs fs;

	return fstatvfs(dir_fd, &fs) < 0 ? UINT64_MAX : (uint64_t)fs.f_bavail * fs.f_frsize;
}

uint64_t outplace_reserve(const struct host *h, int dir_fd)
{
	own_fd int kubelet = hostfs_open_dir(h->at.root_fd, KUBELET, NULL);
	struct statvfs fs;
	struct stat a, b;

	if (kubelet < 0 || dir_fd < 0 || fstat(kubelet, &a) < 0 || fstat(dir_fd, &b) < 0 ||
		a.st_dev != b.st_dev || fstatvfs(dir_fd, &fs) < 0)
		return 0;
	return (uint64_t)fs.f_blocks * fs.f_frsize / 100 * KUBELET_PERCENT;
}

static int check_room(const struct run *r, int dir_fd, struct err *e)
{
	uint64_t reserve = outplace_reserve(&r->host, dir_fd), have = free_bytes(dir_fd);
	own_buf struct buf left = BUF_INIT(SIZE_TEXT), keep = BUF_INIT(SIZE_TEXT);

	if (!reserve || have >= reserve + ((uint64_t)ROOM_LEAST_MIB << 20))
		return 0;
	text_size(&left, have);
	text_size(&keep, reserve);
	return err_set(e, EPERM,
		"%s free on the disk the kubelet watches: below %s it may end pods for want of "
		"disk; --output on another disk, or - to stream it away, or --force",
		buf_str(&left), buf_str(&keep));
}

int outplace_check(const struct run *r, int dir_fd, struct err *e)
{
	if (dir_fd < 0)
		return 0;
	for (size_t i = 0; i < r->places; i++) {
		struct folders f;
		const char *what;

		folders_of(r, r->place[i].target, &f);
		what = inside(&f, dir_fd);
		if (what)
			return err_set(e, EPERM,
				"the output is in %s: it would change what is collected, and count "
				"against its storage; --output elsewhere, or --force",
				what);
	}
	return check_room(r, dir_fd, e);
}
