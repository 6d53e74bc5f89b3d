/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* feed - small pieces into a sink's large blocks, and nothing of what the writer already has
 * from the worker before this one. */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

struct sink;

struct feed {
	struct sink *sink;
	char *room;
	size_t cap, used;
	uint64_t skip; /* bytes that are not sent any more */
};

/* skip is 0 for a member that was just begun. */
#define FEED(s, already) ((struct feed){.sink = (s), .skip = (already)})

int feed_write(struct feed *f, const void *p, size_t n, struct err *e) must_check;
int feed_zeros(struct feed *f, uint64_t n, struct err *e) must_check;
/* Where the next bytes go, *ret_n of them at most, never 0; then feed_used(). NULL: failed. */
char *feed_room(struct feed *f, size_t *ret_n, struct err *e) must_check;
int feed_used(struct feed *f, size_t n, struct err *e) must_check;
/* Sends what is still here. */
int feed_flush(struct feed *f, struct err *e) must_check;
