/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sockowners - which process holds which socket: the "socket:[INODE]" links of the
 * members' descriptors. */
#include "dumper.h"
#include "jsonw.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockowner {
	uint64_t inode;
	int32_t pid;		    /* the thread's, where a thread has a table of its own */
	unsigned fd : 31, seen : 1; /* seen: sockowners_put() has shown it */
};

struct sockowners {
	struct sockowner *list; /* by inode, after sockowners_collect() */
	size_t n, cap;
	uint64_t lost; /* over the limit */
};
#define SOCKOWNERS_INIT ((struct sockowners){0})
#define own_sockowners __attribute__((cleanup(sockowners_done)))

/* Processes that end meanwhile or cannot be read become gaps. */
int sockowners_collect(struct sockowners *o, const struct dump *d, struct sink *out, struct err *e)
	must_check;
void sockowners_done(struct sockowners *o);

/* Key "owners": an array of {pid, fd}, some of them and "owners_more" when there are many.
 * Returns the first, NULL when there is none. */
const struct sockowner *sockowners_put(const struct sockowners *o, struct jsonw *w, uint64_t inode);
