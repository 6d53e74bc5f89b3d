/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * stage - where copied pages wait while the target runs again: memory, faulted in before the
 * target is stopped (a fresh page costs four times its copy), and beyond it a file.
 */
#include "err.h"
#include "memtable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew;

enum {
	STAGE_BLOCK = 4 << 20,
	STAGE_HANDS = 4, /* that write to the file at the same time, at most */
};

struct stage {
	char *map;		     /* of the memfd; NULL: none */
	uint64_t bytes, used, ready; /* ready: bytes that are faulted in */
	char *block;		     /* for what goes to the file: STAGE_BLOCK of each hand */
	int spill_fd;
	uint64_t spill_bytes, spill_used;
	uint64_t spare;	 /* bytes that stay free on the file's disk, 0: nobody looks */
	int spill_error; /* why nothing goes to the file any more, 0 or positive */
};

#define STAGE_INIT ((struct stage){.spill_fd = -1})
#define own_stage __attribute__((cleanup(stage_done)))
/* Descriptors are borrowed; -1 where there is none. */
int stage_open(struct stage *s, int stage_fd, uint64_t bytes, int spill_fd, uint64_t spill_bytes,
	struct err *e) must_check;
void stage_done(struct stage *s);
/* Faults in 'want' bytes, or what there is. Memory that cannot be had is not staged into. */
void stage_populate(struct stage *s, uint64_t want, struct crew *crew, _Atomic uint64_t *beat);

/* Where the next bytes go: *ret_room of them, at most STAGE_BLOCK in the file's case. NULL: there
 * is no more room. */
char *stage_room(const struct stage *s, size_t *ret_room);
/* The first n of them are kept. Says where they are. -ENOSPC and the like: they are not. */
int stage_keep(struct stage *s, size_t n, enum mem_store *ret_store, uint64_t *ret_offset)
	must_check;

/* The same by several hands, each at a place of its own. Places count from the start of memory to
 * the end of the file; the next byte's is stage_at(), and *ret_room follow in one of the two. */
uint64_t stage_at(const struct stage *s, size_t *ret_room);
/* Where the hand puts up to STAGE_BLOCK bytes for a place; hand 0's is stage_room() for the next.
 */
char *stage_hand(const struct stage *s, uint64_t at, unsigned hand);
/* It has: n bytes are there. */
int stage_put(const struct stage *s, uint64_t at, unsigned hand, size_t n) must_check;
/* The next n bytes were put: they are kept. */
void stage_take(struct stage *s, size_t n, enum mem_store *ret_store, uint64_t *ret_offset);
