/* SPDX-License-Identifier: Apache-2.0 */
/* members - which processes are the target's. */
#include "members.h"
#include "buf.h"
#include "cgroup.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum {
	ROUNDS = 5,
	PIDNS_DEPTH = 33, /* the kernel allows 32 */
	PIDNS_KNOWN = 4096,
};

/* What a distinct cgroup text says about the target. */
enum where { WHERE_UNKNOWN, WHERE_INSIDE, WHERE_OUTSIDE, WHERE_OTHER };

struct pidns {
	uint64_t ns;
	bool inside; /* the target's or a descendant of it */
};

struct round {
	int proc_fd;
	struct target *t;
	struct proctab tab;
	struct host_namespaces host;
	unsigned char *where; /* for each text of tab: enum where */
	unsigned *why;	      /* for each row of tab */
	struct pidns known[PIDNS_KNOWN];
	size_t knowns;
};

static void round_done(struct round *r)
{
	proctab_done(&r->tab);
	free(r->where);
	free(r->why);
}

void members_host_namespaces(int proc_fd, struct host_namespaces *ret)
{
	own_fd int init = procfs_open_pid(proc_fd, 1, NULL);
	own_fd int self = procfs_open_pid(proc_fd, proctab_self(proc_fd), NULL);
	struct proc_row row = {0};

	if (init >= 0)
		proctab_namespaces(init, &row);
	if (!row.ns_mnt && self >= 0)
		proctab_namespaces(self, &row);
	*ret = (struct host_namespaces){row.ns_pid, row.ns_mnt, row.ns_net};
}

/* --- cgroup --- */

static bool line_is_inside(const struct target *t, const struct cgroup_line *line)
{
	return cgroup_is_below(line->path, line->unified ? t->cgroup_v2 : t->cgroup_v1);
}

static enum where judge_cgroup(const struct target *t, const char *text)
{
	struct cgroup_line line;
	struct cgroup_id id;
	bool other = false;

	if (!*text)
		return WHERE_UNKNOWN;
	while ((text = cgroup_next(text, &line))) {
		if (line_is_inside(t, &line))
			return WHERE_INSIDE;
		other |= cgroup_identify(line.path, &id) && !id.monitor && !id.weak;
	}
	return other ? WHERE_OTHER : WHERE_OUTSIDE;
}

/* --- PID namespaces --- */

static uint64_t parent_of(int ns_fd, int *ret_fd)
{
	struct stat st;

	*ret_fd = ioctl(ns_fd, NS_GET_PARENT);
	return *ret_fd >= 0 && fstat(*ret_fd, &st) == 0 ? st.st_ino : 0;
}

static int open_pidns(int proc_fd, pid_t pid, uint64_t ns)
{
	own_fd int dir = procfs_open_pid(proc_fd, pid, NULL);
	own_fd int fd = dir < 0 ? -1 : openat(dir, "ns/pid", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != ns)
		return -1;
	return take_fd(&fd);
}

static bool is_descendant(const struct round *r, const struct proc_row *row)
{
	own_fd int fd = open_pidns(r->proc_fd, row->pid, row->ns_pid);

	for (int depth = 0; fd >= 0 && depth < PIDNS_DEPTH; depth++) {
		int up = -1;
		uint64_t ns = parent_of(fd, &up);

		own_fd_(&fd);
		fd = up;
		if (ns == r->t->ns_pid)
			return true;
	}
	return false;
}

static bool is_in_pidns(struct round *r, const struct proc_row *row)
{
	bool inside;

	if (!row->ns_pid || !r->t->ns_pid || r->t->ns_pid == r->host.pid ||
		row->ns_pid == r->host.pid)
		return false;
	if (row->ns_pid == r->t->ns_pid)
		return true;
	for (size_t i = 0; i < r->knowns; i++)
		if (r->known[i].ns == row->ns_pid)
			return r->known[i].inside;
	inside = is_descendant(r, row);
	if (r->knowns < PIDNS_KNOWN)
		r->known[r->knowns++] = (struct pidns){row->ns_pid, inside};
	return inside;
}

/* --- the rules --- */

static unsigned judge(struct round *r, const struct proc_row *row)
{
	const struct target *t = r->t;
	enum where where = (enum where)r->where[row->cgroup];
	unsigned why = 0;

	if (row->pid == t->pid && row->start_ticks == t->start_ticks)
		why |= MEMBER_INIT;
	if (where == WHERE_INSIDE)
		why |= MEMBER_CGROUP;
	if (is_in_pidns(r, row))
		why |= MEMBER_PIDNS;
	if (row->ns_mnt && row->ns_mnt == t->ns_mnt && row->ns_mnt != r->host.mnt)
		why |= MEMBER_MNTNS;
	/* a pod may share one PID namespace among its containers: the others are not ours */
	if (why == MEMBER_PIDNS && where == WHERE_OTHER && t->id[0] && row->ns_pid == t->ns_pid)
		why = 0;
	if (why && row->ns_net && row->ns_net == t->ns_net && row->ns_net != r->host.net)
		why |= MEMBER_NETNS;
	return why;
}

static bool is_shared_pidns_neighbour(const struct round *r, size_t i)
{
	const struct proc_row *row = &r->tab.row[i];

	return !r->why[i] && row->ns_pid && row->ns_pid == r->t->ns_pid &&
	       row->ns_pid != r->host.pid && r->where[row->cgroup] == WHERE_OTHER;
}

/* Children follow their parents in time, not in number: repeat until nothing is added. */
static void add_children(struct round *r)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < r->tab.rows; i++) {
			const struct proc_row *p = proctab_find(&r->tab, r->tab.row[i].ppid);

			if (!p || !r->why[p - r->tab.row] || (r->why[i] & MEMBER_CHILD) ||
				is_shared_pidns_neighbour(r, i))
				continue;
			r->why[i] |= MEMBER_CHILD;
			more = true;
		}
	}
}

static int run_round(struct round *r, struct err *e)
{
	int rc = proctab_scan(r->proc_fd, &r->tab, e);

	if (rc < 0)
		return rc;
	r->where = calloc(r->tab.cgroups + 1, sizeof(*r->where));
	r->why = calloc(r->tab.rows + 1, sizeof(*r->why));
	if (!r->where || !r->why)
		return err_set(e, ENOMEM, "no memory for the members");
	for (size_t i = 0; i < r->tab.cgroups; i++)
		r->where[i] = (unsigned char)judge_cgroup(r->t, r->tab.cgroup[i]);
	for (size_t i = 0; i < r->tab.rows; i++)
		r->why[i] = judge(r, &r->tab.row[i]);
	add_children(r);
	return 0;
}

static bool same_member(const struct target_member *a, const struct target_member *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks && a->why == b->why;
}

/* Writes the table; true when it is the one of the round before. */
static bool store(struct round *r)
{
	struct target *t = r->t;
	unsigned n = 0, before = t->members;
	bool same = true;

	if (r->tab.truncated)
		t->truncated = true;
	for (size_t i = 0; i < r->tab.rows; i++) {
		const struct proc_row *row = &r->tab.row[i];
		struct target_member m = {row->pid, r->why[i], row->start_ticks};

		if (!m.why)
			continue;
		if (n == TARGET_MEMBERS) {
			t->truncated = true;
			break;
		}
		same &= n < before && same_member(&t->member[n], &m);
		t->member[n++] = m;
	}
	t->members = n;
	return same && n == before;
}

/* --- findings --- */

enum { NAMED = 6 }; /* processes that a finding names */

static void find_all(struct round *r, bool (*is)(const struct round *r, size_t i), const char *what)
{
	own_buf struct buf names = BUF_INIT(1024);
	unsigned n = 0;

	for (size_t i = 0; i < r->tab.rows; i++) {
		const struct proc_row *row = &r->tab.row[i];

		if (!is(r, i))
			continue;
		if (n++ < NAMED)
			buf_addf(&names, "%s%d (%s)", n > 1 ? ", " : "", (int)row->pid, row->comm);
	}
	if (n)
		record_finding(
			r->t, "%s: %u: %s%s", what, n, buf_str(&names), n > NAMED ? ", ..." : "");
}

static bool is_stranger(const struct round *r, size_t i)
{
	const struct proc_row *row = &r->tab.row[i];

	return (r->why[i] & (MEMBER_PIDNS | MEMBER_MNTNS)) && !(r->why[i] & MEMBER_CGROUP) &&
	       r->where[row->cgroup] != WHERE_UNKNOWN;
}

static bool is_escaped(const struct round *r, size_t i)
{
	const struct proc_row *row = &r->tab.row[i];

	return r->why[i] && row->ns_mnt && row->ns_mnt == r->host.mnt && row->ns_pid == r->host.pid;
}

static bool is_split(const struct round *r, size_t i)
{
	const struct proc_row *row = &r->tab.row[i];

	return (r->why[i] & MEMBER_CGROUP) && !(r->why[i] & (MEMBER_PIDNS | MEMBER_MNTNS)) &&
	       row->ns_mnt && row->ns_mnt != r->host.mnt;
}

static void report(struct round *r)
{
	bool has_cgroup = r->t->cgroup_v2[0] || r->t->cgroup_v1[0];

	if (has_cgroup)
		find_all(r, is_stranger,
			"processes in the container's namespaces but not in its cgroup (entered, "
			"or moved out)");
	if (!r->t->host_namespaces)
		find_all(r, is_escaped,
			"processes of the container's cgroup or descent in the host's namespaces");
	if (has_cgroup && r->t->ns_pid != r->host.pid)
		find_all(r, is_split,
			"processes in the container's cgroup but in namespaces of neither it nor "
			"the host");
	find_all(r, is_shared_pidns_neighbour,
		"the PID namespace is shared with other containers, whose processes are left out");
}

int members_collect(const struct target_host *host, struct target *t, struct err *e)
{
	struct host_namespaces ns;
	bool stable = false;

	members_host_namespaces(host->proc_fd, &ns);
	for (int i = 0; i < ROUNDS && !stable; i++) {
		__attribute__((cleanup(round_done))) struct round r = {
			.proc_fd = host->proc_fd, .t = t, .host = ns};
		int rc = run_round(&r, e);

		if (rc < 0)
			return err_wrap(e, rc, "find the processes");
		stable = store(&r);
		if (stable || i == ROUNDS - 1)
			report(&r);
	}
	if (!stable)
		record_finding(t,
			"processes came and went during each of %d scans: the list is of "
			"the last",
			ROUNDS);
	return 0;
}
