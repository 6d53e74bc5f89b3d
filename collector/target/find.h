/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* find - processes by the names of their cgroups. */
#include "cgroup.h"
#include "target.h"

struct buf;
struct container;
struct proctab;
struct proc_row;

/* Does this /proc/PID/cgroup text name the container, or lie in the cgroup its state names? */
bool find_agrees(const struct container *c, const char *text);
/* The oldest process of the container's cgroup whose parent is not in it; 0: none. */
pid_t find_init(const struct target_host *host, const struct container *c);
/*
 * The oldest process in a cgroup named after the id, or the beginning of it: a runtime whose state
 * is not where we look. 0: none, or two ids fit.
 */
pid_t find_by_name(const struct proctab *tab, const char *text, struct cgroup_id *ret);

struct find_below {
	const char *path;
	const struct proc_row *oldest;
	struct cgroup_id found; /* the last container below the path */
	unsigned containers;	/* how often that was another one than before: above 1, several */
	struct buf *candidates;
};

/* What lies below s->path: the caller sets it and candidates (may be NULL). */
void find_below(struct find_below *s, const struct proctab *tab);
