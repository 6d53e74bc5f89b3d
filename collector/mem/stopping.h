/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* stopping - the threads of those that no cgroup holds, and of all of them before they are let go;
 * and what is so once everybody stands still. */
#include "draft.h"

enum { STOPPING_ROUNDS = 10 }; /* of looking for who is born meanwhile */

/* How long so many threads are given to stop. */
uint64_t stopping_ns(unsigned threads);
/* Asks the threads of one process to stop: how many. Those it asked before are not asked again. */
int stopping_ask(struct capture *c, unsigned i, struct err *e) must_check;
/* Those that no cgroup holds are stopped now, all at the same time. */
int stopping_others(struct capture *c, struct err *e) must_check;
/* What the frozen have used of a CPU, before they are copied; and whether they used more since, as
 * those do that somebody thaws, for however short a while. */
void stopping_mark(struct capture *c);
void stopping_judge_ran(struct capture *c);
bool stopping_stands_still(const struct proc_one *p);
