/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memlive - pages of a process that runs. Only pages that its pagemap says are there are asked
 * for, and the vdso's: any other may make somebody's server answer, or never (userfaultfd, FUSE).
 *
 * By /proc/PID/mem alone: who waits there for the lock of its memory can be killed (Linux 5.3), and
 * in process_vm_readv(2) he cannot; and it has the memory that was opened, whoever gets its number.
 */
#include "err.h"
#include "memtable.h"

#include <sys/types.h>

struct memlive {
	int pid_fd; /* or of a thread that runs, when the first has ended */
	int mem_fd, map_fd;
	uint64_t page;
	uint64_t *entries; /* of the pagemap, for one block */
	/* Set where userfaultfd may be: an entry that looks swapped can be its mark. */
	bool careful;
	bool special; /* set where the mapping is one: it may be the vdso */
};

enum { MEMLIVE_BLOCK = 4 << 20 }; /* at most this much in one read */

#define MEMLIVE_INIT ((struct memlive){-1, -1, -1, 0, NULL, false, false})
/*
 * -ESRCH: it has ended, or is another one; -ESTALE: it runs another program by now (its auxv
 * differs from the one given, which may have 0 bytes).
 */
int memlive_open(struct memlive *l, int proc_fd, const struct mem_proc *p, const void *auxv,
	size_t n, struct err *e) must_check;
void memlive_close(struct memlive *l);

/* Why the pages behind those that were read were not. */
struct memlive_bad {
	size_t n; /* bytes; 0: nothing is known of them yet */
	enum mem_fate fate;
	int error;
};

/* Reads up to n bytes (a multiple of the page) to 'to'; the bytes read. Fewer than n: go on
 * behind them and bad->n more. */
size_t memlive_read(
	struct memlive *l, uint64_t at, void *to, size_t n, struct memlive_bad *ret_bad);
