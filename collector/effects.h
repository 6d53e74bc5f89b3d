/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* effects - what we touched: the target's own counters before and after, read by a worker. */
#include "err.h"

#include <stdint.h>

struct buf;
struct run;

struct effects {
	uint64_t processes; /* of the members: those still there */
	uint64_t rss_kib, page_tables_kib, swap_kib;
	uint64_t minor_faults, major_faults;
	int64_t root_atime_ns, upper_atime_ns; /* 0: none */
	uint64_t at_ns;			       /* CLOCK_BOOTTIME */
	uint64_t took_us;
};

int effects_measure(const struct run *r, struct effects *ret, struct err *e) must_check;
/* collector/effects.json. before, after: NULL when it could not be measured. */
int effects_render(const struct run *r, const struct effects *before, const struct effects *after,
	struct buf *out, struct err *e) must_check;
