/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* members - which processes are the target's, by cgroup, namespaces and descent. */
#include "err.h"
#include "target.h"

struct proctab;

/* Namespaces of the host's init, or our own where that may not be read (it holds a capability that
 * we lack): what nobody counts as the target's. */
struct host_namespaces {
	uint64_t pid, mnt, net;
};
void members_host_namespaces(int proc_fd, struct host_namespaces *ret);

/*
 * Fills t->member from t->pid, its namespaces and cgroup paths: scans until two scans
 * agree, at most five times. Disagreements between the rules become findings.
 */
int members_collect(const struct target_host *host, struct target *t, struct err *e) must_check;
