/* SPDX-License-Identifier: Apache-2.0 */
/* attach - binds a struct target to its live init process. */
#include "attach.h"
#include "buf.h"
#include "cgroup.h"
#include "io.h"
#include "members.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"
#include "record.h"
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

struct thread_pick {
	int task_fd;
	int fd; /* of a thread that still has namespaces */
};

static int pick_thread(pid_t tid, void *arg)
{
	struct thread_pick *p = arg;
	own_fd int fd = procfs_open_pid(p->task_fd, tid, NULL);
	uint64_t ns;

	if (fd < 0 || procfs_ns_inode(fd, "mnt", &ns, NULL) < 0)
		return 0;
	p->fd = take_fd(&fd);
	return 1;
}

/* The process itself, or a live thread of it when its leader has exited. */
static int open_live(int proc_fd, struct err *e)
{
	own_fd int task = -1;
	struct thread_pick pick = {-1, -1};
	uint64_t ns;
	int rc = procfs_ns_inode(proc_fd, "mnt", &ns, e);

	if (rc == 0 || rc == -EACCES || rc == -EPERM)
		return rc < 0 ? rc : openat(proc_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	task = openat(proc_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pick.task_fd = task;
	if (task < 0 || procfs_each_number(task, pick_thread, &pick, e) < 0 || pick.fd < 0)
		return err_set(e, ESRCH, "the process has ended");
	return pick.fd;
}

static int read_namespaces(int fd, struct target *t, struct err *e)
{
	struct {
		const char *name;
		uint64_t *ret;
	} const all[] = {
		{"pid", &t->ns_pid},
		{"mnt", &t->ns_mnt},
		{"net", &t->ns_net},
		{"user", &t->ns_user},
		{"ipc", &t->ns_ipc},
		{"uts", &t->ns_uts},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int rc = procfs_ns_inode(fd, all[i].name, all[i].ret, e);

		if (rc < 0)
			return rc;
	}
	if (procfs_ns_inode(fd, "cgroup", &t->ns_cgroup, NULL) < 0)
		t->ns_cgroup = 0;
	return 0;
}

/* Only where /proc numbers processes as we do. */
static int open_pidfd(int proc_fd, pid_t pid)
{
	if (proctab_self(proc_fd) != getpid())
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

void attach_reset(struct target *t)
{
	for (unsigned i = 0; i < TARGET_FDS; i++)
		t->fd[i] = -1;
}

void attach_close(struct target *t)
{
	for (unsigned i = 0; i < TARGET_FDS; i++)
		own_fd_(&t->fd[i]);
	attach_reset(t);
}

static int open_all(const struct target_host *host, struct target *t, pid_t pid, struct err *e)
{
	own_fd int live = open_live(t->fd[TFD_PROC], e);

	if (live < 0)
		return live;
	t->fd[TFD_PIDFD] = open_pidfd(host->proc_fd, pid);
	t->fd[TFD_NETNS] = openat(live, "ns/net", O_RDONLY | O_CLOEXEC);
	t->fd[TFD_MNTNS] = openat(live, "ns/mnt", O_RDONLY | O_CLOEXEC);
	/* the one link that is followed: to a directory the kernel names, not the target */
	t->fd[TFD_ROOT] = openat(live, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->fd[TFD_NETNS] < 0 || t->fd[TFD_MNTNS] < 0 || t->fd[TFD_ROOT] < 0)
		return err_errno(e, "open the namespaces of process %d", (int)pid);
	return read_namespaces(live, t, e);
}

static int try_attach(const struct target_host *host, struct target *t, pid_t pid,
	uint64_t start_ticks, struct err *e)
{
	struct procfs_stat before, after;
	struct host_namespaces ns;
	int rc;

	t->fd[TFD_PROC] = procfs_open_pid(host->proc_fd, pid, e);
	if (t->fd[TFD_PROC] < 0)
		return err_set(e, ESRCH, "no process %d", (int)pid);
	rc = procfs_read_stat(t->fd[TFD_PROC], &before, e);
	if (!rc && start_ticks && before.start_ticks != start_ticks)
		return err_set(e, ESRCH, "process %d is another one by now", (int)pid);
	if (!rc)
		rc = open_all(host, t, pid, e);
	if (!rc)
		rc = procfs_read_stat(t->fd[TFD_PROC], &after, e);
	if (rc < 0)
		return rc == -ENOENT ? -ESRCH : rc;
	if (after.start_ticks != before.start_ticks)
		return err_set(e, ESRCH, "process %d is another one by now", (int)pid);
	members_host_namespaces(host->proc_fd, &ns);
	t->pid = pid;
	t->start_ticks = before.start_ticks;
	t->host_namespaces = t->ns_mnt == ns.mnt && t->ns_pid == ns.pid;
	return 0;
}

int attach_process(const struct target_host *host, struct target *t, pid_t pid,
	uint64_t start_ticks, struct err *e)
{
	int rc = try_attach(host, t, pid, start_ticks, e);

	if (rc == -EACCES)
		return err_set(e, EPERM,
			"process %d may not be inspected: CAP_SYS_PTRACE is missing, or a security "
			"module forbids it ('taphos doctor')",
			(int)pid);
	if (rc < 0) {
		attach_close(t);
		t->ns_pid = t->ns_mnt = t->ns_net = t->ns_user = 0;
		t->ns_ipc = t->ns_uts = t->ns_cgroup = 0;
	}
	return rc;
}

int attach_read(const struct target *t, const char *name, struct buf *b, struct err *e)
{
	own_fd int live = open_live(t->fd[TFD_PROC], e);

	return live < 0 ? live : io_read_file(live, name, b, e);
}

/* The cgroup's name tells the pod, too. */
static void compare_pod(struct target *t, const char *path)
{
	struct cgroup_id found;

	if (!cgroup_identify(path, &found) || !found.pod_uid[0])
		return;
	if (!t->pod_uid[0])
		RECORD_FIELD(t, t->pod_uid, found.pod_uid);
	else if (strcmp(t->pod_uid, found.pod_uid) != 0)
		record_finding(t, "the container's cgroup is of pod %s, the runtime says %s",
			found.pod_uid, t->pod_uid);
}

/* The part of a path that is the container's own; 0: none of it. */
static size_t own_part(const char *path, const char *id, const char *declared)
{
	struct cgroup_id found;

	if (*id && cgroup_identify(path, &found) && !strcmp(found.id, id))
		return found.own_len;
	return cgroup_is_below(path, declared) ? strlen(declared) : 0;
}

int attach_cgroup(struct target *t, const struct container *c, struct err *e)
{
	own_buf struct buf text = BUF_INIT(64 << 10);
	int rc = attach_read(t, "cgroup", &text, e);
	const char *at = buf_str(&text), *declared = c ? c->cgroup : "";
	struct cgroup_line line;
	bool any = false;

	if (rc < 0)
		return err_wrap(e, rc, "cgroup of process %d", (int)t->pid);
	while ((at = cgroup_next(at, &line))) {
		size_t own = own_part(line.path, t->id, declared);

		line.path[own] = '\0';
		any |= own > 0;
		compare_pod(t, line.path);
		if (own && line.unified)
			RECORD_FIELD(t, t->cgroup_v2, line.path);
		else if (own && (line.freezer || !t->cgroup_v1[0]))
			RECORD_FIELD(t, t->cgroup_v1, line.path);
	}
	if (!any && declared[0] == '/')
		record_finding(t, "the init process is not in the cgroup that the runtime made: %s",
			declared);
	return 0;
}
