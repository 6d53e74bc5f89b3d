/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * fsmap - the mounts of one mount namespace, by id and by device: which files
 * can be asked and read without waiting for a server that the target may play.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum fsmap_kind {
	FSMAP_UNKNOWN, /* no such mount here */
	FSMAP_LOCAL,   /* answers from disk or memory */
	FSMAP_PSEUDO,  /* proc, sysfs ...: answers, but is not a place for files */
	FSMAP_FOREIGN, /* FUSE, network, and what we do not know */
};

struct fsmap_mount {
	uint64_t id;
	unsigned major, minor;
	enum fsmap_kind kind;
	char type[16];
};

struct fsmap {
	struct fsmap_mount *mounts; /* by id */
	unsigned count;
	bool cut; /* more mounts than we keep */
};
#define own_fsmap __attribute__((cleanup(fsmap_done)))

/* From the mountinfo of a process. The map is empty after an error. */
int fsmap_read(struct fsmap *m, int pid_fd, struct err *e) must_check;
void fsmap_done(struct fsmap *m);
/* NULL when there is none. */
const struct fsmap_mount *fsmap_by_id(const struct fsmap *m, uint64_t id);
const struct fsmap_mount *fsmap_by_device(const struct fsmap *m, unsigned major, unsigned minor);
