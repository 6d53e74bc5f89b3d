/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memfit - which bytes go into a core that may not have all of them: of each mapping its first
 * ones, so many that all of the small mappings are there (stacks among them), and large ones are
 * cut.
 */
#include <stdint.h>

enum { MEMFIT_SIZES = 64 };

/* How much is dumped of mappings, by the power of two that is not above it. */
struct memfit_sum {
	uint64_t bytes[MEMFIT_SIZES], maps[MEMFIT_SIZES];
	uint64_t total;
};

struct memfit {
	uint64_t each;	/* bytes of a mapping that fit in any case */
	uint64_t extra; /* for those that have more, as they come */
	uint64_t used;	/* of 'each', by the mapping at hand */
};

/* A mapping of which so much is dumped. */
void memfit_add(struct memfit_sum *s, uint64_t bytes);
/* For a core with at most 'limit' of these bytes. */
struct memfit memfit_of(const struct memfit_sum *s, uint64_t limit);
/* The next mapping. */
void memfit_map(struct memfit *f);
/* How many of a run's n bytes go in, from its start: whole pages. Runs come in their order. */
uint64_t memfit_take(struct memfit *f, uint64_t n);
