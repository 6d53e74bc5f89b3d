/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * jsonw - writes JSON text into a buf, one value after the other, without a
 * tree in memory: rows come by the million and names are bytes, which jansson's
 * strings cannot hold. Parsing is jansson's (jsonx.h).
 *
 * A key is given inside objects, NULL inside arrays and for the top value.
 * Errors collect in the buf (buf_check); nesting is limited to 32 levels.
 */
#include "buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct jsonw {
	struct buf *out;
	unsigned depth;
	bool comma[33];
};

#define JSONW(buffer) ((struct jsonw){.out = (buffer)})

void jsonw_open(struct jsonw *w, const char *key);	 /* { */
void jsonw_close(struct jsonw *w);			 /* } */
void jsonw_open_array(struct jsonw *w, const char *key); /* [ */
void jsonw_close_array(struct jsonw *w);		 /* ] */

/* NUL-terminated text that is ours, or of unknown content: the same as jsonw_bytes. NULL: null. */
void jsonw_str(struct jsonw *w, const char *key, const char *s);
/*
 * Bytes of any content. Valid UTF-8 goes in as a JSON string (control characters
 * as \u00XX). Anything else is written with U+FFFD for each bad byte, and inside
 * an object the exact bytes follow under KEY_b64.
 */
void jsonw_bytes(struct jsonw *w, const char *key, const void *p, size_t n);
void jsonw_u64(struct jsonw *w, const char *key, uint64_t v);
void jsonw_i64(struct jsonw *w, const char *key, int64_t v);
/* "0x1f" */
void jsonw_hex(struct jsonw *w, const char *key, uint64_t v);
void jsonw_bool(struct jsonw *w, const char *key, bool v);
void jsonw_null(struct jsonw *w, const char *key);
/* RFC 3339 in UTC with nanoseconds: "2024-02-01T10:00:00.000000001Z" */
void jsonw_time(struct jsonw *w, const char *key, struct timespec t);
/* Bytes as lower-case hexadecimal. */
void jsonw_hexbytes(struct jsonw *w, const char *key, const void *p, size_t n);
/* A value that is already JSON. */
void jsonw_raw(struct jsonw *w, const char *key, const char *json, size_t n);
