/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* now - the clock that limits of time are measured by. */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, ns. */
static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* Is it that time, or later? until_ns 0: there is none. */
static inline bool now_late(uint64_t until_ns)
{
	return until_ns && now_ns() >= until_ns;
}
