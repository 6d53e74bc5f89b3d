/* SPDX-License-Identifier: Apache-2.0 */
/* host - where the host's root directory and its /proc are seen from here. */
#include "host.h"
#include "ns.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The inode of the first PID namespace, since Linux 3.8 (PROC_PID_INIT_INO). */
#define PIDNS_INITIAL 0xEFFFFFFCU
/* And of the first cgroup namespace, since Linux 4.6 (PROC_CGROUP_INIT_INO). */
#define CGROUPNS_INITIAL 0xEFFFFFFBU

/* Is it the proc of the initial PID namespace? "self" in another one shows nothing. */
static bool shows_all(int proc_fd)
{
	struct stat st;

	return !fstatat(proc_fd, "self/ns/pid", &st, 0) && st.st_ino == PIDNS_INITIAL;
}

static int open_proc(const char *path)
{
	own_fd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !procfs_is_root(fd))
		return -1;
	return take_fd(&fd);
}

/* Our own /proc where it shows everything; else the one below the root that was found. */
static int find_proc(struct host *h, struct err *e)
{
	own_fd int ours = open_proc("/proc"), theirs = -1;
	char path[sizeof(h->root) + 8];

	snprintf(path, sizeof(path), "%s/proc", strcmp(h->root, "/") ? h->root : "");
	theirs = ours >= 0 && shows_all(ours) ? -1 : open_proc(path);
	if (theirs >= 0 && shows_all(theirs)) {
		snprintf(h->proc, sizeof(h->proc), "%.*s", (int)sizeof(h->proc) - 1, path);
		h->at.proc_fd = take_fd(&theirs);
	} else {
		snprintf(h->proc, sizeof(h->proc), "/proc");
		h->at.proc_fd = take_fd(&ours);
	}
	if (h->at.proc_fd < 0)
		return err_set(
			e, ENOENT, "/proc is not a proc file system: mount -t proc proc /proc");
	h->all_processes = shows_all(h->at.proc_fd);
	return 0;
}

static int open_root(struct host *h, const char *path, struct err *e)
{
	if (strlen(path) >= sizeof(h->root))
		return err_set(e, ENAMETOOLONG, "host root: path too long");
	h->at.root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->at.root_fd < 0)
		return err_errno(e, "open the host's root %.128s", path);
	snprintf(h->root, sizeof(h->root), "%s", path);
	return 0;
}

static bool same_directory(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/*
 * With the host's processes in sight, process 1 tells which root is the host's, and /host
 * (where kubectl debug puts it) is preferred to the way through /proc/1, which ends with
 * process 1's namespace. Without them /host is believed when it looks like a root.
 */
static const char *find_root(void)
{
	own_fd int proc = open_proc("/proc");

	if (proc >= 0 && shows_all(proc) && !access("/proc/1/root/", X_OK)) {
		if (same_directory("/proc/1/root", "/host"))
			return "/host";
		return same_directory("/proc/1/root", "/") ? "/" : "/proc/1/root";
	}
	return access("/host/proc/1/status", F_OK) == 0 ? "/host" : "/";
}

static int enter_if_initial(pid_t pid, void *arg)
{
	const struct host *h = arg;
	own_fd int fd = -1;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "%d/ns/cgroup", (int)pid);
	fd = openat(h->at.proc_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != CGROUPNS_INITIAL)
		return 0;
	return ns_enter_cgroup(fd, NULL) == 0;
}

/* In a pod we have a cgroup namespace of our own, where a path of the host's begins somewhere
 * between it and us: no cgroup would be found by it. Process 1 is asked first; it may have
 * rights that we lack, and is closed to us then. */
static void join_cgroups(struct host *h)
{
	struct stat st;

	if (!h->all_processes || fstatat(h->at.proc_fd, "self/ns/cgroup", &st, 0) < 0 ||
		st.st_ino == CGROUPNS_INITIAL)
		return;
	(void)!procfs_each_number(h->at.proc_fd, enter_if_initial, h, NULL);
}

int host_open(const char *given, struct host *ret, struct err *e)
{
	own_host struct host h = HOST_INIT;
	int rc = open_root(&h, given ? given : find_root(), e);

	if (!rc)
		rc = find_proc(&h, e);
	if (rc < 0)
		return rc;
	join_cgroups(&h);
	*ret = h;
	h = HOST_INIT;
	return 0;
}

void host_close(struct host *h)
{
	own_fd_(&h->at.root_fd);
	own_fd_(&h->at.proc_fd);
	*h = HOST_INIT;
}
