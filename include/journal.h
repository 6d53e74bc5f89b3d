/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * journal - what a dumper has begun, in the notes of its spool (sink.h): when it is started again
 * after a stall, it neither sends a member twice nor walks into the same trap.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dump;

enum { JOURNAL_STEPS = 7 };

struct journal {
	int fd;
	uint32_t *begun; /* sorted, of earlier lives */
	size_t count, next;
	unsigned stalls; /* so far */
};

/* The item number (sink_item()) of one step (below JOURNAL_STEPS) with one process, 0 for all. */
uint64_t journal_item(unsigned step, pid_t pid);
unsigned journal_step(uint64_t item);
pid_t journal_pid(uint64_t item);

/* Reads what earlier lives wrote, and adds that d->resume.item stalled. */
int journal_open(struct journal *j, const struct dump *d, struct err *e) must_check;
void journal_done(struct journal *j);
int journal_add(struct journal *j, uint64_t item, struct err *e) must_check;
/* In an earlier life. */
bool journal_has(const struct journal *j, uint64_t item);
bool journal_stalled(const struct journal *j, uint64_t item);
