/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* walk - the first pass: a tree's names and metadata into the spool, depth
 * first, without recursion, and the plan of what the second pass reads. */
#include "ahead.h"
#include "buf.h"
#include "dircur.h"
#include "err.h"
#include "layer.h"
#include "links.h"
#include "lower.h"
#include "spool.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	WALK_ITEM_JOB = 48, /* bits of an item below the job's number */
	WALK_ROW = 640,	    /* bytes that a name costs in rows and bodyfile, besides its path */
};
#define WALK_ITEM_EMIT (1ULL << 47)

struct walk {
	const struct layer_job *job;
	struct sink *sink; /* NULL: no sign of life is needed */
	struct spool *spool;
	struct dircur cur;
	struct lower lower;
	struct links links;
	struct ahead *ahead;	     /* NULL: none */
	const struct ahead_one *one; /* what it knows of the name */
	size_t number;		     /* of the name in its block */
	char *rec;		     /* REC_MAX: the record being made */
	struct buf xattrs, target, extents, head;
	char path[REC_PATH + 1]; /* of the directory being listed, when it fits */
	uint64_t dir;		 /* its record */
	struct spool_rec dir_rec;
	int dir_fd;
	uint64_t last_dir; /* the last directory listed in it */
	bool marked;	   /* it has REC_BELOW, and so have all above it */
	uint64_t mount_id; /* of the root; 0: not known */
	uint64_t item;
	uint64_t planned; /* bytes of members */
	struct layer_stats stats;
};

#define own_walk __attribute__((cleanup(walk_done)))

int walk_init(struct walk *w, const struct layer_job *job, struct spool *s, struct sink *sink,
	struct err *e) must_check;
void walk_done(struct walk *w);
/* Goes on after what stalled when the spool holds a beginning. */
int walk_run(struct walk *w, struct err *e) must_check;
/* Counts a record that is already in the spool, as if it had just been made. */
void walk_recount(struct walk *w, uint64_t at, const struct rec *r);
