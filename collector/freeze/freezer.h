/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * freezer - stops all processes of a cgroup at one moment: cgroup v2's cgroup.freeze (Linux 5.2),
 * or the freezer controller of v1. Everything is opened before; freezing and thawing are one
 * write each, to a descriptor that needs no capability.
 */
#include "err.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

enum freezer_kind { FREEZER_NONE, FREEZER_V2, FREEZER_V1, FREEZER_KINDS };
extern const char *const freezer_names[FREEZER_KINDS]; /* "none", "cgroup2", "cgroup1" */

struct freezer {
	enum freezer_kind kind;
	bool theirs;		/* somebody else has frozen it: it stays as it is */
	int dir_fd;		/* the cgroup's directory */
	int state_fd;		/* cgroup.freeze or freezer.state */
	int events_fd;		/* v2: cgroup.events */
	char path[TARGET_PATH]; /* below the mount */
};

#define FREEZER_INIT ((struct freezer){.dir_fd = -1, .state_fd = -1, .events_fd = -1})
#define own_freezer __attribute__((cleanup(freezer_close)))

/* The directory that shows a hierarchy of the host, -1: it has none. */
int freezer_mount(const struct target_host *host, enum freezer_kind kind);
/* -ENOENT: the target has no cgroup of its own that could be frozen. */
int freezer_open(const struct target_host *host, const struct target *t, struct freezer *ret,
	struct err *e) must_check;
/* Has somebody asked for it to be frozen, here or above? */
bool freezer_is_asked(const struct freezer *f);
void freezer_close(struct freezer *f);

/* Freezes, and waits until CLOCK_MONOTONIC until_ns for the last task to stop. On failure it is
 * thawed again. */
int freezer_freeze(const struct freezer *f, uint64_t until_ns, struct err *e) must_check;
/* Has nobody thawed it since? */
bool freezer_holds(const struct freezer *f);
/* Takes back our own freeze; who did not freeze may do it too. */
int freezer_thaw(enum freezer_kind kind, int state_fd, struct err *e) must_check;
