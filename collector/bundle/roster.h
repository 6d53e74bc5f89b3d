/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * roster - which members a bundle has, for comparing lists of them: 16 bytes each. Names and
 * digests stand there as 64 bits of a hash: this finds what does not agree, it proves nothing.
 */
#include "err.h"
#include "hash.h"

#include <stdbool.h>
#include <stdint.h>

struct roster;
enum { ROSTER_MAX = 1500000 }; /* members of a bundle */

struct roster *roster_new(void);
void roster_free(struct roster *r);

/* -EEXIST: the name is there already. -E2BIG: more than ROSTER_MAX. */
int roster_add(struct roster *r, const char *name, const uint8_t sha256[HASH_LEN], struct err *e)
	must_check;

enum roster_match { ROSTER_SAME, ROSTER_OTHER, ROSTER_MISSING, ROSTER_TWICE };
/* How a row of a list fits; counts it as listed the first time. */
enum roster_match roster_tick(struct roster *r, const char *name, const uint8_t sha256[HASH_LEN]);
/* Members that were not listed since the last roster_untick(). */
uint64_t roster_unlisted(const struct roster *r);
bool roster_is_listed(const struct roster *r, const char *name);
void roster_untick(struct roster *r);
