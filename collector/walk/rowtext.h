/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * rowtext - the lines of one member, made once: a member says its size before its bytes, so
 * they wait in the spool's file behind the records. Several grow there side by side.
 */
#include "buf.h"
#include "err.h"
#include "rows.h"

#include <stdbool.h>
#include <stdint.h>

struct feed;
struct spool;

typedef void rowtext_line(struct buf *out, const struct rows_entry *x);

struct rowtext {
	rowtext_line *line;
	uint64_t *tail;	    /* the end of what is in the file, of all that grow there */
	uint64_t size;	    /* of its lines there */
	struct buf chunks;  /* where: struct rowtext_chunk, in order */
	struct buf pending; /* the last lines */
	bool whole;	    /* there is nothing to come */
};

#define ROWTEXT(line_, tail_)                                      \
	((struct rowtext){.line = (line_),                         \
		.tail = (tail_),                                   \
		.chunks = BUF_INIT(1 << 20), /* for some 64 GiB */ \
		.pending = BUF_INIT(4 << 20)})

void rowtext_done(struct rowtext *t);
/* Forgets the lines there were. */
void rowtext_begin(struct rowtext *t);
int rowtext_add(struct rowtext *t, const struct spool *s, const struct rows_entry *x, struct err *e)
	must_check;
int rowtext_end(struct rowtext *t, const struct spool *s, struct err *e) must_check;
/* All from the byte 'from' on. */
int rowtext_send(const struct rowtext *t, const struct spool *s, struct feed *f, uint64_t from,
	struct err *e) must_check;
