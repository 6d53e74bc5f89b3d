/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * progress - what a run tells while it runs: one live line where there is a terminal,
 * one line per finished stage elsewhere. Never waits for a terminal or pipe that
 * does not take more: then it says nothing.
 */
#include <stdbool.h>
#include <stdint.h>

struct buf;
struct engine_progress;

struct progress {
	int fd;
	bool live, colour;
	bool drawn;	  /* a live line stands there */
	uint64_t last_ms; /* when it was drawn */
	struct {
		uint64_t bytes, artifacts, gaps, elapsed_ms;
	} before; /* at the end of the last stage */
};

/* fd -1: silent. */
void progress_init(struct progress *p, int fd);
/* The callback of engine_request; arg is a struct progress. */
void progress_show(const struct engine_progress *now, void *arg);
/* Takes the live line away. */
void progress_done(struct progress *p);

/* The live line in at most 'width' columns, and the line of a stage that ended. */
void progress_bar(struct buf *out, const struct engine_progress *now, unsigned width);
void progress_stage(struct buf *out, const struct progress *p, const struct engine_progress *now);
/* "4.2 s", "3 min 20 s" */
void progress_time(struct buf *out, uint64_t ms);
