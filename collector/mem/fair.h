/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fair - what one of many may take of something they all need: the first must not take all of it,
 * and what one leaves is for those after it. */
#include <stdint.h>

/* Of 'left', with so many others still to come: 'floor' is kept for each of them, and half of what
 * is beyond that may be taken. Where there is not that much, all have the same. */
static inline uint64_t fair_share(uint64_t left, uint64_t floor, uint64_t others)
{
	if (left / (others + 1) <= floor)
		return left / (others + 1);
	return floor + (left - floor * (others + 1)) / 2;
}
