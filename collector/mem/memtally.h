/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memtally - how much of a process had which fate, what of it is a loss, and what stands out. */
#include "mempieces.h"
#include "memsign.h"
#include "sink.h"

enum { MEMTALLY_SIGNS = 512 }; /* kept; all are counted */

struct memtally_loss {
	uint64_t bytes, pieces, first, end; /* first, end: of the first piece */
	int error;
};

struct memtally {
	uint64_t bytes[MEM_FATES];
	uint64_t live, swapped;
	uint64_t maps, mapped;
	struct memtally_loss loss[GAP_KINDS];
	uint64_t signs[MEMSIGNS];
	uint64_t first_sign[MEMSIGNS];
	unsigned kept;
	struct {
		enum memsign sign;
		bool exec;
		uint64_t start, end;
	} sign[MEMTALLY_SIGNS];
};

void memtally_map(struct memtally *t, const struct mem_map *m);
void memtally_run(struct memtally *t, const struct mem_map *m, const struct mem_run *r);
/* What kind of gap it is, in this mapping. GAP_KINDS: none. */
enum gap_kind memtally_loss_of(const struct mem_map *m, const struct mempiece *p);
/* kernels: pages of the kernel's own that every process has: what it does not give of them is no
 * gap of the bundle. */
void memtally_piece(
	struct memtally *t, const struct mem_map *m, bool kernels, const struct mempiece *p);
/* From the log: what was noticed while bytes passed. */
void memtally_log(struct memtally *t, const struct memlog *log, uint64_t proc);
