/* SPDX-License-Identifier: Apache-2.0 */
/* memkit - tables of memory made by hand. */
#include "memkit.h"
#include "io.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void memkit_open(struct memkit *k)
{
	*k = (struct memkit){
		.fd = memfd_create("table", MFD_CLOEXEC),
		.stage = memfd_create("stage", MFD_CLOEXEC),
	};
	if (k->fd < 0 || k->stage < 0 || memtable_open(&k->table, k->fd, NULL) < 0)
		abort();
}

void memkit_close(struct memkit *k)
{
	memtable_done(&k->table);
	(void)close(k->fd);
	(void)close(k->stage);
}

struct mem_proc memkit_proc(int pid)
{
	return (struct mem_proc){
		.head.type = MEM_PROC,
		.pid = pid,
		.ppid = 1,
		.pgrp = pid,
		.sid = pid,
		.uid = 1000,
		.gid = 100,
		.machine = EM_X86_64,
		.state = 'S',
		.comm = "victim",
		.args = "victim --all",
	};
}

void memkit_add(struct memkit *k, const void *record, size_t fixed, const void *tail, size_t n)
{
	char copy[512];

	memcpy(copy, record, fixed);
	if (memtable_add(&k->table, copy, fixed, tail, n, NULL) < 0)
		abort();
}

void memkit_thread(struct memkit *k, int tid, int cursig)
{
	struct mem_thread t = {.head.type = MEM_THREAD,
		.tid = tid,
		.ppid = 1,
		.utime = 250,
		.cursig = (int16_t)cursig,
		.state = 'S',
		.comm = "victim"};

	memkit_add(k, &t, sizeof(t), NULL, 0);
}

void memkit_regs(struct memkit *k, uint32_t note, size_t n, int fill)
{
	struct mem_regs r = {.head.type = MEM_REGS, .note = note, .n = (uint32_t)n};
	void *p = malloc(n ? n : 1);

	memset(p, fill, n);
	memkit_add(k, &r, sizeof(r), p, n);
	free(p);
}

void memkit_auxv(struct memkit *k, const void *p, size_t n)
{
	struct mem_regs r = {.head.type = MEM_AUXV, .n = (uint32_t)n};

	memkit_add(k, &r, sizeof(r), p, n);
}

void memkit_map_as(struct memkit *k, const struct mem_map *m, const char *name)
{
	struct mem_map copy = *m;

	copy.head.type = MEM_MAP;
	copy.name_len = (uint32_t)strlen(name);
	memkit_add(k, &copy, sizeof(copy), name, strlen(name) + 1);
}

void memkit_map(struct memkit *k, uint64_t start, uint64_t end, uint32_t kind, const char *name)
{
	struct mem_map m = {.start = start, .end = end, .kind = kind, .flags = MEM_R | MEM_W};

	memkit_map_as(k, &m, name);
}

static void add_run(struct memkit *k, struct mem_run r)
{
	r.head.type = MEM_RUN;
	memkit_add(k, &r, sizeof(r), NULL, 0);
	k->end.runs++;
}

void memkit_bytes(struct memkit *k, uint64_t start, const void *p, size_t n)
{
	struct mem_run r = {.start = start,
		.end = start + n,
		.offset = k->staged,
		.fate = MEM_DUMPED,
		.store = MEM_STORE_STAGE};

	if (io_pwrite(k->stage, p, n, (off_t)k->staged) < 0)
		abort();
	k->staged += n;
	k->end.staged += n;
	add_run(k, r);
}

void memkit_run(struct memkit *k, uint64_t start, uint64_t end, enum mem_fate fate, int error)
{
	add_run(k, (struct mem_run){
			   .start = start, .end = end, .fate = (uint16_t)fate, .error = error});
}

void memkit_live(struct memkit *k, uint64_t start, uint64_t end)
{
	struct mem_run r = {.start = start,
		.end = end,
		.fate = MEM_DUMPED,
		.store = MEM_STORE_LIVE,
		.flags = MEM_WAS_LIVE};

	k->end.live += end - start;
	add_run(k, r);
}

void memkit_end(struct memkit *k)
{
	if (memtable_end(&k->table, &k->end, NULL) < 0)
		abort();
	k->end = (struct mem_end){0};
}
