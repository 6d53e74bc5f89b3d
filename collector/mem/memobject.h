/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memobject - shared memory that is read only now, after the thaw: as the file that it is, through
 * any process that still maps it. Others were referred to one of them, and that one may have ended,
 * or may never have touched a page.
 */
#include "memtable.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { MEMOBJECT_SEARCHES = 64 }; /* of the whole table, for all processes */

struct memobject {
	int fd;		      /* -1: nobody has it */
	uint64_t proc, start; /* for which mapping: its PROC in the table */
	unsigned searches;
};

#define MEMOBJECT_INIT ((struct memobject){.fd = -1})
void memobject_close(struct memobject *o);

/* The mapping of a process, whose PROC is at 'at' in the table. */
struct memobject_of {
	int proc_fd; /* the host's */
	const struct mem_proc *proc;
	uint64_t at;
	const struct mem_map *map;
};

/* Up to n bytes (a multiple of the page) from an address on: whole pages; 0: they cannot be had so.
 * The scan stays where it is. */
size_t memobject_read(struct memobject *o, struct memscan *scan, const struct memobject_of *of,
	uint64_t address, struct iovec to);
