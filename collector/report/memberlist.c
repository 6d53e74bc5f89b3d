/* SPDX-License-Identifier: Apache-2.0 */
/* memberlist - members for people. */
#include "memberlist.h"

#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = MEMBERLIST_ROWS * 1200, SIZE_MAX_TEXT = 32 };

void memberlist_begin(struct memberlist *l)
{
	*l = (struct memberlist){.rows = BUF_INIT(ROWS_MAX)};
}

void memberlist_done(struct memberlist *l)
{
	buf_done(&l->rows);
}

static void row(struct buf *out, uint64_t bytes, const char *name)
{
	own_buf struct buf size = BUF_INIT(SIZE_MAX_TEXT);

	text_size(&size, bytes);
	buf_addf(out, "  %10s  ", buf_str(&size));
	text_escape(out, name, strlen(name));
	buf_addc(out, '\n');
}

/* Where a member is counted: "a" and "a/b" are themselves, "a/b/c" is one of many in a. */
static unsigned group_of(struct memberlist *l, const char *name)
{
	size_t first = strcspn(name, "/");
	char group[MEMBERLIST_NAME];
	unsigned i = 0;

	if (name[first] && strchr(name + first + 1, '/'))
		snprintf(group, sizeof(group), "%.*s/*/*", (int)first, name);
	else
		snprintf(group, sizeof(group), "%s", name);
	while (i < l->groups && strcmp(l->group[i].name, group) != 0)
		i++;
	if (i == l->groups && l->groups < MEMBERLIST_GROUPS) {
		memcpy(l->group[i].name, group, sizeof(group));
		l->groups++;
	}
	return i;
}

void memberlist_add(struct memberlist *l, const char *name, uint64_t size)
{
	unsigned i = group_of(l, name);

	l->group[i].members++;
	l->group[i].bytes += size;
	if (l->members++ < MEMBERLIST_ROWS)
		row(&l->rows, size, name);
}

void memberlist_text(const struct memberlist *l, struct buf *out)
{
	if (l->members <= MEMBERLIST_ROWS) {
		buf_add(out, buf_str(&l->rows), l->rows.len);
		return;
	}
	for (unsigned i = 0; i <= l->groups; i++) {
		const char *group = i < MEMBERLIST_GROUPS ? l->group[i].name : "others";
		char name[MEMBERLIST_NAME + 32];

		if (!l->group[i].members)
			continue;
		snprintf(name, sizeof(name), "%s (%" PRIu64 ")", group, l->group[i].members);
		row(out, l->group[i].bytes, l->group[i].members == 1 ? group : name);
	}
	buf_addf(out, "  %" PRIu64 " members in all: --json lists each\n", l->members);
}
