/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memcore - the core file of a process as a member: bytes from where they were put, or read from
 * the process now. */
#include "elfcore.h"
#include "memlive.h"
#include "memlog.h"
#include "memobject.h"

struct dump;
struct sink;

struct memcore {
	/* for all processes; borrowed */
	const struct dump *dump;
	struct sink *out;
	struct memscan *scan;
	struct memlog *log;
	/* of one */
	const struct elfcore *plan;
	unsigned entry; /* in the log */
	unsigned signs;
	bool late;     /* no time is left: the rest of it is zeros, which is said */
	uint64_t skip; /* bytes that the writer has already */
	struct memlive live;
	struct memobject object; /* what it shares */
	bool opened;
	int live_error; /* positive: nothing can be read of it */
	uint64_t page;
	char *bounce; /* one page */
};

#define own_memcore __attribute__((cleanup(memcore_done)))
int memcore_init(struct memcore *c, const struct dump *d, struct sink *out, struct memscan *scan,
	struct memlog *log) must_check;
void memcore_done(struct memcore *c);

/*
 * Sends the member, or after a restart what is left of it. What could not be read goes as
 * zeros, with a MEMLOG_FATE. Negative only when the sink is gone, or the table cannot be read.
 */
int memcore_send(struct memcore *c, const char *member, const struct elfcore *plan, unsigned entry,
	struct err *e) must_check;
