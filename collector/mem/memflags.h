/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memflags - what only smaps tells of mappings (VmFlags): not to be dumped, held by userfaultfd,
 * huge, a device's. Reading it costs far more than maps, so it is read before the target is
 * stopped, and joined to the mappings by address and by what is mapped there; of what was mapped
 * since, again afterwards where that takes little time.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memmap;

enum { MEMFLAGS_MAX = 1 << 20 }; /* ranges of all processes together: 24 MiB */

struct memflags {
	struct memflags_range {
		uint64_t start, end; /* start's low bits: its flags */
		uint64_t what;	     /* is mapped */
	} * range;		     /* sorted; neighbours that are alike are one */
	size_t count, cap;
	bool cut; /* the rest was not read: time, or no room */
};

/*
 * *room: how many ranges may still be kept; less what was. Reads until 'until' (CLOCK_MONOTONIC
 * ns) at most. An error leaves what was read.
 */
int memflags_read(struct memflags *f, int pid_fd, size_t *room, uint64_t until,
	_Atomic uint64_t *beat, struct err *e) must_check;
/* Reads them anew. What was known stays when that fails, unless nothing was. */
void memflags_renew(
	struct memflags *f, int pid_fd, size_t *room, uint64_t until, _Atomic uint64_t *beat);
/* Adds the lines of one mapping: "START-END ..." and, for it, "VmFlags: rd wr". */
struct memflags_text {
	uint64_t start, end, what;
};
int memflags_line(struct memflags *f, struct memflags_text *t, char *line, size_t *room);
void memflags_done(struct memflags *f);
/* Sets the mapping's flags, or MEM_NO_FLAGS where there was another one, if only in a part. */
void memflags_join(const struct memflags *f, struct memmap *m);
