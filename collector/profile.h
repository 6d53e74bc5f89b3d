/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* profile - which dumpers run, with which options: profiles/NAME.json, built in or
 * from a file (docs/DUMPERS.md). Every dumper's own table says what may be set. */
#include "dumper.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct profile;

/*
 * name: one of the built-in ones, or a path when it has a '/' or ends in ".json". Errors
 * name file, line and key: "p.json:4: dumper 'process' has no option 'smap', did you mean ...".
 */
int profile_load(const char *name, struct profile **ret, struct err *e) must_check;
void profile_free(struct profile *p);

const char *profile_name(const struct profile *p);
/* index: of dumpers[]. */
bool profile_enabled(const struct profile *p, size_t index);
const union option_value *profile_options(const struct profile *p, size_t index);
/* The JSON text as loaded, for the bundle. */
const char *profile_text(const struct profile *p);
