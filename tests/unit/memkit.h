/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memkit - tables of memory made by hand, for tests of what reads them. Any failure aborts. */
#include "memtable.h"

struct memkit {
	struct memtable table;
	int fd;	   /* of the table */
	int stage; /* of the bytes */
	uint64_t staged;
	struct mem_end end;
};

void memkit_open(struct memkit *k);
void memkit_close(struct memkit *k);

/* pid, comm "victim", x86-64 */
struct mem_proc memkit_proc(int pid);
void memkit_add(struct memkit *k, const void *record, size_t fixed, const void *tail, size_t n);
void memkit_thread(struct memkit *k, int tid, int cursig);
/* n bytes of 'fill' */
void memkit_regs(struct memkit *k, uint32_t note, size_t n, int fill);
void memkit_auxv(struct memkit *k, const void *p, size_t n);
void memkit_map(struct memkit *k, uint64_t start, uint64_t end, uint32_t kind, const char *name);
/* A mapping with flags and file offset as well. */
void memkit_map_as(struct memkit *k, const struct mem_map *m, const char *name);
/* Dumped: the bytes go into the staging area. */
void memkit_bytes(struct memkit *k, uint64_t start, const void *p, size_t n);
void memkit_run(struct memkit *k, uint64_t start, uint64_t end, enum mem_fate fate, int error);
void memkit_live(struct memkit *k, uint64_t start, uint64_t end);
void memkit_end(struct memkit *k);
