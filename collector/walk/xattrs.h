/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* xattrs - extended attributes of one name, packed into one run of bytes. */
#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	XATTRS_LIST = 65536,	/* XATTR_LIST_MAX */
	XATTRS_VALUE = 65536,	/* XATTR_SIZE_MAX */
	XATTRS_ALL = 512 << 10, /* of one file, names and values */
};

struct xattr {
	const char *name; /* NUL-terminated */
	size_t name_len;
	const char *value;
	size_t value_len;
};

/*
 * Adds all attributes of 'name' in the working directory (not followed when it is a link; "" for
 * the directory itself) to out: these calls take no directory descriptor. Sets *ret_cut when some
 * are missing: too many, too large, refused, or changing. Returns 0 or the negative errno of
 * listing them; file systems without attributes are 0.
 */
int xattrs_read(const char *name, struct buf *out, bool *ret_cut);
/* One after the other: *at is where, from 0. False at the end. */
bool xattrs_next(const char *packed, size_t len, size_t *at, struct xattr *ret);
/* False: no such attribute. */
bool xattrs_find(const char *packed, size_t len, const char *name, struct xattr *ret);
