/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* publish - the bundle's file on its way from NAME.partial to its name, and the two small files
 * beside it. The final name appears only when the bundle is whole. */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct publish;
struct sign_key;

/*
 * output: NULL (the current directory), a directory (default_name goes there), a
 * file, or "-" (standard output; a terminal is refused). Creates NAME.partial, 0600. -EEXIST
 * when one of the four names exists: nothing is ever overwritten.
 */
int publish_open(const char *output, const char *default_name, struct publish **ret, struct err *e)
	must_check;
int publish_fd(const struct publish *p);
/* The directory it is in, -1 when streamed. */
int publish_dir(const struct publish *p);
bool publish_streams(const struct publish *p);
/* The bundle has its final seal: writes NAME.sha256 and NAME.sig, gives it its name, flushes the
 * directory. key may be NULL: no signature. On failure the bundle is whole all the same, under
 * its name where that was possible: publish_path(). */
int publish_finish(struct publish *p, const char *sha256, const struct sign_key *key, struct err *e)
	must_check;
/* publish_finish() was called. */
bool publish_is_whole(const struct publish *p);
/* The path of the bundle: final after publish_finish(), NAME.partial before. */
const char *publish_path(const struct publish *p);
/* Removes NAME.partial: nothing worth keeping was written. */
void publish_discard(struct publish *p);
/* Closes; a .partial that was neither finished nor discarded stays. */
void publish_free(struct publish *p);
