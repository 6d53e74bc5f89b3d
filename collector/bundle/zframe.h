/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* zframe - the outside of a zstd frame (RFC 8878, 3.1): where it ends and how much it says it
 * holds, without decompressing a byte. Only what docs/BUNDLE.md allows. */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

#define ZFRAME_MAGIC 0xFD2FB528U
enum {
	ZFRAME_CONTENT = 4 << 20,			     /* the most a frame may hold */
	ZFRAME_MAX = ZFRAME_CONTENT + (ZFRAME_CONTENT >> 7), /* and be: above zstd's own bound */
};

struct zframe {
	size_t content; /* bytes it decompresses to, as stated */
	size_t length;	/* bytes walked so far; all of it in the end */
};

/*
 * p[0..n) begins with a frame's first byte. Start with *f zeroed; call again with more bytes
 * at the same frame. 1: the frame is whole, f->length bytes. 0: it goes on behind n.
 * -EBADMSG: no frame of ours; f->length is then the end of the bytes that were looked at.
 */
int zframe_walk(struct zframe *f, const uint8_t *p, size_t n, struct err *e) must_check;
