/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rows - a record as text: a JSON line, a line of a bodyfile. */
#include "buf.h"

#include <stdint.h>

struct layer_job;
struct rec;

struct rows_entry {
	const struct layer_job *job;
	const struct rec *rec;
	uint64_t id;		 /* where the record is */
	const char *path;	 /* relative, "" when too long (or the root) */
	const char *link;	 /* path of the first name of the same file; NULL: none */
	const struct rec *first; /* and its record */
};

void rows_json(struct buf *out, const struct rows_entry *x);
/* The Sleuth Kit's body file, version 3. */
void rows_body(struct buf *out, const struct rows_entry *x);
