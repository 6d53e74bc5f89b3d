/* SPDX-License-Identifier: Apache-2.0 */
/* outsiders - who would be frozen that should not be. */
#include "outsiders.h"
#include "buf.h"
#include "freezer.h"
#include "io.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { CGROUP_MAX = 64 << 10 };

struct looking {
	const struct freezer *f;
	const struct target *t;
	int proc_fd;
	uint64_t host_pidns, host_mntns; /* 0: not known */
	bool found;			 /* the target's first process */
	pid_t foreign;
};

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	path += strspn(path, "/");
	return !strncmp(path, top, n) && (path[n] == '/' || !path[n]);
}

static bool has_controller(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ',') && (at[n] == ',' || !at[n]))
			return true;
	return false;
}

/* A reader in a cgroup namespace sees others as "/../../NAME". */
static const char *skip_up(const char *path)
{
	while (!strncmp(path, "/..", 3) && (path[3] == '/' || !path[3]))
		path += 3;
	return path;
}

/* Is this process (a /proc directory) in the cgroup, or below? */
static bool is_inside(const struct freezer *f, int pid_fd)
{
	own_buf struct buf text = BUF_INIT(CGROUP_MAX);
	char *rest, *line;

	if (io_read_file(pid_fd, "cgroup", &text, NULL) < 0 || !text.len)
		return false;
	rest = text.data;
	while ((line = procfs_next_line(&rest))) {
		struct procfs_cgroup cg;

		if (procfs_parse_cgroup(line, &cg) < 0)
			continue;
		if (f->kind == FREEZER_V2 ? !*cg.controllers && !strcmp(cg.hierarchy, "0")
					  : has_controller(cg.controllers, "freezer"))
			return is_below(skip_up(cg.path), f->path);
	}
	return false;
}

static const struct target_member *find_member(const struct target *t, pid_t pid)
{
	for (unsigned i = 0; i < t->members; i++)
		if (t->member[i].pid == pid)
			return &t->member[i];
	return NULL;
}

/* A pod's containers have a root each: one is its first process's, the others are members'. */
static bool is_a_members(const struct looking *l, uint64_t mntns)
{
	for (unsigned i = 0; i < l->t->members; i++) {
		own_fd int fd = procfs_open_pid(l->proc_fd, l->t->member[i].pid, NULL);
		uint64_t ns = 0;

		if (fd >= 0 && procfs_ns_inode(fd, "mnt", &ns, NULL) == 0 && ns == mntns)
			return true;
	}
	return false;
}

/* Born since the members were counted: of a member, or in namespaces that only the target has. */
static bool is_newborn(const struct looking *l, int pid_fd)
{
	struct procfs_stat st;
	uint64_t pidns = 0, mntns = 0;

	if (procfs_read_stat(pid_fd, &st, NULL) < 0)
		return true; /* and gone already */
	if (find_member(l->t, st.ppid))
		return true;
	(void)!procfs_ns_inode(pid_fd, "pid", &pidns, NULL);
	(void)!procfs_ns_inode(pid_fd, "mnt", &mntns, NULL);
	if (l->t->host_namespaces)
		return false;
	if (pidns && pidns == l->t->ns_pid && pidns != l->host_pidns)
		return true;
	return mntns && mntns != l->host_mntns && (mntns == l->t->ns_mnt || is_a_members(l, mntns));
}

static int look_at(pid_t pid, void *arg)
{
	struct looking *l = arg;
	own_fd int fd = procfs_open_pid(l->proc_fd, pid, NULL);

	if (fd < 0)
		return 0;
	if (find_member(l->t, pid)) {
		l->found |= pid == l->t->pid && is_inside(l->f, fd);
		return 0;
	}
	if (is_inside(l->f, fd) && !is_newborn(l, fd))
		l->foreign = pid;
	return l->foreign != 0;
}

static uint64_t host_namespace(int proc_fd, int self, const char *name)
{
	own_fd int init = procfs_open_pid(proc_fd, 1, NULL);
	uint64_t ns;

	if (init >= 0 && procfs_ns_inode(init, name, &ns, NULL) == 0)
		return ns;
	/* init may be hidden from us: we are none of the target's */
	return procfs_ns_inode(self, name, &ns, NULL) == 0 ? ns : 0;
}

/* The host's /proc does not show who is in a PID namespace beside it. */
static int open_self(int proc_fd)
{
	int fd = openat(proc_fd, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int outsiders_check(const struct freezer *f, const struct target_host *host, const struct target *t,
	struct err *e)
{
	struct looking l = {.f = f, .t = t, .proc_fd = host->proc_fd};
	own_fd int self = open_self(host->proc_fd);
	int rc;

	if (self < 0)
		return err_errno(e, "open ourselves in /proc");
	if (is_inside(f, self))
		return err_set(e, EBUSY, "we run in its cgroup");
	l.host_pidns = host_namespace(host->proc_fd, self, "pid");
	l.host_mntns = host_namespace(host->proc_fd, self, "mnt");
	rc = procfs_each_number(host->proc_fd, look_at, &l, e);
	if (rc < 0)
		return rc;
	if (l.foreign)
		return err_set(e, EBUSY,
			"process %d, which is none of the target's, is in its cgroup",
			(int)l.foreign);
	return l.found ? 0 : err_set(e, ENOENT, "the first process of the target is not in it");
}
