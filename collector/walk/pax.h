/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * pax - the headers of one member of a POSIX pax tar, as OCI layers are: names
 * and links as bytes, times with nanoseconds, attributes as SCHILY.xattr,
 * sparse files as GNU sparse 1.0. Written here, and not by libarchive, because
 * its size must be known before the first byte and the same bytes must come out
 * twice; it is half a page of format. pax(1p), and GNU tar's manual on sparse formats.
 */
#include "buf.h"
#include "err.h"

#include <stdint.h>

struct rec;

struct pax {
	const struct rec *rec; /* metadata, target, attributes, extents */
	const char *path;      /* in the archive, relative; NUL-terminated */
	const char *link;      /* hard link to this path; NULL: not one */
	bool empty;	       /* an empty regular file of this path: a whiteout */
	bool (*keep)(const char *xattr, void *arg); /* which attributes; NULL: all */
	void *keep_arg;
};

enum { PAX_BLOCK = 512, PAX_HEAD_MAX = 2 << 20 };

/* Adds the headers, and for a sparse file its map: rec->data bytes of content follow, and zeros
 * up to a multiple of PAX_BLOCK. The archive ends with two zero blocks. */
int pax_add(struct buf *out, const struct pax *p, struct err *e) must_check;

static inline uint64_t pax_padding(uint64_t n)
{
	return (PAX_BLOCK - n % PAX_BLOCK) % PAX_BLOCK;
}
