/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memdevs - which device numbers are file systems in memory. A mapping's file must not be opened
 * before that is known: opening one on FUSE waits for its daemon, a device's has effects.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum memdevs_kind {
	MEMDEVS_OTHER,
	MEMDEVS_OWN,	  /* the kernel's own tmpfs: memfd, SysV, shared anonymous memory */
	MEMDEVS_OWN_HUGE, /* its hugetlbfs, one for each size of page */
	MEMDEVS_TMPFS,
	MEMDEVS_HUGE,
};

struct memdevs {
	struct memdev {
		uint32_t major, minor;
		enum memdevs_kind kind;
	} * dev;
	unsigned count, cap;
	uint64_t seen_ns[64]; /* mount namespaces that were read */
	unsigned seen;
};

void memdevs_init(struct memdevs *d);
void memdevs_done(struct memdevs *d);
#define own_memdevs __attribute__((cleanup(memdevs_done)))
/* Adds what the process has mounted, unless its mount namespace was read before. What cannot be
 * read is not known to be memory, and is not opened. */
void memdevs_learn(struct memdevs *d, int pid_fd);
enum memdevs_kind memdevs_kind(const struct memdevs *d, unsigned major, unsigned minor);
