/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* tick - the clock that limits are measured by, and signs of life. */
#include "now.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, ns. */
static inline uint64_t tick_now(void)
{
	return now_ns();
}

/* What is at hand from now on; returns what was. */
static inline uint64_t tick_item(_Atomic uint64_t *item, uint64_t now)
{
	return item ? atomic_exchange(item, now) : 0;
}

static inline void tick(_Atomic uint64_t *beat)
{
	if (beat)
		++*beat;
}
