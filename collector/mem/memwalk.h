/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memwalk - the records of one process, in order and checked against each other: what comes
 * where, mappings and runs that do not overlap, nothing outside its mapping.
 */
#include "memtable.h"

/* Any may be NULL. Records are valid during the call. A negative value ends the walk. */
struct memwalk_ops {
	int (*thread)(void *arg, const struct mem_thread *t, uint64_t at, struct err *e);
	/* of the last thread; AUXV as well, with the process */
	int (*regs)(void *arg, const struct mem_regs *r, struct err *e);
	int (*note)(void *arg, const struct mem_note *n, struct err *e);
	int (*map)(void *arg, const struct mem_map *m, struct err *e);
	int (*run)(void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at,
		struct err *e);
};

/*
 * From the record at 'at', a PROC or what follows one, to the next END, which *ret_end (may be
 * NULL) gets. -EBADMSG when the records make no sense: s->at is then wherever it was seen.
 */
int memwalk(struct memscan *s, uint64_t at, const struct memwalk_ops *ops, void *arg, struct err *e)
	must_check;
/* Behind the next END; 0 when there is none. */
int memwalk_skip(struct memscan *s, uint64_t at, uint64_t *ret_next, struct err *e) must_check;
