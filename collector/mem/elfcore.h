/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * elfcore - an ELF core file of one process from its records, as the kernel writes them
 * (fs/binfmt_elf.c): notes in its order, a mapping as one or more PT_LOAD.
 *
 * What was dumped has its bytes in the file. Between and behind such runs a short run that is
 * known to be zero is written as zeros, so that segments stay few; a longer one has memory but no
 * bytes (p_filesz 0), which readers take for zeros, and so has what is as in the file that
 * NT_FILE names, which they read there. What nobody knows is a segment too, but of type PT_NULL:
 * gdb "cannot access" it, and never shows zeros.
 *
 * Memory: a few blocks, whatever the number of threads, mappings and runs: all is read again for
 * each part of the file.
 */
#include "elfout.h"
#include "memfit.h"
#include "memtable.h"

struct elfcore {
	struct mem_proc proc;
	uint64_t at;	       /* of the PROC record */
	uint64_t maps_at;      /* of the first MAP, or of END */
	uint64_t first_thread; /* the record that comes first in the file; 0: none with registers */
	bool narrow;	       /* ELFCLASS32 */
	bool foreign; /* a 32-bit program that did not fit one: 64-bit file without registers */
	int32_t pid;  /* as it sees itself: its C library calls its threads so, and gdb asks it */
	uint64_t threads, bare; /* all, and those without registers that can be told */
	uint64_t segments, files,
		names; /* PT_LOADs and PT_NULLs; entries of NT_FILE, bytes of their names */
	uint64_t notes_at, notes, load_at, load; /* offsets and bytes in the file */
	uint64_t dumped, bridged;		 /* of load: from runs, and zeros between */
	uint64_t limit, spare;			 /* of dumped, and of that left for bridged */
	struct memfit fit;			 /* as it is before the first mapping */
	uint64_t size;				 /* of the file */
};

/*
 * Lays out the file for the process whose PROC is at 'at', with at most 'limit' bytes of
 * dumped memory. -EBADMSG: the records make no sense.
 */
int elfcore_plan(struct elfcore *c, struct memscan *s, uint64_t at, uint64_t limit, struct err *e)
	must_check;

struct elfcore_to {
	elfout_fn bytes;
	/* The bytes of one dumped run, all of them: what does not fit is cut off. */
	int (*run)(void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at,
		struct err *e);
	void *arg;
};

/* The whole file, exactly c->size bytes. The same bytes each time, but for those of run(). */
int elfcore_write(const struct elfcore *c, struct memscan *s, const struct elfcore_to *to,
	struct err *e) must_check;

/* Whether the core has a thread's registers: a set of this note and length. */
bool elfcore_takes(const struct elfcore *c, const struct mem_regs *r);
