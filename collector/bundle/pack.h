/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pack - the bundle's tar: regular files under one folder, written by libarchive
 * into frames. */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

struct frames;
struct hash;
struct pack;

/* folder: without '/'. f is borrowed. */
int pack_open(struct frames *f, const char *folder, struct pack **ret, struct err *e) must_check;
int pack_begin(struct pack *p, const char *member, uint64_t size, struct err *e) must_check;
/* data may lie in memory that somebody else changes: it is read once, and hash (may be NULL)
 * gets what was taken. */
int pack_add(struct pack *p, const void *data, size_t n, struct hash *hash, struct err *e)
	must_check;
/* All of the announced size must have been added. */
int pack_end(struct pack *p, struct err *e) must_check;
/* The end-of-archive blocks. */
int pack_finish(struct pack *p, struct err *e) must_check;
void pack_free(struct pack *p);
