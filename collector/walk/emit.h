/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* emit - the second pass: the members, made from the spool and the content of
 * the files it names. Each takes up where an abandoned worker left it. */
#include "err.h"
#include "layer.h"
#include "spool.h"

struct sink;

/* All members and gaps that are not complete yet (spool_head.members). */
int emit_all(const struct layer_job *job, struct spool *s, struct sink *out, struct err *e)
	must_check;
