/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * capture - the worker that stands beside the frozen target: lists what is mapped, copies what is
 * present into the staging area, reads registers. It parses kernel text and ELF-free numbers only;
 * everything slow (hashing, packing) happens later, from the table and the staging area.
 *
 *	engine                          capture
 *	start                           open processes, read flags of mappings,
 *	                                populate the staging area
 *	                        READY
 *	freeze
 *	                GO
 *	                                seize threads, list, copy
 *	                        COPIED
 *	thaw
 *	                THAWED
 *	                                threads stop at once, before they run:
 *	                                read registers, let go
 *	                        DONE
 *
 * A process of which nothing comes back (it holds the lock of its memory, and waits for somebody)
 * costs this worker its life: the engine sees in 'watch' where it stood, and starts another one
 * that leaves that process out, and goes on behind what is in the table.
 *
 * Whatever dies, the kernel lets go of threads that are held by ptrace, and the guard (guard.h)
 * thaws. Without a freeze (GO with frozen 0) it lists only: all runs are to be read live.
 */
#include "dumper.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct target;

enum capture_step {
	CAPTURE_READY = 1, /* a: bytes present now, b: processes */
	CAPTURE_GO,	   /* from the engine: a: enum capture_hold, b: CLOCK_MONOTONIC ns at which
			      copying ends whatever is left */
	CAPTURE_COPIED,	   /* a: bytes staged, b: bytes left to be read live, of the processes that
			      are finished: when time is up others follow */
	CAPTURE_THAWED,	   /* from the engine */
	CAPTURE_DONE,	   /* a: threads whose registers were read, b: those without, c:
			      CLOCK_MONOTONIC ns when the last thread that stood still was let go,
			      0: none did; staged, live: bytes, of all processes */
};

/* Messages over a SOCK_SEQPACKET pair. */
struct capture_msg {
	uint32_t step, pad;
	uint64_t a, b, c;
	uint64_t staged, live;
};

/* What is done with one process: the step of a journal_item(). */
enum capture_work {
	CAPTURE_PREPARES, /* reads the flags of its mappings, weighs it */
	CAPTURE_STOPS,	  /* its threads */
	CAPTURE_LISTS,	  /* its mappings and pages */
	CAPTURE_COPIES,	  /* which may wait for a disk: pages in swap */
	CAPTURE_WORKS
};
extern const char *const capture_works[CAPTURE_WORKS];

/* In memory that the engine shares. */
struct capture_watch {
	_Atomic uint64_t beat;	    /* grows with every sign of life */
	_Atomic uint64_t item;	    /* journal_item() of what is at hand, 0: no process is */
	_Atomic uint64_t let_go_ns; /* c of DONE, as soon as it is known */
	_Atomic unsigned ran;	    /* processes that did though they were frozen: before COPIED */
	char why[200];		    /* what it fails for, "" as long as it does not */
	_Atomic bool completed;	    /* what table_fd has is in final_fd, which grows from now on */
};

enum { CAPTURE_SKIPS = 16 };

/* A process that a worker before this one did not come back from. */
struct capture_skip {
	pid_t pid;
	unsigned work; /* enum capture_work */
};

enum capture_hold {
	HOLD_NONE,   /* the target runs: everything is read live, no thread is stopped */
	HOLD_CGROUP, /* its cgroup is frozen */
	HOLD_PTRACE, /* it has no cgroup of its own: stop all threads, hold them while copying */
};

struct capture_options {
	uint64_t max_process, max_total; /* bytes dumped */
	bool maps_only;			 /* no content and no registers */
	bool only_still;		 /* nor of a process that could not be held */
	bool to_hold;			 /* it is asked for, whatever GO says then */
	uint32_t kinds;			 /* 1 << enum mem_kind of those wanted */
};

struct capture_job {
	const struct target *target;
	struct capture_options options;
	int proc_fd;   /* the host's */
	int cgroup_fd; /* directory of the frozen cgroup: who is in it is read again once it is
			  frozen; -1: the target's members as they were resolved */
	int table_fd;  /* an empty unnamed file: memtable.h, as it is drafted */
	int final_fd;  /* the same: with threads and times; watch->completed says when */
	int stage_fd;  /* a memfd of stage_bytes, not yet populated; -1: no staging */
	int spill_fd;  /* an unnamed file on the output's disk, -1: none */
	int sock;
	uint64_t stage_bytes, spill_bytes;
	uint64_t spill_spare; /* nothing more goes there when less is free on its disk */
	unsigned descriptors; /* how many the worker may have: its filter does not let it ask */
	uint64_t maps_max;    /* bytes of records of mappings, 0: MAPROOM_MAX */
	uint64_t runs_max;    /* records of runs of pages, 0: RUNS_MAX */
	struct capture_watch *watch;
	struct capture_skip skip[CAPTURE_SKIPS]; /* named in the table, with the reason */
	unsigned skips;
	bool unprepared; /* nothing is read before READY */
	/* CLOCK_MONOTONIC, 0: no such end. What is not read by then before READY is left as it is;
	 * of a process that takes too much of the time up to the second, the rest is not listed. */
	uint64_t prepared_ns, listed_ns;
	/*
	 * table_fd has processes that another worker finished: the others are added. They are read
	 * live (GO says HOLD_NONE), or, with no_more, only named.
	 */
	bool again, no_more;
	bool late; /* the target was held, and is not any more */
};

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40 /* lets one follow map_files since Linux 5.9 */
#endif

/*
 * What the worker needs: to read and stop the target's processes; to open shared memory through
 * map_files (before 5.9 CAP_SYS_ADMIN, which also tells swap entries from marks of userfaultfd),
 * and to leave its access times alone.
 */
#define CAPTURE_CAPS                                                             \
	(DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH) |          \
		DUMPER_CAP(CAP_CHECKPOINT_RESTORE) | DUMPER_CAP(CAP_SYS_ADMIN) | \
		DUMPER_CAP(CAP_FOWNER))

/* In the worker (FILTER_TRACER). 0, or why nothing at all could be captured. */
int capture_run(const struct capture_job *job, struct err *e) must_check;
