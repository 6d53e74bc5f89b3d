/* SPDX-License-Identifier: Apache-2.0 */
/* places_merge - a pod as one target: what its containers are together. */
#include "places_merge.h"
#include "own.h"
#include "record.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- whose process it is */

struct claim {
	struct target_member member;
	size_t place;
};

/* Containers of a pod may share a PID namespace; a cgroup is one container's own. */
static unsigned rank(unsigned why)
{
	return why & MEMBER_INIT ? 0 : why & MEMBER_CGROUP ? 1 : 2;
}

static int by_process(const struct claim *x, const struct claim *y)
{
	if (x->member.pid != y->member.pid)
		return x->member.pid < y->member.pid ? -1 : 1;
	if (x->member.start_ticks != y->member.start_ticks)
		return x->member.start_ticks < y->member.start_ticks ? -1 : 1;
	return 0;
}

static int by_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = by_process(x, y);

	if (order)
		return order;
	if (rank(x->member.why) != rank(y->member.why))
		return rank(x->member.why) < rank(y->member.why) ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void add_member(struct target *t, const struct target_member *m)
{
	if (t->members == TARGET_MEMBERS)
		t->truncated = true;
	else
		t->member[t->members++] = *m;
}

static int share_members(struct run *r, struct err *e)
{
	size_t n = 0, k = 0;
	struct claim *claim;

	for (size_t i = 1; i < r->places; i++)
		n += r->place[i].target->members;
	claim = calloc(n + 1, sizeof(*claim));
	if (!claim)
		return err_set(e, ENOMEM, "no memory");
	for (size_t i = 1; i < r->places; i++) {
		struct target *t = r->place[i].target;

		for (unsigned m = 0; m < t->members; m++)
			claim[k++] = (struct claim){t->member[m], i};
		t->members = 0;
	}
	qsort(claim, n, sizeof(*claim), by_claim);
	for (size_t i = 0; i < n; i++) {
		if (i && !by_process(&claim[i - 1], &claim[i]))
			continue;
		add_member(r->place[claim[i].place].target, &claim[i].member);
		add_member(r->place[0].target, &claim[i].member);
	}
	free(claim);
	return 0;
}

/* ---- the cgroup above all of them */

/* The part of 'path' above its last name; "" where that is the root. */
static void cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* What else is in it, whoever freezes it looks (outsiders.h). */
static void common_cgroup(const struct run *r, size_t offset, char ret[TARGET_PATH])
{
	unsigned n = 0;

	ret[0] = '\0';
	for (size_t i = 1; i < r->places; i++) {
		const struct target *t = r->place[i].target;
		const char *path = (const char *)t + offset;
		char above[TARGET_PATH];

		if (!t->running)
			continue;
		snprintf(above, sizeof(above), "%s", path);
		cut_name(above);
		if (n++ && strcmp(above, ret) != 0) {
			ret[0] = '\0';
			return;
		}
		memcpy(ret, above, sizeof(above));
	}
}

/* ---- all together */

/* The container by which the pod is known: the first that runs, the sandbox if no other does. */
static const struct target *anchor_of(const struct run *r)
{
	for (size_t i = 1; i < r->places; i++)
		if (r->place[i].target->running)
			return r->place[i].target;
	return r->place[1].target;
}

static int take_anchor(struct target *t, const struct target *from, struct err *e)
{
	static const enum target_fd shared[] = {TFD_PROC, TFD_PIDFD, TFD_NETNS, TFD_ROOT};

	t->runtime = from->runtime;
	memcpy(t->runtime_namespace, from->runtime_namespace, sizeof(t->runtime_namespace));
	memcpy(t->state_text, from->state_text, sizeof(t->state_text));
	memcpy(t->name, t->pod_name, sizeof(t->name));
	t->running = from->running;
	t->host_root = from->host_root;
	t->pid = from->pid;
	t->start_ticks = from->start_ticks;
	t->ns_pid = from->ns_pid;
	t->ns_mnt = from->ns_mnt;
	t->ns_net = from->ns_net;
	t->ns_user = from->ns_user;
	t->ns_ipc = from->ns_ipc;
	t->ns_uts = from->ns_uts;
	t->ns_cgroup = from->ns_cgroup;
	t->mounts = from->mounts; /* of the root that is looked into */
	memcpy(t->mount, from->mount, from->mounts * sizeof(t->mount[0]));
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		int fd = from->fd[shared[i]];

		t->fd[shared[i]] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (fd >= 0 && t->fd[shared[i]] < 0)
			return err_errno(e, "duplicate");
	}
	return 0;
}

/* The sandbox's, where the pod has one for all. */
static void mark_shared(struct run *r)
{
	for (size_t i = 1; i < r->places; i++)
		for (size_t k = 1; k < r->places; k++) {
			const struct target *t = r->place[k].target;
			bool same = k != i && t->ns_pid && t->ns_pid == r->place[i].target->ns_pid;

			r->place[i].target->shares_pidns |= same;
		}
}

static void note_networks(const struct run *r, struct target *t)
{
	for (size_t i = 1; i < r->places; i++) {
		const struct target *c = r->place[i].target;

		if (c->running && c->ns_net && t->ns_net && c->ns_net != t->ns_net)
			record_finding(t, "container %.64s %.12s is not in the network of the pod",
				c->pod_container, c->id);
		t->host_namespaces |= c->host_namespaces;
	}
}

int places_merge(struct run *r, struct err *e)
{
	struct target *t = r->place[0].target;
	int rc = share_members(r, e);

	if (rc < 0)
		return rc;
	mark_shared(r);
	common_cgroup(r, offsetof(struct target, cgroup_v2), t->cgroup_v2);
	common_cgroup(r, offsetof(struct target, cgroup_v1), t->cgroup_v1);
	rc = take_anchor(t, anchor_of(r), e);
	if (rc == 0)
		note_networks(r, t);
	return rc;
}
