/* SPDX-License-Identifier: Apache-2.0 */
/* fakeproc - a /proc of our own making. */
#include "fakeproc.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const struct fakeproc *p, pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	fd = openat(p->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0)
		abort();
}

/* A namespace is an inode: one file, linked into each process that is in it. */
static void put_namespace(const struct fakeproc *p, pid_t pid, const char *name, const char *ns)
{
	char file[96], path[64];
	int fd;

	snprintf(file, sizeof(file), "ns-%s-%s", name, ns);
	snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, name);
	fd = openat(p->fd, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || close(fd) < 0 || linkat(p->fd, file, p->fd, path, 0) < 0)
		abort();
}

void fakeproc_init(struct fakeproc *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/taphos-fakeproc-XXXXXX");
	if (!mkdtemp(p->dir))
		abort();
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->fd < 0)
		abort();
}

void fakeproc_add(struct fakeproc *p, const struct fakeproc_row *row)
{
	static const char *const spaces[] = {"pid", "mnt", "net", "user", "ipc", "uts", "cgroup"};
	char path[32], stat[256];

	snprintf(path, sizeof(path), "%d", (int)row->pid);
	if (mkdirat(p->fd, path, 0700) < 0)
		abort();
	snprintf(path, sizeof(path), "%d/ns", (int)row->pid);
	if (mkdirat(p->fd, path, 0700) < 0)
		abort();
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		put_namespace(p, row->pid, spaces[i], row->ns);
	snprintf(stat, sizeof(stat),
		"%d (test) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %" PRIu64 " 0 0 0 0\n",
		(int)row->pid, (int)row->ppid, row->start_ticks);
	put(p, row->pid, "stat", stat);
	put(p, row->pid, "cgroup", row->cgroup);
	put(p, row->pid, "mountinfo", row->mounts ? row->mounts : "");
	snprintf(path, sizeof(path), "%d/root", (int)row->pid);
	if (symlinkat(row->root ? row->root : p->dir, p->fd, path) < 0)
		abort();
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void fakeproc_done(struct fakeproc *p)
{
	close(p->fd);
	if (nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0)
		abort();
}
