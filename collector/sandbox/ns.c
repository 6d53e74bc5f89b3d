/* SPDX-License-Identifier: Apache-2.0 */
/* ns - the only file that enters a namespace. */
#include "ns.h"
#include "now.h"
#include "own.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

enum { NEWER_MAX = 16 }; /* mounts at one place since the table was read */

int ns_enter_net(int fd, struct err *e)
{
	return setns(fd, CLONE_NEWNET) < 0 ? err_errno(e, "enter the network namespace") : 0;
}

int ns_enter_mnt(int fd, struct err *e)
{
	return setns(fd, CLONE_NEWNS) < 0 ? err_errno(e, "enter the mount namespace") : 0;
}

int ns_enter_cgroup(int fd, struct err *e)
{
	return setns(fd, CLONE_NEWCGROUP) < 0 ? err_errno(e, "enter the cgroup namespace") : 0;
}

static int open_clone(const char *point)
{
	return open_tree(AT_FDCWD, point,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
}

static int make_harmless(int tree)
{
	struct mount_attr a = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			    MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME,
		.attr_clr = MOUNT_ATTR__ATIME,
		.propagation = MS_PRIVATE,
	};

	return mount_setattr(tree, "", AT_EMPTY_PATH, &a, sizeof(a));
}

static bool is_device(const struct target_mount *m, const struct statx *st)
{
	return st->stx_dev_major == m->major && st->stx_dev_minor == m->minor;
}

/* Is this another mount that we want, below mount i? */
static bool is_below(const struct target *t, unsigned i, const struct statx *st)
{
	for (unsigned k = 0; k < i; k++)
		if (is_device(&t->mount[k], st) && !strcmp(t->mount[k].point, t->mount[i].point))
			return true;
	return false;
}

/* What was mounted over it since the table was read is taken off first: our copy of the mounts
 * is nobody else's. -1 when the mount is not there any more. */
static int clone_mount(const struct target *t, unsigned i)
{
	const struct target_mount *m = &t->mount[i];

	for (int newer = 0; newer < NEWER_MAX; newer++) {
		own_fd int tree = open_clone(m->point);
		struct statx st;

		/* it may be a FUSE file system by now, whose server is not asked */
		if (tree < 0 || statx(tree, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0)
			return -1;
		if (is_device(m, &st))
			return make_harmless(tree) < 0 ? -1 : take_fd(&tree);
		if (!m->point[1] || is_below(t, i, &st) ||
			umount2(m->point, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return -1;
	}
	return -1;
}

static bool wanted(const struct target_mount *m)
{
	return m->id && m->point[0] == '/' && m->kind != MOUNT_PSEUDO && m->kind != MOUNT_FOREIGN;
}

/*
 * Our own copy of the mount table: unmounting in it uncovers what is below. The points in
 * mountinfo are seen from the target's root, which may lie below the namespace's own and need
 * not be a mount: so "/" becomes the target's root and "." stays the namespace's, and
 * unshare() carries both over to the copy.
 */
static int copy_namespace(int root, struct err *e)
{
	own_fd int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (top < 0 || fchdir(root) < 0 || chroot(".") < 0 || fchdir(top) < 0)
		return err_errno(e, "enter the target's root directory");
	if (unshare(CLONE_NEWNS) < 0)
		return err_errno(e, "copy the mount namespace");
	if (mount(NULL, ".", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_errno(e, "detach the copy of the mount namespace");
	return 0;
}

int ns_clone_directory(int fd, struct err *e)
{
	own_fd int tree = open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return tree < 0 || make_harmless(tree) < 0 ? err_errno(e, "clone a directory")
						   : take_fd(&tree);
}

static int send_root(int sock, struct err *e)
{
	struct wire_msg m = {.type = WIRE_FD, .kind = NS_ROOT};
	own_fd int tree = open_clone("/");

	return tree < 0 || make_harmless(tree) < 0 ? 0 : wire_send(sock, &m, tree, e);
}

int ns_send_mounts(const struct target *t, int sock, struct err *e)
{
	int rc = copy_namespace(t->fd[TFD_ROOT], e);

	if (rc < 0)
		return rc;
	rc = send_root(sock, e);
	if (rc < 0)
		return rc;
	for (unsigned i = t->mounts; i-- > 0;) {
		struct wire_msg m = {.type = WIRE_FD, .kind = i};
		own_fd int tree = wanted(&t->mount[i]) ? clone_mount(t, i) : -1;

		if (tree < 0)
			continue;
		rc = wire_send(sock, &m, tree, e);
		if (rc < 0)
			return rc;
		(void)umount2(t->mount[i].point, MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	return 0;
}

static int wait_readable(int sock, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};
	int64_t left = (int64_t)(deadline_ns - now_ns());

	return poll(&p, 1, left > 0 ? (int)(left / 1000000) + 1 : 0);
}

int ns_receive_mounts(const struct target *t, int sock, uint64_t deadline_ns, int *ret,
	int *ret_root, struct err *e)
{
	*ret_root = -1;
	for (unsigned i = 0; i < t->mounts; i++)
		ret[i] = -1;
	while (wait_readable(sock, deadline_ns) > 0) {
		struct wire_msg m;
		own_fd int fd = -1;
		int rc = wire_recv(sock, &m, &fd, false, e);

		if (rc == 0)
			return 0;
		if (rc < 0)
			return rc;
		if (m.type == WIRE_FD && m.kind == NS_ROOT && *ret_root < 0)
			*ret_root = take_fd(&fd);
		if (m.type == WIRE_FD && m.kind < t->mounts && ret[m.kind] < 0)
			ret[m.kind] = take_fd(&fd);
	}
	return err_set(e, ETIMEDOUT, "clone the mounts: no answer in time");
}
