/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memlog - what a reader of memory must know after a restart, and PID.json after the core: how
 * far each process came, which pages could not be read after all, what was noticed. Kept in
 * memory and in the notes of the dumper's spool (sink.h); bounded, with a half of the room for
 * processes and a half for the rest.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum memlog_kind {
	MEMLOG_PROC = 1, /* start: bytes its core may have; what: enum memlog_state */
	MEMLOG_FATE,	 /* start, end: addresses; what: enum mem_fate; error */
	MEMLOG_SIGN,	 /* start: an address; what: enum memsign */
	MEMLOG_FILE,	 /* proc 0, start: number of a mapped file that did not answer */
};

enum memlog_state {
	MEMLOG_BEGUN = 1 << 0,
	MEMLOG_CORE = 1 << 1, /* all bytes of the core were sent */
	MEMLOG_JSON = 1 << 2,
	MEMLOG_FULL = 1 << 3, /* from address 'end' on nothing was read live: 'error' (ENOSPC: no
				 room for fates) */
};

struct memlog_entry {
	uint16_t kind, what;
	int32_t error;
	uint64_t proc; /* offset of its PROC in the table */
	uint64_t start, end;
};

struct memlog {
	int fd; /* borrowed; -1: forgotten at the end of this worker */
	struct memlog_entry *entries;
	unsigned count, procs, details;
	unsigned loaded; /* of an earlier worker */
};

int memlog_open(struct memlog *l, int spool_fd, bool again, struct err *e) must_check;
void memlog_done(struct memlog *l);

/* The entry of a process, made when there is none: its index. -ENOSPC: too many. */
int memlog_proc(struct memlog *l, uint64_t proc, uint64_t limit, struct err *e) must_check;
/* Adds to its state. */
int memlog_mark(struct memlog *l, unsigned index, uint16_t state, struct err *e) must_check;
/* A fate joins the last one where it continues it. -ENOSPC: no room, which is no error to stop
 * for. */
int memlog_add(struct memlog *l, const struct memlog_entry *entry, struct err *e) must_check;
/* Writes an entry that was changed. */
int memlog_keep(struct memlog *l, unsigned index, struct err *e) must_check;
/* The next entry of a process and kind from *at on; NULL at the end. */
const struct memlog_entry *memlog_next(
	const struct memlog *l, uint64_t proc, enum memlog_kind kind, unsigned *at);
