/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubepath - paths of the API: which of them may be asked, and names put into them.
 *
 * Only what reads objects and logs: no secret, no proxy into a node, pod or service, nothing that
 * runs or attaches.
 */
#include "buf.h"
#include "err.h"

#include <stddef.h>

enum { KUBEPATH_MAX = 4096 }; /* with the query */

/* 0, -EPERM (it is one of those that nobody asks for), -EINVAL (not a path of the API). */
int kubepath_check(const char *path, struct err *e) must_check;
/* Adds one name of an object as a part of a path, percent-encoded. -EINVAL for what cannot be a
 * name there: "", ".", "..", and whatever holds a '/', a '%' or a control character. */
int kubepath_name(struct buf *path, const char *name) must_check;
/* Adds any text as the value of a query, percent-encoded. */
void kubepath_value(struct buf *path, const char *text);
