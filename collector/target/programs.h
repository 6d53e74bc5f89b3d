/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * programs - the container runtimes of a node, as programs: those in the usual folders below
 * the host's root, and those that run in the host's mount namespace. Neither
 * asked nor executed: what is said of one is in its own bytes, or in a package database.
 */
#include "err.h"
#include "goinfo.h"
#include "pkgdb.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum {
	PROGRAMS_MAX = 32,
	PROGRAMS_PIDS = 16, /* named of one program; all are counted */
	PROGRAMS_ID = 32,   /* bytes of a build id */
};

/* "" and 0 where a thing cannot be had. */
struct program {
	char path[TARGET_TEXT]; /* as the host sees it */
	bool replaced;		/* runs, but is no longer the file of that path */
	uint64_t dev, ino, size;
	struct timespec mtime;
	unsigned processes;
	pid_t pid[PROGRAMS_PIDS];
	unsigned id_len;
	uint8_t id[PROGRAMS_ID]; /* NT_GNU_BUILD_ID */
	char go_id[128];	 /* the build id of Go's linker */
	struct goinfo go;
	struct pkgdb_owner package; /* of the file of that path */
};

/* Flat: a worker fills it in shared memory, and what it found by then is there when it is
 * killed. */
struct programs {
	unsigned count;
	bool truncated; /* more than PROGRAMS_MAX, or a path too long */
	struct program program[PROGRAMS_MAX];
};

/* *ret zeroed. Negative when something could not be looked at; what was found stays. */
int programs_find(const struct target_host *host, struct programs *ret, struct err *e) must_check;
/* The last component of its path. */
const char *programs_name(const struct program *p);
/* After a worker filled it: every string ends, every number is in range. */
void programs_make_safe(struct programs *p);
