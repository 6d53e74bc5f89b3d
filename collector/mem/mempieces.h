/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* mempieces - what became of each page in the end: a run as it was planned, cut where the log
 * says that it went otherwise. */
#include "memfit.h"
#include "memlog.h"
#include "memtable.h"

struct elfcore;

struct mempiece {
	uint64_t start, end;
	enum mem_fate fate;
	uint32_t flags;
	int error;
	uint64_t elsewhere; /* MEM_ELSEWHERE: pid */
};

struct mempieces {
	struct memlog_entry *fates; /* of the process, by address */
	unsigned count;
	struct memfit fit; /* of the core */
	uint64_t live_to;  /* nothing read live from here on: 'why' */
	int why;
};

int mempieces_open(struct mempieces *p, const struct memlog *log, const struct elfcore *plan,
	unsigned entry) must_check;
void mempieces_done(struct mempieces *p);
/* The next mapping. */
void mempieces_map(struct mempieces *p);
/* Calls fn for each piece of the run, in order, until it returns something negative. */
int mempieces_of(struct mempieces *p, const struct mem_run *r,
	int (*fn)(void *arg, const struct mempiece *piece), void *arg) must_check;
