/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* maproom - how much of the table one process's mappings may take: a name has up to 4 KiB, and
 * there may be 65,000 of them in each process. */
#include "memtable.h"

#include <stdbool.h>
#include <stdint.h>

struct capture;

enum { MAPROOM_MAX = 256 << 20 }; /* bytes of MAP records of all processes */

struct maproom {
	uint64_t most, used;
	uint64_t bare; /* from this address on names were left out; 0: none was */
};

/* Of the process at hand; no more than the table's disk has. */
struct maproom maproom_begin(const struct capture *c);
/* Takes the room of a mapping's record. Without room for its name, name_len is 0 then. False: there
 * is none for the rest of it either. */
bool maproom_take(struct maproom *r, struct mem_map *m);
