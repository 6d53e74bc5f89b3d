/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memplan - what is to become of each page of a mapping. */
#include "err.h"
#include "memtable.h"

#include <stdbool.h>
#include <stdint.h>

struct copy;
struct memmap;
struct pagemap;
struct shmem;

struct memplan {
	struct pagemap *pages;
	struct copy *copy;
	struct shmem *shmem;
	int map_files;	/* -1: none */
	uint32_t kinds; /* wanted: 1 << enum mem_kind */
};

/* Of pages that exist ('is': pagemap.h; 0: of those that do not). */
enum mem_fate memplan_fate(const struct memmap *m, unsigned is);
/* All pages of one mapping. Damage to the reading of the tables is in the runs, typed. */
int memplan_map(struct memplan *p, const struct memmap *m, struct err *e) must_check;
/* How many bytes of it would be dumped now. */
uint64_t memplan_weigh(struct pagemap *pages, const struct memmap *m, uint64_t until_ns);
