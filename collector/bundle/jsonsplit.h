/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * jsonsplit - cuts one large JSON object into its top-level values and the elements of its
 * top-level arrays, as it streams by, each small enough to be parsed as a whole. It finds the
 * ends of values; whether what is between is JSON, the parser of each piece says.
 */
#include "buf.h"
#include "err.h"

#include <stdbool.h>

enum {
	JSONSPLIT_PIECE = 65536, /* bytes of one piece that is wanted */
	JSONSPLIT_DEPTH = 32,	 /* of the whole */
	JSONSPLIT_KEY = 64,	 /* bytes of a top-level key */
};

struct jsonsplit_ops {
	/* Is this top-level value of interest? Others are passed over, whatever their size. */
	bool (*wants)(void *arg, const char *key);
	/* A value that is no array, or one element of an array. */
	int (*piece)(void *arg, const char *key, const char *json, size_t n, struct err *e);
};

struct jsonsplit {
	const struct jsonsplit_ops *ops;
	void *arg;
	int where; /* a state of jsonsplit.c */
	unsigned depth;
	bool in_string, escaped, keep, array, ended;
	char key[JSONSPLIT_KEY + 1];
	size_t key_len;
	struct buf text; /* the piece so far */
};

void jsonsplit_begin(struct jsonsplit *s, const struct jsonsplit_ops *ops, void *arg);
/* -EBADMSG: not an object, a piece too long or too deep; or what piece() returned. */
int jsonsplit_feed(struct jsonsplit *s, const void *p, size_t n, struct err *e) must_check;
/* -EBADMSG when the object is not whole. */
int jsonsplit_end(const struct jsonsplit *s, struct err *e) must_check;
void jsonsplit_done(struct jsonsplit *s);
