/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * regs - the register sets of a stopped thread, as records.
 *
 * System calls of the worker that captures, for its filter. ptrace: PTRACE_SEIZE,
 * PTRACE_INTERRUPT, PTRACE_GETREGSET, PTRACE_GETSIGINFO, PTRACE_DETACH, nothing else. Besides:
 * wait4, rt_sigprocmask, rt_sigtimedwait; process_vm_readv; openat, openat2, read, pread64,
 * pwrite64, lseek, close, fcntl, fstat, newfstatat, fstatfs, readlinkat, faccessat, faccessat2,
 * getdents64; ioctl PAGEMAP_SCAN (0xc0606610); kcmp; memfd_create, ftruncate; mmap, munmap, mremap,
 * brk, madvise (HUGEPAGE, POPULATE_WRITE); clock_gettime, sendto, recvfrom, exit_group.
 */
#include "err.h"
#include "memtable.h"

#include <stdint.h>
#include <sys/types.h>

struct hold_thread;

/* Adds the thread's sets to the table. *machine: EM_ of its program, when a set tells. Returns how
 * many sets there were; 0: none, *ret_error (positive) says why. */
int regs_read(struct memtable *t, const struct hold_thread *thread, uint16_t *machine,
	int *ret_error, struct err *e) must_check;
