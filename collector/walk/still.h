/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * still - did the directories of a walk stay as they were listed? A name moved from
 * one that is not listed yet into one that is has been in no listing: only the
 * directories' times tell.
 */
#include "dircur.h"
#include "err.h"
#include "sink.h"
#include "spool.h"

#include <stdint.h>

/* Looks at each listed directory once more; gives those that changed a gap. */
int still_check(struct spool *s, struct dircur *cur, struct sink *sink, uint64_t item,
	struct err *e) must_check;
