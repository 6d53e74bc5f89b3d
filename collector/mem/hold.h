/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * hold - threads that are stopped by ptrace, without a signal that they could see, and let go
 * again. If we die, the kernel lets them go.
 *
 * PTRACE_SEIZE, PTRACE_INTERRUPT and PTRACE_DETACH alone. A frozen thread stops when it is
 * thawed, before it runs an instruction of its own.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { HOLD_MAX = 262144 }; /* threads of all processes */

enum hold_state {
	HOLD_LOST,  /* never ours: 'error' */
	HOLD_ASKED, /* will stop */
	HOLD_STOPPED,
	HOLD_GONE, /* ended */
	HOLD_FREE, /* was let go */
};

struct hold_thread {
	pid_t tid;
	uint32_t proc;		 /* the caller's number of its process */
	int error;		 /* positive errno */
	uint8_t state;		 /* enum hold_state */
	uint8_t signal;		 /* about to be delivered: goes on with it */
	uint64_t regs, regs_len; /* the caller's */
};

struct hold {
	struct hold_thread *thread; /* in the order they were asked, until hold_sort() */
	unsigned count, cap;
	unsigned asked; /* threads in HOLD_ASKED */
	uint32_t *slot; /* tid to index + 1 */
	unsigned slots;
	_Atomic uint64_t *beat; /* signs of life; may be NULL */
};

int hold_init(struct hold *h, _Atomic uint64_t *beat, struct err *e) must_check;
void hold_done(struct hold *h); /* lets go of all */
/* Asks the threads of a process to stop that were not asked before; how many. One that is inside
 * execve(2) is not asked, EBUSY; frozen: it cannot be. -ENOSPC: HOLD_MAX, some were not asked; nor
 * were they when it fails otherwise. */
int hold_process(struct hold *h, int pid_fd, uint32_t proc, bool frozen, struct err *e) must_check;
/* Waits for those that were asked, until the time (CLOCK_MONOTONIC ns). Some may not have stopped
 * then: one that the kernel keeps for itself does not. */
void hold_wait(struct hold *h, uint64_t until);
/* The same, but returns when some have stopped. False: there is nobody left to wait for, or it is
 * the time. */
bool hold_wait_some(struct hold *h, uint64_t until);
void hold_release(struct hold_thread *t);
/* Those that stop late are let go at once. */
void hold_sweep(struct hold *h);
/* Puts the list into another order. */
void hold_sort(struct hold *h, int (*order)(const void *a, const void *b));
