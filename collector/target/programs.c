/* SPDX-License-Identifier: Apache-2.0 */
/* programs - the container runtimes of a node, as programs. */
#include "programs.h"
#include "buf.h"
#include "elffile.h"
#include "hostfs.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { NOTE_GO_BUILD_ID = 4 }; /* of the owner "Go" */

static const char *const names[] = {"dockerd", "containerd", "containerd-shim",
	"containerd-shim-runc-v1", "containerd-shim-runc-v2", "cri-dockerd", "crio", "kubelet",
	"k3s", "k0s", "runc", "crun", "runsc", "kata-runtime", "youki", "podman", "conmon",
	"conmonrs", NULL};

static bool is_runtime(const char *name)
{
	if (!strncmp(name, "containerd-shim", strlen("containerd-shim")))
		return true;
	for (size_t i = 0; names[i]; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void read_elf(int fd, struct program *p)
{
	struct elffile f;
	int len;

	if (elffile_open(fd, &f, NULL) < 0)
		return;
	len = elffile_note(&f, ELF_NOTE_GNU, NT_GNU_BUILD_ID, p->id, sizeof(p->id));
	p->id_len = len < 0 ? 0 : (unsigned)len;
	if (elffile_note(&f, "Go", NOTE_GO_BUILD_ID, p->go_id, sizeof(p->go_id) - 1) < 0)
		p->go_id[0] = '\0';
	(void)!goinfo_read(&f, &p->go, NULL);
}

/* The row of a program, made when it is new. NULL: no row is left, or it is no regular file. */
static struct program *row_of(struct programs *all, int fd, const char *path, bool replaced)
{
	struct program *p = &all->program[all->count];
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	for (unsigned i = 0; i < all->count; i++)
		if (all->program[i].dev == st.st_dev && all->program[i].ino == st.st_ino)
			return &all->program[i];
	if (all->count == PROGRAMS_MAX || strlen(path) >= sizeof(p->path)) {
		all->truncated = true;
		return NULL;
	}
	snprintf(p->path, sizeof(p->path), "%s", path);
	p->replaced = replaced;
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	p->size = (uint64_t)st.st_size;
	p->mtime = st.st_mtim;
	read_elf(fd, p);
	all->count++;
	return p;
}

/* --- those that are installed --- */

static void find_installed(const struct target_host *host, struct programs *all)
{
	/* what is a link to another one of them is that one's file */
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin",
		"/usr/local/sbin", "/bin", "/sbin", "/usr/libexec/podman", "/usr/libexec/crio",
		"/opt/bin"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		own_fd int dir = hostfs_open_dir(host->root_fd, folders[i], NULL);

		for (size_t k = 0; dir >= 0 && names[k]; k++) {
			own_fd int fd = io_open_in(dir, names[k], O_RDONLY, NULL);
			char path[128];

			snprintf(path, sizeof(path), "%s/%s", folders[i], names[k]);
			if (fd >= 0)
				(void)row_of(all, fd, path, false);
		}
	}
}

/* --- those that run --- */

struct scan {
	const struct target_host *host;
	struct programs *all;
	uint64_t ns_mnt; /* the host's */
};

static bool shares_mounts(const struct scan *s, int pid_fd)
{
	uint64_t ns;

	return procfs_ns_inode(pid_fd, "mnt", &ns, NULL) == 0 && ns == s->ns_mnt;
}

/* Is the file of that path still the one that runs? */
static bool is_still(const struct scan *s, int fd, const char *path)
{
	own_fd int now = hostfs_open_file(s->host->root_fd, path, NULL);
	struct stat a, b;

	return now >= 0 && fstat(fd, &a) == 0 && fstat(now, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/*
 * A name proves nothing, so the namespace is asked before the file is touched: a container may
 * call its program dockerd, and have a file system of its own behind it that never answers.
 */
static int find_running(pid_t pid, void *arg)
{
	struct scan *s = arg;
	char link[32], path[PATH_MAX];
	own_fd int dir = -1, exe = -1, fd = -1;
	struct program *p;
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "%d/exe", (int)pid);
	n = readlinkat(s->host->proc_fd, link, path, sizeof(path) - 1);
	if (n <= 0)
		return 0; /* a thread of the kernel, or it has ended */
	if (procfs_says_deleted(path, (size_t)n))
		n -= (ssize_t)strlen(" (deleted)");
	path[n] = '\0';
	name = strrchr(path, '/');
	if (!name || !is_runtime(name + 1))
		return 0;
	dir = procfs_open_pid(s->host->proc_fd, pid, NULL);
	if (dir < 0 || !shares_mounts(s, dir))
		return 0;
	exe = openat(dir, "exe", O_PATH | O_CLOEXEC);
	fd = exe < 0 ? -1 : io_reopen(exe, NULL);
	p = fd < 0 ? NULL : row_of(s->all, fd, path, !is_still(s, fd, path));
	if (!p)
		return 0;
	if (p->processes < PROGRAMS_PIDS)
		p->pid[p->processes] = pid;
	p->processes++;
	return 0;
}

static int namespace_of(int proc_fd, pid_t pid, uint64_t *ret, struct err *e)
{
	own_fd int fd = procfs_open_pid(proc_fd, pid, e);

	return fd < 0 ? fd : procfs_ns_inode(fd, "mnt", ret, e);
}

/* That of process 1; where it cannot be asked, ours, when the host's root is our root. */
static int host_namespace(const struct target_host *host, uint64_t *ret, struct err *e)
{
	struct stat ours, theirs;
	int rc = namespace_of(host->proc_fd, 1, ret, e);

	if (rc == 0 || stat("/", &ours) < 0 || fstat(host->root_fd, &theirs) < 0 ||
		ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
		return rc;
	return namespace_of(host->proc_fd, proctab_self(host->proc_fd), ret, e);
}

static int find_processes(const struct target_host *host, struct programs *all, struct err *e)
{
	struct scan s = {.host = host, .all = all};
	int rc = host_namespace(host, &s.ns_mnt, e);

	if (rc < 0)
		return err_wrap(e, rc, "the host's mount namespace");
	return procfs_each_number(host->proc_fd, find_running, &s, e);
}

static int find_packages(const struct target_host *host, struct programs *all, struct err *e)
{
	struct pkgdb_question q[PROGRAMS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < all->count; i++)
		if (!all->program[i].replaced)
			q[n++] = (struct pkgdb_question){
				all->program[i].path, &all->program[i].package};
	return pkgdb_owners(host->root_fd, q, n, e);
}

int programs_find(const struct target_host *host, struct programs *ret, struct err *e)
{
	int rc, packages;

	find_installed(host, ret);
	rc = find_processes(host, ret, e);
	packages = find_packages(host, ret, rc < 0 ? NULL : e);
	return rc < 0 ? rc : packages;
}

const char *programs_name(const struct program *p)
{
	const char *slash = strrchr(p->path, '/');

	return slash ? slash + 1 : p->path;
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

static void make_one_safe(struct program *p)
{
	struct pkgdb_owner *o = &p->package;
	struct goinfo *g = &p->go;

	TERMINATE(p->path);
	TERMINATE(p->go_id);
	TERMINATE(g->version);
	TERMINATE(g->path);
	TERMINATE(g->module);
	TERMINATE(g->module_version);
	TERMINATE(g->revision);
	TERMINATE(g->time);
	TERMINATE(g->modified);
	TERMINATE(o->name);
	TERMINATE(o->version);
	TERMINATE(o->architecture);
	if (p->id_len > sizeof(p->id))
		p->id_len = 0;
	if ((unsigned)o->kind >= PKGDB_KINDS)
		o->kind = PKGDB_NONE;
}

void programs_make_safe(struct programs *p)
{
	if (p->count > PROGRAMS_MAX) {
		p->count = PROGRAMS_MAX;
		p->truncated = true;
	}
	for (unsigned i = 0; i < PROGRAMS_MAX; i++)
		make_one_safe(&p->program[i]);
}
