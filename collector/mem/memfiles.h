/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memfiles - which files on disk are mapped: each once, with a mapping to reach it by. */
#include "memtable.h"

struct memfile {
	uint64_t ino;
	uint32_t dev_major, dev_minor;
	uint64_t proc,
		map; /* offsets of the first process and mapping that have it, in the table */
	uint32_t mappings;
	uint32_t left_out; /* of these: with pages that are only in the file */
};

enum { MEMFILES_MAX = 65536 };

struct memfiles {
	struct memfile *files; /* in the table's order */
	unsigned count;
	uint64_t more; /* mappings of files for which there was no room */
	uint32_t *slots;
};

#define own_memfiles __attribute__((cleanup(memfiles_done)))
/* Of all processes whose records make sense. */
int memfiles_list(struct memfiles *f, struct memscan *s, struct err *e) must_check;
void memfiles_done(struct memfiles *f);
