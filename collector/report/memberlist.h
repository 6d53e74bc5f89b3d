/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memberlist - members for people: each of them while they are few; when they are many, those at
 * the top and in the first folders, and a line for all that lie deeper in one of these. */
#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { MEMBERLIST_ROWS = 40, MEMBERLIST_GROUPS = 96, MEMBERLIST_NAME = 256 };

struct memberlist {
	uint64_t members;
	struct buf rows;
	unsigned groups;
	struct {
		char name[MEMBERLIST_NAME]; /* of a member, or ending in a '*' */
		uint64_t members, bytes;
	} group[MEMBERLIST_GROUPS + 1]; /* the last: all others */
};

void memberlist_begin(struct memberlist *l);
void memberlist_add(struct memberlist *l, const char *name, uint64_t size);
void memberlist_text(const struct memberlist *l, struct buf *out);
void memberlist_done(struct memberlist *l);
