/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memshare - processes that have one memory together (clone(CLONE_VM) without CLONE_THREAD, or
 * vfork(2) until the child runs a program): it is read once, however many there are.
 *
 * kcmp(2) tells whether two have the same, and else gives an order, so that n processes take
 * n log n calls. Only exec gives a process another memory, and that is a new one: two that had the
 * same before somebody read it through the one, and have it still afterwards, had it meanwhile.
 */
#include "procset.h"

struct memshare {
	uint32_t *first; /* of each memory, a process: by kcmp's order */
	unsigned count, cap;
};

void memshare_done(struct memshare *s);
/* Forgets whose memory is whose. */
void memshare_begin(struct memshare *s, struct procset *set);
/* Is its memory that of one who joined before? Then p->share is that one's index + 1, else its own;
 * 0: it could not be compared. */
bool memshare_join(struct memshare *s, struct procset *set, struct proc_one *p);
/* The process that is in the table with the memory that p has, and had when it joined; NULL: none.
 */
const struct proc_one *memshare_copied(const struct procset *set, const struct proc_one *p);
/* The memory of p was read. */
void memshare_copy(struct procset *set, const struct proc_one *p);
