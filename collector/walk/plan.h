/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* plan - where a record's content goes: into the layer, beside it, or nowhere; and the size of
 * its headers there. */
#include "buf.h"
#include "err.h"
#include "rec.h"

#include <stdbool.h>
#include <stdint.h>

struct layer_job;
struct walk;

/* Sets the flags, the gap and head_len of a record made by entry.c that will be at 'at'.
 * path: of the name, relative; NULL when too long. */
int plan_record(struct walk *w, struct rec *r, const char *path, uint64_t at, struct err *e)
	must_check;
/* Adds the headers that record 'at' has in its archive. link: path of the first name of the
 * file, NULL: not a link. */
int plan_headers(const struct layer_job *job, const struct rec *r, const char *path,
	const char *link, uint64_t at, struct buf *out, struct err *e) must_check;
/* Its change as 'docker diff' would say: a directory that only has changes below it is modified. */
enum rec_change plan_change(const struct rec *r);
/* Whether it is in the layer: a directory without any change is not, nor is the root. */
bool plan_in_layer(const struct rec *r);
/* Is anything left out by its path? */
bool plan_has_filters(const struct layer_job *job);
/* Whether the profile wants this path ("" for the root) at all; *ret_inside: true when it is not
 * only on the way to something that is wanted. */
bool plan_wants(const struct layer_job *job, const char *path, bool *ret_inside);
