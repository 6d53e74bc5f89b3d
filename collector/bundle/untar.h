/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * untar - takes the bundle's tar apart as it comes: the one dialect of docs/BUNDLE.md and
 * nothing else, so that every other reader sees the same members.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNTAR_NAME = 256, UNTAR_PAX_MAX = 4096 };

/* Names are relative to the folder, safe, and valid for the call. What a callback returns when it
 * is negative ends untar_feed. */
struct untar_ops {
	int (*begin)(void *arg, const char *name, uint64_t size, struct err *e);
	int (*data)(void *arg, const void *p, size_t n, struct err *e);
	int (*end)(void *arg, struct err *e);
};

struct untar;

/* folder: the one that all names must be in, without '/'. NULL: no memory. */
struct untar *untar_new(const char *folder, const struct untar_ops *ops, void *arg);
void untar_free(struct untar *t);
#define own_untar __attribute__((cleanup(untar_free_)))
static inline void untar_free_(struct untar **t)
{
	untar_free(*t);
}

/* The next n bytes. -EBADMSG: not the dialect. */
int untar_feed(struct untar *t, const void *p, size_t n, struct err *e) must_check;
/* True when the archive has its end and nothing is missing. */
bool untar_ended(const struct untar *t);
/* The member that is not whole yet, NULL when there is none. */
const char *untar_open(const struct untar *t, uint64_t *ret_size, uint64_t *ret_done);
/* True unless n >= 1 bytes begin something else than a folder "taphos-RUN/". */
bool untar_looks_like_ours(const void *p, size_t n);
