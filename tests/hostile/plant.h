/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* plant - a page that is in the memory of every hostile program, to be found in its core. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define PLANTED_AT ((void *)(uintptr_t)0x510000000000)

/* "planted in NAME" at PLANTED_AT. */
static inline void plant(const char *name)
{
	char *p = mmap(PLANTED_AT, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == PLANTED_AT)
		snprintf(p, 4096, "planted in %s", name);
}
