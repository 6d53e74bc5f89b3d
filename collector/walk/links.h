/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* links - which record has the first name of a file with several. Bounded: what does not
 * fit is not found again. */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKS_MAX = 1 << 20 }; /* slots, of which three in four are used: 24 MiB */

struct link {
	uint64_t dev, ino, rec; /* rec 0: free */
};

struct links {
	struct link *slot;
	size_t slots, used;
};

void links_done(struct links *l);
/* 0: not there. */
uint64_t links_find(const struct links *l, uint64_t dev, uint64_t ino);
/* False: no room; it will not be found. */
bool links_add(struct links *l, uint64_t dev, uint64_t ino, uint64_t rec);
