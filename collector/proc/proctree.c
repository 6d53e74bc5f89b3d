/* SPDX-License-Identifier: Apache-2.0 */
/* proctree - the processes of a target as one table. */
#include "proctree.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 1 << 16 }; /* twice PROCTREE_MAX */

static unsigned slot_of(const struct proctree *t, pid_t pid)
{
	unsigned i = (unsigned)pid * 2654435761U % SLOTS;

	while (t->slots[i] >= 0 && t->rows[t->slots[i]].pid != pid)
		i = (i + 1) % SLOTS;
	return i;
}

struct proctree_row *proctree_find(const struct proctree *t, pid_t pid)
{
	int row = t->slots[slot_of(t, pid)];

	return row < 0 ? NULL : &t->rows[row];
}

/* NULL: over the maximum (counted), or no memory. */
static struct proctree_row *add(struct proctree *t, pid_t pid, uint64_t start, unsigned why)
{
	unsigned slot = slot_of(t, pid);
	struct proctree_row *r;

	if (t->count >= t->max) {
		t->left_out++;
		return NULL;
	}
	if (!t->rows || t->count >= t->cap) {
		unsigned cap = t->cap ? 2 * t->cap : 256;

		r = realloc(t->rows, cap * sizeof(*r));
		if (!r)
			return NULL;
		t->rows = r;
		t->cap = cap;
	}
	r = &t->rows[t->count];
	*r = (struct proctree_row){
		.pid = pid,
		.live_tid = pid,
		.start_ticks = start,
		.why = why,
		.parent = -1,
		.child = -1,
		.sibling = -1,
	};
	t->slots[slot] = (int)t->count++; /* a number used again: the later one is found */
	return r;
}

/* Ourselves and the engine: to leave out our own processes, and to know how old the run is. */
static void know_ourselves(struct proctree *t)
{
	struct procfs_stat st;
	own_fd int self = openat(t->proc_fd, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int engine = -1;
	uint64_t ns;

	if (self < 0 || procfs_read_stat(self, &st, NULL) < 0)
		return;
	t->self = st.pid;
	t->engine = st.ppid;
	if (procfs_ns_inode(self, "pid", &ns, NULL) == 0)
		t->own_pidns = ns == t->target->ns_pid;
	if (procfs_ns_inode(self, "mnt", &ns, NULL) == 0)
		t->own_mntns = ns == t->target->ns_mnt;
	engine = procfs_open_pid(t->proc_fd, st.ppid, NULL);
	if (engine >= 0 && procfs_read_stat(engine, &st, NULL) == 0)
		t->since = st.start_ticks;
}

int proctree_init(
	struct proctree *t, const struct target *target, int proc_fd, unsigned max, struct err *e)
{
	*t = (struct proctree){
		.target = target,
		.proc_fd = proc_fd,
		.max = max < PROCTREE_MAX ? max : PROCTREE_MAX,
	};
	t->slots = malloc(SLOTS * sizeof(*t->slots));
	if (!t->slots)
		return err_set(e, ENOMEM, "no memory");
	memset(t->slots, 0xff, SLOTS * sizeof(*t->slots));
	know_ourselves(t);
	for (unsigned i = 0; i < target->members; i++) {
		const struct target_member *m = &target->member[i];

		if (!proctree_find(t, m->pid) && !add(t, m->pid, m->start_ticks, m->why) &&
			t->count < t->max)
			return err_set(e, ENOMEM, "no memory");
	}
	return 0;
}

void proctree_done(struct proctree *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		free(t->rows[i].exe);
		free(t->rows[i].argv);
	}
	free(t->rows);
	free(t->slots);
	*t = (struct proctree){0};
}

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return n && !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

static bool in_cgroup(const struct target *target, int pid_fd)
{
	own_buf struct buf b = BUF_INIT(65536);
	own_fd int fd = openat(pid_fd, "cgroup", O_RDONLY | O_CLOEXEC);
	struct procfs_cgroup cg;
	ssize_t n;

	if ((!target->cgroup_v2[0] && !target->cgroup_v1[0]) || fd < 0 || !buf_room(&b, 65535))
		return false;
	n = read(fd, b.data, 65535);
	b.data[n > 0 ? n : 0] = '\0';
	for (char *text = b.data, *line; (line = procfs_next_line(&text));) {
		if (procfs_parse_cgroup(line, &cg) < 0)
			continue;
		if (below(cg.path, *cg.controllers ? target->cgroup_v1 : target->cgroup_v2))
			return true;
	}
	return false;
}

/* The same rules that resolving has, for a process that was not there then. */
static unsigned reasons(const struct proctree *t, int pid_fd, const struct procfs_stat *st)
{
	const struct proctree_row *parent = proctree_find(t, st->ppid);
	const struct target *target = t->target;
	unsigned why = 0;
	uint64_t ns;

	if (parent && parent->start_ticks <= st->start_ticks)
		why |= MEMBER_CHILD;
	if (!t->own_pidns && !target->shares_pidns && target->ns_pid &&
		procfs_ns_inode(pid_fd, "pid", &ns, NULL) == 0 && ns == target->ns_pid)
		why |= MEMBER_PIDNS;
	if (!t->own_mntns && target->ns_mnt && procfs_ns_inode(pid_fd, "mnt", &ns, NULL) == 0 &&
		ns == target->ns_mnt)
		why |= MEMBER_MNTNS;
	if (in_cgroup(target, pid_fd))
		why |= MEMBER_CGROUP;
	return why;
}

/* One read for each process of the host: there may be many thousand. */
static int peek(const struct proctree *t, pid_t pid, struct procfs_stat *ret)
{
	char path[24], text[1024];
	own_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	fd = openat(t->proc_fd, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	return procfs_parse_stat(text, ret);
}

static void take(struct proctree_row *r, const struct procfs_stat *st)
{
	r->ppid = st->ppid;
	r->state = st->state;
	r->threads = st->num_threads;
	memcpy(r->comm, st->comm, sizeof(r->comm));
}

static void say_alive(const struct proctree *t)
{
	if (t->out)
		sink_item(t->out, t->item);
}

void proctree_census(struct proctree *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct proctree_row *r = &t->rows[i];
		struct procfs_stat st;

		say_alive(t);
		if (peek(t, r->pid, &st) == 0 && st.start_ticks == r->start_ticks)
			take(r, &st);
	}
}

static int by_age(const void *a, const void *b, void *arg)
{
	const struct proctree *t = arg;
	const struct proctree_row *x = &t->rows[*(const unsigned *)a];
	const struct proctree_row *y = &t->rows[*(const unsigned *)b];

	if ((x->why ^ y->why) & MEMBER_INIT)
		return x->why & MEMBER_INIT ? -1 : 1;
	if (x->start_ticks != y->start_ticks)
		return x->start_ticks < y->start_ticks ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

unsigned *proctree_by_age(const struct proctree *t, unsigned from)
{
	unsigned n = t->count - from, *order = malloc((n + 1) * sizeof(*order));

	for (unsigned i = 0; order && i < n; i++)
		order[i] = from + i;
	if (order)
		qsort_r(order, n, sizeof(*order), by_age, (void *)(uintptr_t)t);
	return order;
}

struct scan {
	struct proctree *t;
	unsigned added;
};

static int consider(pid_t pid, void *arg)
{
	struct scan *s = arg;
	struct proctree *t = s->t;
	const struct proctree_row *known = proctree_find(t, pid);
	own_fd int fd = -1;
	struct proctree_row *r;
	struct procfs_stat st;
	unsigned why, known_flags = known ? PROC_REUSED : 0;

	say_alive(t);
	if (pid == t->self || pid == t->engine || (known && !(known->flags & PROC_GONE)))
		return 0;
	if (peek(t, pid, &st) < 0 || st.start_ticks < t->since)
		return 0; /* ended, or older than the run: resolving has judged it */
	if (st.ppid == t->engine || (known && known->start_ticks == st.start_ticks))
		return 0;
	fd = procfs_open_pid(t->proc_fd, pid, NULL);
	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return 0;
	why = reasons(t, fd, &st);
	if (!why)
		return 0;
	r = add(t, pid, st.start_ticks, why); /* 'known' may have moved */
	if (!r)
		return 0;
	r->flags = known_flags | PROC_NEW;
	take(r, &st);
	s->added++;
	return 0;
}

int proctree_scan(struct proctree *t, unsigned *ret_added, struct err *e)
{
	struct scan s = {t, 0};
	int rc = procfs_each_number(t->proc_fd, consider, &s, e);

	*ret_added = s.added;
	return rc;
}

unsigned proctree_ended(struct proctree *t)
{
	unsigned ended = 0;

	for (unsigned i = 0; i < t->count; i++) {
		struct proctree_row *r = &t->rows[i];
		struct procfs_stat st;

		if (r->flags & (PROC_GONE | PROC_ENDED))
			continue;
		if (peek(t, r->pid, &st) == 0 && st.start_ticks == r->start_ticks)
			continue;
		r->flags |= PROC_ENDED;
		ended++;
	}
	return ended;
}

/* A parent is never younger; the order of the numbers decides within one tick, and with it no
 * cycle can be made of rows read at different moments. */
static bool could_be_parent(const struct proctree_row *parent, const struct proctree_row *r)
{
	if (parent->start_ticks != r->start_ticks)
		return parent->start_ticks < r->start_ticks;
	return parent->pid < r->pid;
}

static const struct proctree_row *init_row(const struct proctree *t)
{
	return t->target->pid ? proctree_find(t, t->target->pid) : NULL;
}

static void judge(const struct proctree *t, struct proctree_row *r)
{
	const struct proctree_row *init = init_row(t);

	if (r->parent < 0 && r != init && !(r->flags & PROC_GONE) && r->ppid)
		r->flags |= PROC_ENTERED;
	if (!init || r == init)
		return;
	if (r->ns_pid && init->ns_pid && r->ns_pid != init->ns_pid)
		r->flags |= PROC_OTHER_PIDNS;
	if (r->ns_mnt && init->ns_mnt && r->ns_mnt != init->ns_mnt)
		r->flags |= PROC_OTHER_MNTNS;
}

void proctree_link(struct proctree *t)
{
	for (unsigned i = 0; i < t->count; i++)
		t->rows[i].parent = t->rows[i].child = t->rows[i].sibling = -1;
	for (unsigned i = t->count; i-- > 0;) { /* backwards: lists keep the order of the table */
		struct proctree_row *r = &t->rows[i];
		struct proctree_row *parent = proctree_find(t, r->ppid);

		if (!parent || !could_be_parent(parent, r))
			continue;
		r->parent = (int)(parent - t->rows);
		r->sibling = parent->child;
		parent->child = (int)i;
	}
	for (unsigned i = 0; i < t->count; i++)
		judge(t, &t->rows[i]);
}
