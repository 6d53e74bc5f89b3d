/* SPDX-License-Identifier: Apache-2.0 */
/* sockowners - which process holds which socket. */
#include "sockowners.h"

#include "io.h"
#include "now.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	OWNERS_MAX = 1 << 20, /* 16 bytes each */
	OWNERS_SHOWN = 64,    /* of one socket: a fork bomb inherits everything */
	TABLES_MAX = 64,      /* descriptor tables of their own in one process */
	VANISHED_TOLD = 16,   /* processes that ended and have a gap each; the rest are counted */
};

struct scan {
	struct sockowners *owners;
	struct sink *out;
	int task_fd;	 /* /proc/PID/task */
	int table_fd;	 /* the fd directory being read */
	pid_t pid;	 /* whose table it is */
	pid_t shown;	 /* the process */
	pid_t reference; /* a thread whose table was read, 0: none yet */
	unsigned tables, vanished;
	bool can_compare; /* kcmp() works and counts processes as this /proc does */
	bool not_compared;
};

void sockowners_done(struct sockowners *o)
{
	free(o->list);
	*o = SOCKOWNERS_INIT;
}

static int add(struct sockowners *o, uint64_t inode, pid_t pid, int fd)
{
	size_t cap = o->cap ? 2 * o->cap : 1024;
	struct sockowner *list;

	if (o->n == OWNERS_MAX) {
		o->lost++;
		return 0;
	}
	if (o->n == o->cap) {
		list = realloc(o->list, cap * sizeof(*list));
		if (!list)
			return -ENOMEM;
		o->list = list;
		o->cap = cap;
	}
	o->list[o->n++] = (struct sockowner){inode, pid, (unsigned)fd & 0x7fffffffU, 0};
	return 0;
}

static int each_fd(pid_t fd, void *arg)
{
	static const char prefix[] = "socket:[";
	struct scan *s = arg;
	char name[16], link[64];
	ssize_t n;

	snprintf(name, sizeof(name), "%d", (int)fd);
	n = readlinkat(s->table_fd, name, link, sizeof(link) - 1);
	if (n <= (ssize_t)sizeof(prefix) || memcmp(link, prefix, sizeof(prefix) - 1) != 0)
		return 0; /* closed meanwhile, or something else: the process dossier has it */
	link[n] = '\0';
	return add(s->owners, strtoull(link + sizeof(prefix) - 1, NULL, 10), s->pid, fd);
}

static bool says_vanished(int rc)
{
	return rc == -ENOENT || rc == -ESRCH;
}

static bool is_only_counted(struct scan *s, int rc)
{
	return says_vanished(rc) && s->vanished++ >= VANISHED_TOLD;
}

/* -errno of the scan itself; a table that cannot be read is a gap. */
static int scan_table(struct scan *s, pid_t tid)
{
	own_fd int fd = -1;
	struct err e = ERR_INIT;
	char path[32];
	int rc;

	snprintf(path, sizeof(path), "%d/fd", (int)tid);
	fd = openat(s->task_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	s->table_fd = fd;
	s->pid = tid == s->reference || !s->tables ? s->shown : tid;
	s->tables++;
	rc = fd < 0 ? err_errno(&e, "open fd") : procfs_each_number(fd, each_fd, s, &e);
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	if (is_only_counted(s, rc))
		return 0;
	return sink_gapf(s->out, says_vanished(rc) ? GAP_VANISHED : GAP_UNREADABLE, NULL, &e,
		"sockets of process %d, thread %d", (int)s->shown, (int)tid);
}

static bool same_table(struct scan *s, pid_t tid)
{
	long rc;

	if (!s->can_compare)
		return s->not_compared = true;
	rc = syscall(SYS_kcmp, s->reference, tid, KCMP_FILES, 0, 0);
	if (rc < 0 && errno != ESRCH)
		s->not_compared = true;
	return rc <= 0;
}

/*
 * Threads share their process's table unless one of them did unshare(CLONE_FILES);
 * a leader that exited has none, and its threads still have.
 */
static int each_thread(pid_t tid, void *arg)
{
	struct scan *s = arg;
	int rc;

	if (s->reference && (tid == s->reference || same_table(s, tid)))
		return 0;
	if (s->tables == TABLES_MAX)
		return sink_gapf(s->out, GAP_OVER_BUDGET, NULL, NULL,
			       "sockets of process %d: descriptor tables of threads after the "
			       "first %d",
			       (int)s->shown, TABLES_MAX) < 0
			       ? -EPIPE
			       : 1;
	rc = scan_table(s, tid);
	if (!s->reference)
		s->reference = tid;
	return rc;
}

static int scan_open(struct scan *s, int pid_fd, const struct procfs_stat *st, struct err *e)
{
	own_fd int task_fd = openat(pid_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (task_fd < 0)
		return err_errno(e, "open task");
	s->task_fd = task_fd;
	s->shown = st->pid;
	s->reference = st->state == 'Z' ? 0 : st->pid;
	s->tables = 0;
	s->not_compared = false;
	rc = s->reference ? scan_table(s, s->reference) : 0;
	if (rc == 0 && st->num_threads > 1)
		rc = procfs_each_number(task_fd, each_thread, s, e);
	if (rc >= 0 && s->not_compared)
		rc = sink_gapf(s->out, GAP_UNREADABLE, NULL, NULL,
			"sockets of process %d: whether a thread has descriptors of its own "
			"(kcmp is not there)",
			(int)s->shown);
	return rc > 0 ? 0 : rc;
}

static int scan_member(struct scan *s, const struct dump *d, const struct target_member *m)
{
	struct err e = ERR_INIT;
	own_fd int pid_fd = procfs_open_pid(d->proc_fd, m->pid, &e);
	struct procfs_stat st;
	int rc = pid_fd < 0 ? pid_fd : procfs_read_stat(pid_fd, &st, &e);

	if (rc == 0 && st.start_ticks != m->start_ticks)
		rc = err_set(&e, ESRCH, "the process has ended, its number is another's");
	if (rc == 0)
		rc = scan_open(s, pid_fd, &st, &e);
	if (rc == 0 || rc == -EPIPE || rc == -ENOMEM)
		return rc;
	if (is_only_counted(s, rc))
		return 0;
	return sink_gapf(s->out, says_vanished(rc) ? GAP_VANISHED : GAP_UNREADABLE, NULL, &e,
		"sockets of process %d", (int)m->pid);
}

/* True when kcmp() and this /proc number processes alike. */
static bool same_numbers(int proc_fd)
{
	char self[16], link[16] = "";

	snprintf(self, sizeof(self), "%d", (int)getpid());
	return readlinkat(proc_fd, "self", link, sizeof(link) - 1) > 0 && !strcmp(self, link);
}

static int by_inode(const void *a, const void *b)
{
	const struct sockowner *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd < y->fd ? -1 : x->fd > y->fd;
}

int sockowners_collect(struct sockowners *o, const struct dump *d, struct sink *out, struct err *e)
{
	struct scan s = {.owners = o, .out = out, .can_compare = same_numbers(d->proc_fd)};
	const struct target *t = d->target;

	for (unsigned i = 0; i < t->members; i++) {
		int rc;

		sink_item(out, i);
		if (now_late(d->until_ns)) {
			rc = sink_gapf(out, GAP_OVER_BUDGET, NULL, NULL,
				"owners of sockets: no time left for %u processes", t->members - i);
			if (rc < 0)
				return err_set(e, EPIPE, "the writer is gone");
			break;
		}
		rc = scan_member(&s, d, &t->member[i]);
		if (rc < 0)
			return err_set(e, -rc, "owners of sockets: %s",
				rc == -ENOMEM ? "no memory" : "the writer is gone");
	}
	if (s.vanished > VANISHED_TOLD && sink_gapf(out, GAP_VANISHED, NULL, NULL,
						  "sockets of %u processes in all", s.vanished) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	if (o->n)
		qsort(o->list, o->n, sizeof(*o->list), by_inode);
	if (o->lost && sink_gapf(out, GAP_OVER_BUDGET, NULL, NULL,
			       "owners of sockets: %llu descriptors after the first %d",
			       (unsigned long long)o->lost, OWNERS_MAX) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* The first of the owners of an inode, *ret_n of them; NULL when nobody has it. */
static struct sockowner *find_owners(const struct sockowners *o, uint64_t inode, size_t *ret_n)
{
	size_t from = 0, to = o->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (o->list[mid].inode < inode)
			from = mid + 1;
		else
			to = mid;
	}
	for (to = from; to < o->n && o->list[to].inode == inode; to++)
		;
	*ret_n = to - from;
	return to > from ? &o->list[from] : NULL;
}

const struct sockowner *sockowners_put(const struct sockowners *o, struct jsonw *w, uint64_t inode)
{
	size_t n;
	struct sockowner *first = find_owners(o, inode, &n);

	jsonw_open_array(w, "owners");
	for (size_t i = 0; i < n; i++) {
		first[i].seen = 1;
		if (i >= OWNERS_SHOWN)
			continue;
		jsonw_open(w, NULL);
		jsonw_i64(w, "pid", first[i].pid);
		jsonw_u64(w, "fd", first[i].fd);
		jsonw_close(w);
	}
	jsonw_close_array(w);
	if (n > OWNERS_SHOWN)
		jsonw_u64(w, "owners_more", n - OWNERS_SHOWN);
	return first;
}
