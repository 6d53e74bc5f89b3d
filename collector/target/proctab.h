/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* proctab - all processes of the host at one moment: parent, start time,
 * namespaces and cgroups. Bounded, whatever the number of processes. */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	PROCTAB_ROWS = 262144,
	PROCTAB_CGROUP_BYTES = 16 << 20, /* of distinct /proc/PID/cgroup texts */
	PROCTAB_CGROUP_TEXT = 64 << 10,	 /* one of them */
};

struct proc_row {
	pid_t pid, ppid;
	uint64_t start_ticks;
	uint64_t ns_pid, ns_mnt, ns_net; /* 0: not readable (gone, or a kernel thread's) */
	uint32_t cgroup;		 /* index of the text; 0: not known */
	char state;
	char comm[16];
};

struct proctab {
	struct proc_row *row; /* sorted by pid */
	size_t rows, cap;
	char **cgroup; /* distinct texts; [0] is "" */
	size_t cgroups, cgroup_cap;
	size_t cgroup_bytes;
	uint32_t *slot; /* hash table of indexes */
	size_t slots;
	bool truncated; /* a bound was hit: processes or cgroups are missing */
};

#define own_proctab __attribute__((cleanup(proctab_done)))
/* *ret zeroed. A process that ends while it is read is left out. */
int proctab_scan(int proc_fd, struct proctab *ret, struct err *e) must_check;
void proctab_done(struct proctab *tab);
/* NULL when there is none. */
const struct proc_row *proctab_find(const struct proctab *tab, pid_t pid);
/* The text of its /proc/PID/cgroup, "" when not known. */
const char *proctab_cgroup(const struct proctab *tab, const struct proc_row *row);

/* Namespaces of one process: of a live thread when its leader has exited. 0 where not readable. */
void proctab_namespaces(int pid_fd, struct proc_row *row);
/* Our own number in that proc, 0 when it does not number us. */
pid_t proctab_self(int proc_fd);
