/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* buf - a growing byte buffer that takes its maximum at birth. The bytes may
 * hold NULs; data[len] is always NUL once anything was added. */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;  /* bytes it may ever hold */
	bool failed; /* an addition did not fit or memory ran out: the content is a prefix */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})
#define own_buf __attribute__((cleanup(buf_done)))

/* Frees the storage and leaves an empty buffer with the same maximum. NULL-safe for data. */
void buf_done(struct buf *b);
/* Empties, keeps the storage. Clears 'failed'. */
void buf_clear(struct buf *b);

/*
 * The adders return 0 or a negative errno (-ENOSPC: over max, -ENOMEM), set
 * 'failed' and add nothing more from then on, so that a run of additions can be
 * checked once at its end with buf_check().
 */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_addc(struct buf *b, char c);
int buf_adds(struct buf *b, const char *s);
/* Decimal: rows come by the million, and printf shows. */
int buf_addu(struct buf *b, uint64_t v);
/* The same with zeros in front, exactly 'digits' (at most 20); the highest ones fall off. */
int buf_addu0(struct buf *b, uint64_t v, unsigned digits);
/* n times c. */
int buf_fill(struct buf *b, char c, size_t n);
int buf_addf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
/* Makes room for n more bytes and returns where to write them, NULL on failure;
 * the caller adds what it used to len. */
void *buf_room(struct buf *b, size_t n);
/* 0, or -ENOSPC with text when any addition failed. */
int buf_check(const struct buf *b, struct err *e) must_check;
/* The text, NUL-terminated, "" when empty. Valid until the next addition. */
const char *buf_str(const struct buf *b);
