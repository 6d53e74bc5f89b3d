/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * copy - takes runs of pages in the order of their addresses, copies those that are to be dumped
 * from the process into the staging area, many at a time, and says what became of each.
 *
 * Only pages that exist are read, so nothing is waited for. What the kernel does not give by
 * process_vm_readv(2) is asked of /proc/PID/mem, page by page at worst.
 */
#include "err.h"
#include "runs.h"
#include "stage.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	COPY_RUNS = 4096, /* that wait to be copied */
	COPY_PARTS = 96,
};

/* Runs that one call reads, on whichever thread. */
struct copy_part {
	unsigned first, runs; /* index of the first one; those that are dumped */
	uint64_t at;	      /* place in the staging area */
	size_t n, got;
};

/* What stands for all processes. */
struct copy_limits {
	uint64_t max_process, max_total; /* bytes dumped */
	uint64_t total;			 /* so far */
	bool live;			 /* nothing is copied: it runs, or time is up */
	bool maps_only;
	bool by_file;	/* /proc has other numbers than we: a call by number would hit another */
	uint64_t until; /* CLOCK_MONOTONIC ns: then expired() once, and live */
	int (*expired)(void *arg, struct err *e);
	void *arg;
	_Atomic uint64_t *beat, *item; /* capture_watch's; NULL: nobody watches */
};

struct copy {
	struct copy_limits *limits;
	struct stage *stage;
	struct crew *crew; /* NULL: alone */
	struct runs *runs;
	pid_t pid;  /* of a live thread */
	int pid_fd; /* the thread's directory: while it has files, the number is the thread's */
	int mem_fd; /* own; -1: not opened yet, -2: cannot be */
	uint64_t dumped;
	/*
	 * Who waits in process_vm_readv(2) for the lock of a process's memory cannot be killed; in
	 * /proc/PID/mem, which is slower, he can (Linux 5.3).
	 */
	bool by_file;
	bool unreadable;	/* the mapping: only /proc/PID/mem gives it */
	enum mem_fate on_fault; /* what a page that faults is: MEM_FAILED, or known better */
	struct mem_run run[COPY_RUNS];
	unsigned count;
	uint64_t bytes; /* to be dumped, of those */
	struct copy_part part[COPY_PARTS];
	unsigned parts, taken; /* taken: those whose bytes are kept */
};

/* by_file is as the limits have it. */
void copy_begin(struct copy *c, pid_t pid, int pid_fd);
void copy_done(struct copy *c);
/* A sign of life, and a look at the clock. */
int copy_tick(struct copy *c, struct err *e) must_check;
/* start, end, fate, flags and for MEM_ELSEWHERE offset are set. */
int copy_add(struct copy *c, const struct mem_run *run, struct err *e) must_check;
/* The mapping ends: all is said. */
int copy_flush(struct copy *c, struct err *e) must_check;
/* May one page be had? Reads it for nothing but that. */
bool copy_can_read(struct copy *c, uint64_t address);
/* Up to n bytes of the process, 0 when there are none. The caller knows that they exist. */
size_t copy_peek(struct copy *c, uint64_t address, void *to, size_t n);
/* Content is read from here on, until tick_item() puts back what is returned. */
uint64_t copy_enter(struct copy *c);
/* How many of 'want' bytes the limits leave; they are counted as dumped. */
uint64_t copy_grant(struct copy *c, uint64_t want);
/* n of those could not be had. */
void copy_take_back(struct copy *c, uint64_t n);
