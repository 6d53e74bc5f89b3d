/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * mapped - files that processes have mapped, opened through the mapping itself: the file that is
 * meant, whatever its name leads to by now. Digest and build id, no content.
 */
#include "err.h"
#include "jsonw.h"
#include "place.h"

#include <sys/types.h>

struct dump;
struct sink;

struct mapped {
	const struct dump *dump; /* borrowed */
	struct sink *out;
	struct place_world world;
	struct fsmap mounts; /* of the last process */
	pid_t pid;	     /* it, 0: none */
	int pid_fd;
	uint64_t hashed; /* bytes in all */
	struct hash *hash;
	char *block;
};

struct mapped_file {
	pid_t pid;
	uint64_t start_ticks, start, end, ino;
	const char *name; /* as maps has it */
	uint64_t item;	  /* for sink_item() */
};

#define own_mapped __attribute__((cleanup(mapped_done)))
int mapped_init(struct mapped *m, const struct dump *d, struct sink *out, struct err *e) must_check;
void mapped_done(struct mapped *m);
/*
 * Adds size, times, sha256 and build_id to the open object of 'w'; or why not, as "not_read",
 * with 'ret_why' for a gap: its code 0 when it was read. Nothing else fails.
 */
void mapped_write(
	struct mapped *m, const struct mapped_file *f, struct jsonw *w, struct err *ret_why);
