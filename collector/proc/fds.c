/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds - the open descriptors of a process. Nothing is opened: link, fdinfo, and
 * statx() with AT_STATX_DONT_SYNC, which makes a FUSE or network file system
 * answer from what the kernel has in memory (since Linux 4.20 for FUSE); a mount known
 * to be foreign is not asked at all.
 */
#include "fds.h"
#include "fdinfo.h"
#include "io.h"
#include "jsonw.h"
#include "listing.h"
#include "own.h"
#include "procfs.h"
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
	FDS_MAX = 512 << 20,
	FDINFO_MAX = 256 << 10,
	LINK_MAX_BYTES = 65536,
};

struct walk {
	struct subject *s;
	struct listing list;
	struct buf link, info;
	int fd_dir, info_dir;
	uint64_t stdio[3]; /* socket inodes of 0, 1, 2 */
};

/* What a link's text says; the kernel's own objects have no '/' in front. */
static const struct {
	const char *head, *type;
} types[] = {
	{"socket:[", "socket"},
	{"pipe:[", "pipe"},
	{"anon_inode:[eventpoll]", "epoll"},
	{"anon_inode:[eventfd]", "eventfd"},
	{"anon_inode:[timerfd]", "timerfd"},
	{"anon_inode:[signalfd]", "signalfd"},
	{"anon_inode:[pidfd]", "pidfd"},
	{"pidfd:", "pidfd"},
	{"anon_inode:[io_uring]", "io_uring"},
	{"anon_inode:inotify", "inotify"},
	{"anon_inode:[fanotify]", "fanotify"},
	{"anon_inode:[userfaultfd]", "userfaultfd"},
	{"anon_inode:[perf_event]", "perf_event"},
	{"anon_inode:bpf-", "bpf"},
	{"anon_inode:", "anonymous"},
	{"/memfd:", "memfd"},
	{"/secretmem", "secretmem"},
	{"/dev/pts/", "terminal"},
	{"/", "path"},
};

static const char *type_of(const char *link)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strncmp(link, types[i].head, strlen(types[i].head)))
			return types[i].type;
	return strchr(link, ':') ? "namespace" : "other"; /* "net:[4026531840]" */
}

static void write_stat(struct walk *k, const struct statx *x)
{
	jsonw_hex(&k->list.w, "mode", x->stx_mode);
	jsonw_u64(&k->list.w, "ino", x->stx_ino);
	jsonw_u64(&k->list.w, "dev_major", x->stx_dev_major);
	jsonw_u64(&k->list.w, "dev_minor", x->stx_dev_minor);
	jsonw_u64(&k->list.w, "size", x->stx_size);
	jsonw_u64(&k->list.w, "links", x->stx_nlink);
	jsonw_u64(&k->list.w, "uid", x->stx_uid);
	if (S_ISCHR(x->stx_mode) || S_ISBLK(x->stx_mode)) {
		jsonw_u64(&k->list.w, "rdev_major", x->stx_rdev_major);
		jsonw_u64(&k->list.w, "rdev_minor", x->stx_rdev_minor);
	}
}

static void note_kind(struct walk *k, int fd, const struct statx *x)
{
	struct subject *s = k->s;

	if (S_ISSOCK(x->stx_mode)) {
		s->sockets++;
		if (fd < 3)
			k->stdio[fd] = x->stx_ino;
	}
	if (S_ISREG(x->stx_mode) && !x->stx_nlink &&
		procfs_says_deleted(buf_str(&k->link), k->link.len))
		s->deleted_fds++;
}

static void write_fd(struct walk *k, int fd, const char *name)
{
	const int how = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
	struct fdinfo info = fdinfo_parse(buf_str(&k->info));
	const struct fsmap_mount *mount =
		info.good ? fsmap_by_id(subject_mounts(k->s), info.mnt_id) : NULL;
	bool foreign = mount && mount->kind == FSMAP_FOREIGN;
	struct statx x;

	jsonw_open(&k->list.w, NULL);
	jsonw_i64(&k->list.w, "fd", fd);
	jsonw_str(&k->list.w, "type", type_of(buf_str(&k->link)));
	jsonw_bytes(&k->list.w, "link", buf_str(&k->link), k->link.len);
	jsonw_bool(
		&k->list.w, "deleted_claimed", procfs_says_deleted(buf_str(&k->link), k->link.len));
	if (mount)
		jsonw_str(&k->list.w, "fs", mount->type);
	if (foreign) {
		jsonw_str(&k->list.w, "not_asked", "a foreign file system may never answer");
	} else if (statx(k->fd_dir, name, how, STATX_BASIC_STATS, &x) == 0) {
		write_stat(k, &x);
		note_kind(k, fd, &x);
	}
	fdinfo_json(&k->list.w, &info, buf_str(&k->info));
	jsonw_bool(&k->list.w, "info_cut", k->info.len == FDINFO_MAX);
	jsonw_bytes(&k->list.w, "info", buf_str(&k->info), k->info.len);
	jsonw_close(&k->list.w);
	listing_row(&k->list);
}

static int each_fd(pid_t fd, void *arg)
{
	struct walk *k = arg;
	char name[16];

	if (!listing_wants(&k->list))
		return 0;
	snprintf(name, sizeof(name), "%d", (int)fd);
	buf_clear(&k->link);
	buf_clear(&k->info);
	if (io_read_link(k->fd_dir, name, &k->link, NULL) < 0)
		return 0; /* closed meanwhile */
	if (k->info_dir >= 0) {
		own_fd int info = openat(k->info_dir, name, O_RDONLY | O_CLOEXEC);

		if (info >= 0)
			(void)!io_read_all(info, &k->info, NULL); /* what came is kept */
	}
	write_fd(k, fd, name);
	return 0;
}

/* A shell whose input and output are one socket serves somebody over the network. */
static int judge(struct walk *k, struct err *e)
{
	const struct proctree_row *r = k->s->row;
	const uint64_t *ino = k->stdio;
	uint64_t deleted = k->s->deleted_fds;
	int rc = 0;

	if (ino[0] && ino[0] == ino[1])
		rc = dossier_finding(k->s->run,
			"process %d (%s): standard input and output are socket %llu", (int)r->pid,
			r->comm, (unsigned long long)ino[0]);
	if (rc == 0 && deleted)
		rc = dossier_finding(k->s->run,
			"process %d (%s): has %llu deleted file%s open, see process/%d/files.json",
			(int)r->pid, r->comm, (unsigned long long)deleted, deleted == 1 ? "" : "s",
			(int)r->pid);
	return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
}

int fds_write(struct subject *s, struct err *e)
{
	own_fd int fd_dir = openat(s->live, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own_fd int info_dir = openat(s->live, "fdinfo", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct walk k = {
		.s = s,
		.link = BUF_INIT(LINK_MAX_BYTES),
		.info = BUF_INIT(FDINFO_MAX),
		.fd_dir = fd_dir,
		.info_dir = info_dir,
	};
	int rc;

	if (fd_dir < 0)
		return subject_lost(s, "fd", errno, e);
	listing_begin(&k.list, s, "fds", s->run->policy.max_fds, FDS_MAX);
	rc = procfs_each_number(fd_dir, each_fd, &k, e);
	rc = rc < 0 ? subject_lost(s, "fd", -rc, e) : listing_end(&k.list, e);
	if (rc == 0)
		rc = judge(&k, e);
	s->fds = k.list.rows;
	listing_done(&k.list);
	buf_done(&k.link);
	buf_done(&k.info);
	return rc;
}
