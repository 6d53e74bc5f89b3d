/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* content - the second pass' reader: the bytes of one planned file, hashed on the way; exactly
 * as many as were planned, whatever became of it. */
#include "dircur.h"
#include "err.h"
#include "hash.h"
#include "lower.h"

#include <stdbool.h>
#include <stdint.h>

struct feed;
struct layer_job;
struct rec;
struct sink;
struct spool;

struct content {
	const struct layer_job *job;
	struct spool *spool;
	struct dircur cur;
	struct lower lower;
	struct hash *hash;
	uint64_t parent; /* whose descriptor is parent_fd */
	int parent_fd;	 /* of cur, or a negative errno */
	bool no_devices; /* on the tree's mount nothing is opened that acts on being opened */
	struct sink *sink;
	uint64_t item;	     /* of the file being read, for signs of life */
	uint64_t quiet;	     /* bytes since the last one */
	uint64_t holes_left; /* bytes of holes that may still be hashed as zeros */
};

int content_init(struct content *c, const struct layer_job *job, struct spool *s, struct sink *out,
	struct err *e) must_check;
void content_done(struct content *c);
/*
 * Sends r->data bytes to f (NULL: only hashes them) and sets digest, flags and
 * gap in r; what is lost is sent as zeros. An error is the writer's.
 */
int content_read(struct content *c, struct rec *r, struct feed *f, struct err *e) must_check;
/* After that: has the lower layer another content under this name, with the same size and time? */
bool content_is_set_back(struct content *c, const struct rec *r);
