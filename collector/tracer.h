/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tracer - the capture worker (mem/capture.h) as the engine sees it: started, spoken with, and
 * ended when it falls silent. */
#include "capture.h"
#include "err.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

struct run;

struct tracer {
	const struct run *run;
	struct capture_job job; /* all but sock and watch are the caller's to set */
	int (*capture)(const struct capture_job *, struct err *);
	struct worker worker;
	int sock; /* ours, -1 */
	struct capture_watch *watch;
	uint64_t seen, alive_ns; /* the last beat, and when it was new */
	uint64_t awake_ns;	 /* when it last did not wait in the kernel */
	uint64_t looked_ns;
	bool stuck;	     /* why tracer_await() gave up: no progress, and not its time */
	uint64_t silence_ns; /* without a beat, while it holds threads: stuck; 0: the usual */
};

/* Why a run must end now, NULL when it need not. */
const char *tracer_must_stop(const struct run *r);

int tracer_start(struct tracer *t, struct err *e) must_check;
int tracer_tell(struct tracer *t, enum capture_step step, uint64_t a, uint64_t b, struct err *e)
	must_check;
/*
 * Waits for this step. -ECHILD: the worker has ended, -ETIMEDOUT: it is silent, it waits for one
 * process in the kernel for a second, or it is CLOCK_MONOTONIC until_ns, -EPROTO: it said something
 * else, -ECANCELED: the run must end.
 */
int tracer_await(struct tracer *t, enum capture_step step, uint64_t until_ns,
	struct capture_msg *ret, struct err *e) must_check;
/*
 * After -ETIMEDOUT, at a process: makes the job one for another worker, which leaves that process
 * out where this one did not come back from it. False: it was at none, or another worker would not
 * help.
 */
bool tracer_pass_on(struct tracer *t);
/* Kills it unless it ends by itself in time: then the kernel has let go of all it traced. False:
 * it is stuck in the kernel, and dies when it leaves it. Again: nothing. */
bool tracer_end(struct tracer *t, unsigned patience_ms);
