/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memory - holds the target still while the capture worker (mem/capture.h) copies its memory, and
 * keeps what it left for the dumper that makes cores of it. */
#include "capture.h"
#include "err.h"
#include "target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw;
struct run;

enum memory_fd { MEMORY_TABLE, MEMORY_STAGE, MEMORY_SPILL, MEMORY_FDS };

/* What was done, for effects.json and the result. Times: CLOCK_MONOTONIC, 0: never. */
struct memory {
	int fd[MEMORY_FDS]; /* for the dumper (NEED_MEMORY); -1 */
	bool done;	    /* a capture was tried */
	bool theirs;	    /* somebody else had frozen it */
	enum capture_hold hold;
	char cgroup[TARGET_PATH]; /* that was frozen, "" */
	const char *method;	  /* "cgroup2", "cgroup1", "ptrace", "none" */
	uint64_t requested_ns, frozen_ns, thawed_ns, let_go_ns; /* let_go: by ptrace */
	uint64_t stage_bytes, spill_bytes;			/* room */
	uint64_t spill_spare;					/* as in struct capture_job */
	uint64_t present, staged, live;				/* bytes, by the worker's word */
	uint64_t threads, threads_missed;
	char why[256];	   /* why it was not frozen through its cgroup, "" */
	char refused[256]; /* why the dumper cannot run, "" */
};

#define MEMORY_INIT ((struct memory){.fd = {-1, -1, -1}, .method = "none"})

/* Does the profile have a dumper of memory (*ret: its index), and is there a running target? */
bool memory_is_wanted(const struct run *r, size_t *ret);
/* The worker runs 'capture' (capture_run). Losses are gaps; negative only when the output is
 * lost. */
int memory_capture(struct run *r, size_t index,
	int (*capture)(const struct capture_job *, struct err *), struct err *e) must_check;
/* What the profile's dumper of memory (its index) and the request want. */
struct capture_options memory_options(const struct run *r, size_t index);
/* Gives the staging area back. */
void memory_done(struct memory *m);

/* For how long the target stood still, from the request on, in ns. 0: it was not held. */
uint64_t memory_held_ns(const struct memory *m);
/* The object "memory" of effects.json. */
void memory_render(const struct memory *m, struct jsonw *w);
/* Its members that say by what means. */
void memory_render_how(const struct memory *m, struct jsonw *w);
/* The object "freeze" of a plan: how the target would be held, null where it would not. */
void memory_render_plan(struct run *r, struct jsonw *w);
