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

/* Where a member is counted: its first folder, with the '/', or its own name. */
static unsigned folder_of(struct memberlist *l, const char *name)
{
	size_t len = strcspn(name, "/");
	char folder[MEMBERLIST_NAME];
	unsigned i = 0;

	snprintf(folder, sizeof(folder), "%.*s", (int)(len + (name[len] == '/')), name);
	while (i < l->folders && strcmp(l->folder[i].name, folder) != 0)
		i++;
	if (i == l->folders && l->folders < MEMBERLIST_FOLDERS) {
		memcpy(l->folder[i].name, folder, sizeof(folder));
		l->folders++;
	}
	return i;
}

void memberlist_add(struct memberlist *l, const char *name, uint64_t size)
{
	unsigned i = folder_of(l, name);

	l->folder[i].members++;
	l->folder[i].bytes += size;
	if (l->members++ < MEMBERLIST_ROWS)
		row(&l->rows, size, name);
}

void memberlist_text(const struct memberlist *l, struct buf *out)
{
	if (l->members <= MEMBERLIST_ROWS) {
		buf_add(out, buf_str(&l->rows), l->rows.len);
		return;
	}
	for (unsigned i = 0; i <= l->folders; i++) {
		char name[MEMBERLIST_NAME + 64];
		const char *folder = i < MEMBERLIST_FOLDERS ? l->folder[i].name : "(others)";

		if (!l->folder[i].members)
			continue;
		snprintf(name, sizeof(name), "%s (%" PRIu64 " member%s)", folder,
			l->folder[i].members, l->folder[i].members == 1 ? "" : "s");
		row(out, l->folder[i].bytes,
			folder[strlen(folder) - 1] == '/' || i == MEMBERLIST_FOLDERS ? name
										     : folder);
	}
	buf_addf(out, "  %" PRIu64 " members, added up by folder: --json lists each\n", l->members);
}
