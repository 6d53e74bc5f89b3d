/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * draft - the table as it is written while the target stands still: a process's mappings, and
 * copying them; and as it is written anew once threads and times are known.
 */
#include "capture.h"
#include "copy.h"
#include "hold.h"
#include "memdevs.h"
#include "memshare.h"
#include "memtable.h"
#include "procset.h"
#include "shmem.h"
#include "sink.h"

/* One capture from its start to its end. */
struct capture {
	const struct capture_job *job;
	struct procset set;
	struct memdevs devs;
	struct stage stage;
	struct shmem shmem;
	struct memshare share;
	struct hold hold;
	struct copy_limits limits;
	struct copy *copy;
	struct memtable table; /* the job's */
	struct memtable regs;  /* in a file of its own: threads are read after all mappings */
	int regs_fd;
	enum capture_hold how;
	uint64_t go_ns, thawed_ns, let_go_ns;
	uint64_t maps_left, runs_left, staged, live;
	uint64_t with, without; /* threads whose registers were read, and those whose were not */
	uint64_t base;		/* of the table: what was there before us */
	unsigned listed;	/* processes that are in the table */
	size_t flag_room;
	uint64_t renew_ns; /* left for reading flags again */
	bool crowd;	   /* some are held by us, and some could not be */
	bool released;	   /* threads and times are known ... */
	bool completed;	   /* ... and in the table, too */
};

/* 'where' and the text say what of the process is missing (kind: enum gap_kind), or what is to be
 * known of it (MEM_REMARK). */
int draft_note(struct memtable *t, uint32_t kind, int error, const char *where, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));
/* The process that is at hand, NULL: none is. */
void draft_at(struct capture *c, enum capture_work work, const struct proc_one *p);
/* All of one process, up to END; its threads only once the table is complete. */
int draft_process(struct capture *c, struct proc_one *p, struct err *e) must_check;
/* The table again, from the draft and the threads, into a file of its own: the draft stands until
 * that is whole. What follows is written there. Once; then nothing. */
int draft_complete(struct capture *c, struct err *e) must_check;
