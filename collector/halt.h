/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* halt - the target's cgroup frozen for a moment, and thawed whatever happens: who is in it is
 * looked at before, guards stand by, clocks are read. */
#include "err.h"
#include "freezer.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

struct run;

enum { HALT_GUARDS = 2 };

struct halt {
	struct freezer freezer;
	struct worker guard[HALT_GUARDS];
	int sock[HALT_GUARDS]; /* our ends; -1: no guard */
	bool frozen;	       /* now, and by us */
	/* CLOCK_MONOTONIC: before the write that freezes, when the last task had stopped, after
	 * the write that thaws; 0: it never was */
	uint64_t requested_ns, frozen_ns, thawed_ns;
};

#define HALT_INIT ((struct halt){.freezer = FREEZER_INIT, .sock = {-1, -1}})

/* Opens the freezer. -ENOENT, -EBUSY: there is none that stops the target and nobody else. */
int halt_open(const struct run *r, struct halt *h, struct err *e) must_check;
/* Not frozen 2 s later, or after max_ns: thawed again, and -ETIMEDOUT. The guards thaw max_ns and
 * 2 s from now, if we have not. */
int halt_freeze(const struct run *r, struct halt *h, uint64_t max_ns, struct err *e) must_check;
/* Once; nothing when it is not frozen by us. When it fails the guards go on trying. */
int halt_thaw(struct halt *h, struct err *e) must_check;
/* Thaws, and sends the guards home. */
void halt_done(struct halt *h);
