/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* capturing - a capture as the engine sees it, and what it put into its table. */
#include "capture.h"
#include "memtable.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct target;

struct capturing {
	struct target *target;
	struct capture_job job;
	pid_t worker;
	int sock;
	struct capture_msg ready, copied, done;
	uint64_t go_ns, copied_ns, done_ns;
	/* where the engine does its part; NULL: nothing */
	void (*freeze)(struct capturing *k), (*thaw)(struct capturing *k);
	void (*finished)(struct capturing *k); /* the worker has done all, and lives */
	void *arg;
	bool sandboxed;
	bool own_pids; /* the worker is in a PID namespace of its own */
};

/* A capture of nobody yet; room for staging. */
void capturing_open(struct capturing *k, uint64_t stage_bytes);
void capturing_close(struct capturing *k);
void capturing_member(struct capturing *k, pid_t pid);
/* From start to DONE. until_ns: of the copying, from its start. 0, or what the worker ended
 * with. */
int capturing_run(struct capturing *k, enum capture_hold how, uint64_t until_ns);

/* One run of pages with its mapping, as a reader of the table finds it. */
struct captured {
	struct mem_proc proc;
	struct mem_map map;
	struct mem_run run;
	char name[MEM_NAME];
};
/* Each run of a process: stops when 'each' returns true. */
bool capturing_each(struct capturing *k, pid_t pid,
	bool (*each)(struct capturing *k, const struct captured *x, void *arg), void *arg);
/* The run with the address. false: none has it. */
bool capturing_at(struct capturing *k, pid_t pid, uint64_t address, struct captured *ret);
/* How many of a type of record a process has; the last one's head is copied to ret (n bytes). */
unsigned capturing_count(struct capturing *k, pid_t pid, enum mem_type type, void *ret, size_t n);
/* The first note of a process about this. */
bool capturing_note(struct capturing *k, pid_t pid, const char *where, struct mem_note *ret);
/* n bytes of a dumped run, from its store. */
void capturing_bytes(struct capturing *k, const struct mem_run *r, uint64_t at, void *to, size_t n);
