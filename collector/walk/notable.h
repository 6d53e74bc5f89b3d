/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* notable - what somebody in a hurry looks for among the rows: how much was changed, which
 * programs came, which of them have rights of their own. Said as findings, few of them. */
#include "buf.h"
#include "err.h"
#include "rec.h"

#include <stdint.h>

struct layer_job;
struct sink;

struct notable {
	const struct layer_job *job;
	struct sink *sink;
	uint64_t change[REC_CHANGES]; /* of files: directories change with what is in them */
	uint64_t programs, named, privileged;
	struct buf names; /* of the first programs */
};

void notable_begin(struct notable *n, const struct layer_job *job, struct sink *out);
/* path: without the slash in front; "" when it is too long. */
int notable_add(struct notable *n, const struct rec *r, const char *path, struct err *e) must_check;
int notable_end(struct notable *n, struct err *e) must_check;
void notable_done(struct notable *n);
