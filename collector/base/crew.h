/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * crew - several threads that do parts of one thing at the same time. They wait between two
 * things and hold nothing. A worker's filter must allow threads (FILTER_WRITER, FILTER_TRACER).
 */
#include <stdbool.h>

struct crew;

/* Processors that we may run on, at most 'most'; at least 1. */
unsigned crew_cores(unsigned most);

/* With that many threads beside the caller's, or fewer where they cannot be had. NULL: none. */
struct crew *crew_new(unsigned threads);
void crew_free(struct crew *c); /* ends them */
/* How many do parts at the same time, the caller among them. */
unsigned crew_hands(const struct crew *c);
/* Calls part(arg, i, hand) for each i below n, in any order, on any thread and the caller's (c may
 * be NULL: on the caller's alone); none has the same hand, below crew_hands(), at the same time.
 * Returns when all have returned. */
void crew_run(
	struct crew *c, unsigned n, void (*part)(void *arg, unsigned i, unsigned hand), void *arg);
