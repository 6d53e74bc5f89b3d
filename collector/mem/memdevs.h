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
	MEMDEVS_OTHER,	  /* mounted nowhere that was looked at: may be memory, and all there is */
	MEMDEVS_OWN,	  /* the kernel's own tmpfs: memfd, SysV, shared anonymous memory */
	MEMDEVS_OWN_HUGE, /* its hugetlbfs, one for each size of page */
	MEMDEVS_TMPFS,
	MEMDEVS_HUGE,
	MEMDEVS_RAM,  /* ramfs: to read a hole of it takes memory for good */
	MEMDEVS_DEV,  /* devtmpfs */
	MEMDEVS_DISK, /* any other that is mounted */
};

struct memdevs {
	struct memdev {
		uint32_t major, minor;
		enum memdevs_kind kind;
	} * dev;
	unsigned count, cap;
	/* Mount namespaces that were read, each with the root that it was seen from. */
	struct memdevs_seen {
		uint64_t ns, root;
		uint32_t major, minor;
	} seen[64];
	unsigned seen_count;
};

void memdevs_init(struct memdevs *d);
void memdevs_done(struct memdevs *d);
#define own_memdevs __attribute__((cleanup(memdevs_done)))
/* Adds what the process has mounted, as far as its root shows it, unless that was read before.
 * The host's first process knows what others do not: on what disk the layers lie. */
void memdevs_learn(struct memdevs *d, int pid_fd);
enum memdevs_kind memdevs_kind(const struct memdevs *d, unsigned major, unsigned minor);
