/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memberlist - members for people: each of them while they are few, a line for each folder when
 * they are many. */
#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { MEMBERLIST_ROWS = 200, MEMBERLIST_FOLDERS = 64, MEMBERLIST_NAME = 64 };

struct memberlist {
	uint64_t members;
	struct buf rows;
	unsigned folders;
	struct {
		char name[MEMBERLIST_NAME];
		uint64_t members, bytes;
	} folder[MEMBERLIST_FOLDERS + 1]; /* the last: all others */
};

void memberlist_begin(struct memberlist *l);
void memberlist_add(struct memberlist *l, const char *name, uint64_t size);
void memberlist_text(const struct memberlist *l, struct buf *out);
void memberlist_done(struct memberlist *l);
