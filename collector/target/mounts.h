/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* mounts - the target's mount table: what the runtime declared, joined with
 * what the target's mountinfo shows, classified by what may be read. */
#include "err.h"
#include "target.h"

/*
 * A mount that the runtime's state declares. source: the host's path of a bind
 * mount, else "". A second declaration of the same point only adds what the first left open.
 */
void mounts_add_declared(struct target *t, const char *point, const char *source, const char *type);

/*
 * Joins the mountinfo text of the target (hostile, changed by the parser): ids,
 * devices, types and cover; adds the mounts nobody declared.
 */
int mounts_join(struct target *t, char *mountinfo, struct err *e) must_check;
