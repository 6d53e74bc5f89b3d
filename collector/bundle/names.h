/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* names - which member names are safe, allowed and new. */
#include "err.h"

#include <stdbool.h>

struct names;

struct names *names_new(void);
void names_free(struct names *n);
/* Components of [A-Za-z0-9._-], none empty, "." or "..", none beginning with '-'. */
bool names_is_safe(const char *name);
/*
 * Safe: as above. Allowed:
 * begins with one of prefixes ("dir/"), or is one of them. New: not taken before (a 64-bit
 * digest stands for the name). -EINVAL, -EPERM, -EEXIST, -ENOMEM.
 */
int names_take(struct names *n, const char *name, const char *const *prefixes, struct err *e)
	must_check;
/* The same in a folder ("containers/web/", or ""), below which the prefixes are meant. */
int names_take_in(struct names *n, const char *folder, const char *name,
	const char *const *prefixes, struct err *e) must_check;
