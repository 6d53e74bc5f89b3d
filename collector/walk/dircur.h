/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * dircur - directories of a walk as descriptors, few at a time. Each is opened
 * from its parent by name and must have the device and inode its record says;
 * ".." is used to climb, under the same condition.
 */
#include "err.h"
#include "spool.h"

#include <stdint.h>

enum { DIRCUR_OPEN = 32 };

struct dircur {
	struct spool *spool;
	int root_fd; /* O_PATH, the caller's */
	unsigned n;
	struct {
		uint64_t dir;
		int fd;
		uint32_t depth;
	} at[DIRCUR_OPEN]; /* each the parent of the next */
	uint64_t *chain;   /* REC_DEPTH */
};

int dircur_init(struct dircur *c, struct spool *s, int root_fd, struct err *e) must_check;
void dircur_done(struct dircur *c);
/* An O_PATH descriptor of a directory's record, which stays ours. -ESTALE: the name leads
 * to another directory now. */
int dircur_open(struct dircur *c, uint64_t dir, struct err *e) must_check;
