/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* attach - binds a struct target to its live init process: descriptors, start
 * time, namespaces, cgroup. From then on no number is looked up again. */
#include "err.h"
#include "target.h"

struct container;

/*
 * Opens TFD_PROC, TFD_PIDFD, TFD_NETNS, TFD_MNTNS and TFD_ROOT of process pid and fills pid,
 * start_ticks, ns_*, host_namespaces. start_ticks 0: any. -ESRCH: no such
 * process, or it is another one by now; -EPERM/-EACCES: not permitted. On failure t is as before.
 */
int attach_process(const struct target_host *host, struct target *t, pid_t pid,
	uint64_t start_ticks, struct err *e) must_check;
/* cgroup_v1 and cgroup_v2 of the attached process: the container's own, by its id or by the path
 * in the runtime's state (c, may be NULL). */
int attach_cgroup(struct target *t, const struct container *c, struct err *e) must_check;
/* Sets all descriptors to -1 without closing any: for a new struct target. */
void attach_reset(struct target *t);
/* Closes what is open and sets all descriptors to -1. */
void attach_close(struct target *t);
/* The text of a file of the attached process into b. */
struct buf;
int attach_read(const struct target *t, const char *name, struct buf *b, struct err *e) must_check;
