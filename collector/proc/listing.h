/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* listing - one JSON member of a process that is an array of rows, one a line. */
#include "err.h"
#include "jsonw.h"
#include "sink.h"

#include <stdint.h>

struct subject;

struct listing {
	struct subject *s;
	const char *name; /* of the array; the member is NAME.json */
	struct sink_text text;
	struct jsonw w; /* a row is an object without a key */
	uint64_t rows, max, left_out;
};

void listing_begin(struct listing *l, struct subject *s, const char *name, uint64_t max_rows,
	uint64_t max_bytes);
/* Whether another row is wanted; counts it as left out otherwise. A sign of life as well. */
bool listing_wants(struct listing *l);
void listing_row(struct listing *l);
/* Closes and sends it. */
int listing_end(struct listing *l, struct err *e) must_check;
void listing_done(struct listing *l);
