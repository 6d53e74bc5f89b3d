/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* entry - one name of a directory as a record: what it is, what overlayfs means
 * by it, how it differs from the layers below, and whether its content is read. */
#include "err.h"

#include <stdint.h>
#include <sys/stat.h>

struct walk;

/* The tree's root. */
int entry_add_root(struct walk *w, struct err *e) must_check;
/* A name in w's directory. */
int entry_add(struct walk *w, const char *name, struct err *e) must_check;
/* The same for a name that did not answer. */
int entry_add_stalled(struct walk *w, const char *name, struct err *e) must_check;
/* A name that the layers below have and the directory has not. */
int entry_add_deleted(struct walk *w, const char *name, const struct stat *st, struct err *e)
	must_check;
