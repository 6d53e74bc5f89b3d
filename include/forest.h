/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* forest - a table of processes as JSON: who descends from whom. */
#include "err.h"

#include <stddef.h>

struct jsonw;
struct proctree;
struct proctree_row;
struct sink;

/* All rows, parents first, one a line; sets their depth. */
int forest_write(struct proctree *t, struct sink *out, const char *member, struct err *e)
	must_check;
/* "ancestors" of a row, nearest first, up to the host's init. */
void forest_ancestors(const struct proctree *t, const struct proctree_row *r, struct jsonw *w);

/* ["init","cgroup"], ["zombie"], and argv split at its NULs. */
void forest_why(struct jsonw *w, const char *key, unsigned why);
void forest_flags(struct jsonw *w, const char *key, unsigned flags);
void forest_argv(struct jsonw *w, const char *key, const char *argv, size_t n);
