/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* runs - the pages of a mapping as records: neighbours that are alike become one. */
#include "memtable.h"

struct runs {
	struct memtable *table;
	struct mem_run last; /* not written yet; head.type 0: none */
	struct mem_end sum;  /* of the process */
	uint64_t left;	     /* records that may still be written */
};

enum { RUNS_MAX = 4 << 20 }; /* 224 MiB of table */

/* The next pages, in the order of addresses. Over RUNS_MAX they are MEM_OVER_BUDGET, as one. */
int runs_add(struct runs *r, const struct mem_run *run, struct err *e) must_check;
/* What is held back is written: the mapping ends. */
int runs_flush(struct runs *r, struct err *e) must_check;
