/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tick - the clock that limits are measured by, and signs of life. */
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, ns. */
static inline uint64_t tick_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline void tick(_Atomic uint64_t *beat)
{
	if (beat)
		++*beat;
}
