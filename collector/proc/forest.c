/* SPDX-License-Identifier: Apache-2.0 */
/* forest - a table of processes as JSON. */
#include "forest.h"
#include "buf.h"
#include "io.h"
#include "jsonw.h"
#include "own.h"
#include "procfs.h"
#include "proctree.h"
#include "sink.h"
#include "target.h"

#include <stdio.h>
#include <string.h>

enum {
	ANCESTORS_MAX = 64,
	OUTSIDE_MAX = 256,
	TREE_MAX = 256 << 20,
};

static const char *const why_names[] = {"init", "cgroup", "pidns", "mntns", "netns", "child"};
static const char *const flag_names[] = {"new", "leader_exited", "zombie", "stalled", "gone",
	"ended", "exe_deleted", "exe_memfd", "entered", "other_pidns", "other_mntns", "traced",
	"kthread_name", "reused", "unread"};

static void names(
	struct jsonw *w, const char *key, unsigned bits, const char *const *name, size_t count)
{
	jsonw_open_array(w, key);
	for (size_t i = 0; i < count; i++)
		if (bits & 1U << i)
			jsonw_str(w, NULL, name[i]);
	jsonw_close_array(w);
}

void forest_why(struct jsonw *w, const char *key, unsigned why)
{
	names(w, key, why, why_names, sizeof(why_names) / sizeof(why_names[0]));
}

void forest_flags(struct jsonw *w, const char *key, unsigned flags)
{
	names(w, key, flags, flag_names, sizeof(flag_names) / sizeof(flag_names[0]));
}

void forest_argv(struct jsonw *w, const char *key, const char *argv, size_t n)
{
	jsonw_open_array(w, key);
	while (argv && n) {
		const char *nul = memchr(argv, '\0', n);
		size_t len = nul ? (size_t)(nul - argv) : n;

		jsonw_bytes(w, NULL, argv, len);
		argv += len + (nul != NULL);
		n -= len + (nul != NULL);
	}
	jsonw_close_array(w);
}

static void write_row(const struct proctree *t, const struct proctree_row *r, struct jsonw *w)
{
	const struct proctree_row *parent = r->parent < 0 ? NULL : &t->rows[r->parent];
	char state[2] = {r->state, '\0'};

	jsonw_open(w, NULL);
	jsonw_u64(w, "depth", r->depth);
	jsonw_i64(w, "pid", r->pid);
	jsonw_i64(w, "ppid", r->ppid);
	jsonw_i64(w, "pid_inside", r->nspid);
	jsonw_i64(w, "ppid_inside", parent && parent->ns_pid == r->ns_pid ? parent->nspid : 0);
	jsonw_u64(w, "pid_levels", r->levels);
	jsonw_u64(w, "uid", r->uid);
	jsonw_str(w, "comm", r->comm);
	if (r->argv || r->flags & (PROC_ZOMBIE | PROC_GONE))
		forest_argv(w, "argv", r->argv, r->argv_len);
	else
		jsonw_null(w, "argv");
	jsonw_bool(w, "argv_cut", r->argv_len == PROCTREE_TEXT);
	jsonw_bytes(w, "exe", r->exe, r->exe_len);
	jsonw_time(w, "start", procfs_start_time(r->start_ticks));
	jsonw_u64(w, "start_ticks", r->start_ticks);
	jsonw_str(w, "state", state);
	jsonw_u64(w, "threads", r->threads);
	jsonw_i64(w, "tracer", r->tracer);
	jsonw_i64(w, "read_by_tid", r->live_tid);
	forest_why(w, "why", r->why);
	forest_flags(w, "flags", r->flags);
	jsonw_close(w);
}

/* A process that is none of the target's: just enough to say whose child a member is. */
struct outsider {
	pid_t pid, ppid;
	uint64_t start_ticks;
	char comm[65];
};

static bool look_outside(const struct proctree *t, pid_t pid, struct outsider *ret)
{
	own_fd int fd = pid > 0 ? procfs_open_pid(t->proc_fd, pid, NULL) : -1;
	struct procfs_stat st;

	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return false;
	*ret = (struct outsider){pid, st.ppid, st.start_ticks, ""};
	memcpy(ret->comm, st.comm, sizeof(ret->comm));
	return true;
}

static void write_outsider(struct jsonw *w, const struct outsider *o)
{
	jsonw_open(w, NULL);
	jsonw_i64(w, "pid", o->pid);
	jsonw_i64(w, "ppid", o->ppid);
	jsonw_str(w, "comm", o->comm);
	jsonw_time(w, "start", procfs_start_time(o->start_ticks));
	jsonw_bool(w, "member", false);
	jsonw_close(w);
}

void forest_ancestors(const struct proctree *t, const struct proctree_row *r, struct jsonw *w)
{
	unsigned left = ANCESTORS_MAX;
	pid_t pid = r->ppid;
	struct outsider o;

	jsonw_open_array(w, "ancestors");
	for (; r->parent >= 0 && left; left--) {
		r = &t->rows[r->parent];
		pid = r->ppid;
		jsonw_open(w, NULL);
		jsonw_i64(w, "pid", r->pid);
		jsonw_i64(w, "pid_inside", r->nspid);
		jsonw_i64(w, "ppid", r->ppid);
		jsonw_str(w, "comm", r->comm);
		jsonw_time(w, "start", procfs_start_time(r->start_ticks));
		jsonw_bool(w, "member", true);
		jsonw_close(w);
	}
	for (; left && look_outside(t, pid, &o); left--) {
		write_outsider(w, &o);
		pid = o.ppid;
	}
	jsonw_close_array(w);
}

/* Every outsider on the way from a root of the forest to the host's init, once. */
static void write_outside(const struct proctree *t, struct jsonw *w)
{
	pid_t seen[OUTSIDE_MAX];
	unsigned count = 0;
	struct outsider o;

	jsonw_open_array(w, "outside");
	for (unsigned i = 0; i < t->count; i++) {
		pid_t pid = t->rows[i].parent < 0 ? t->rows[i].ppid : 0;

		while (count < OUTSIDE_MAX && look_outside(t, pid, &o)) {
			unsigned k = 0;

			while (k < count && seen[k] != pid)
				k++;
			if (k < count)
				break;
			seen[count++] = pid;
			write_outsider(w, &o);
			buf_addc(w->out, '\n');
			pid = o.ppid;
		}
	}
	jsonw_close_array(w);
}

/* The next row after i, parents first; -1 at the end of this tree. */
static int next_row(struct proctree *t, int i)
{
	if (t->rows[i].child >= 0)
		return t->rows[i].child;
	while (i >= 0 && t->rows[i].sibling < 0)
		i = t->rows[i].parent;
	return i < 0 ? -1 : t->rows[i].sibling;
}

int forest_write(struct proctree *t, struct sink *out, const char *member, struct err *e)
{
	own_sink_text struct sink_text text;
	struct jsonw w = JSONW(&text.rows);

	sink_text_begin(&text, out, TREE_MAX);
	jsonw_open(&w, NULL);
	jsonw_open_array(&w, "processes");
	buf_addc(w.out, '\n');
	for (unsigned root = 0; root < t->count; root++) {
		if (t->rows[root].parent >= 0)
			continue;
		for (int i = (int)root; i >= 0; i = next_row(t, i)) {
			struct proctree_row *r = &t->rows[i];

			r->depth = r->parent < 0 ? 0 : t->rows[r->parent].depth + 1;
			write_row(t, r, &w);
			buf_addc(w.out, '\n');
			(void)sink_text_row(&text);
		}
	}
	jsonw_close_array(&w);
	write_outside(t, &w);
	jsonw_u64(&w, "left_out", t->left_out);
	jsonw_bool(&w, "more_when_resolved", t->target->members == TARGET_MEMBERS);
	jsonw_bool(&w, "more_were_born", t->unsettled);
	jsonw_close(&w);
	buf_addc(w.out, '\n');
	return sink_text_end(&text, member, e);
}
