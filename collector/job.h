/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* job - what a dumper's worker is given: its dump, descriptors, capabilities, filter. */
#include "dumper.h"
#include "run.h"

#include <stddef.h>

enum { JOB_KEEP = 8 + TARGET_FDS + TARGET_MOUNTS + MEMORY_FDS };

struct job {
	struct worker_spec spec; /* main and arg are the caller's to set */
	char name[16];
	int keep[JOB_KEEP];
};

/* spool_fd: -1 for none. */
struct dump job_dump(const struct run *r, size_t index, int spool_fd);
/* channel_fd: the worker's end, -1 for none. Points into *ret: do not copy it. */
void job_prepare(
	const struct run *r, size_t index, const struct dump *d, int channel_fd, struct job *ret);
/* When the dumper that starts now is to end: half of the time is left to those after it. */
uint64_t job_ends(const struct run *r, size_t index);
/* Why this dumper does not run on this target, NULL when it does. ret_loss: whether that leaves
 * out something that is there. */
const char *job_obstacle(const struct run *r, const struct dumper *d, bool *ret_loss);
