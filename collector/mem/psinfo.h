/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* psinfo - what a core tells of a process and its threads besides their memory. */
#include "err.h"
#include "memtable.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct copy;
struct pagemap;
struct proc_one;

/* From its stat and status. */
void psinfo_proc(const struct proc_one *p, struct mem_proc *ret);
/* The start of its command line, if its page is there. */
void psinfo_args(
	const struct proc_one *p, struct pagemap *pages, struct copy *c, struct mem_proc *ret);
/* Its auxiliary vector; 0 bytes: it has none. */
enum { PSINFO_AUXV = 4096 };
size_t psinfo_auxv(const struct proc_one *p, char *to, size_t n);
/* EM_ of this machine; EM_386 or EM_ARM for the vector of a 32-bit program. */
uint16_t psinfo_machine(const char *auxv, size_t n);
/* One of its threads; zeros where it has ended. */
void psinfo_thread(const struct proc_one *p, pid_t tid, struct mem_thread *ret);
