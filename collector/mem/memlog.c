/* SPDX-License-Identifier: Apache-2.0 */
/* memlog - what a reader of memory must know after a restart. */
#include "memlog.h"
#include "io.h"
#include "sink.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ENTRIES = SINK_NOTES / sizeof(struct memlog_entry),
	HALF = ENTRIES / 2,
};

static void count(struct memlog *l, const struct memlog_entry *entry)
{
	if (entry->kind == MEMLOG_PROC)
		l->procs++;
	else
		l->details++;
	l->count++;
}

int memlog_open(struct memlog *l, int spool_fd, bool again, struct err *e)
{
	ssize_t n;

	*l = (struct memlog){.fd = spool_fd, .entries = malloc(SINK_NOTES)};
	if (!l->entries)
		return err_set(e, ENOMEM, "no memory");
	if (!again)
		return 0;
	n = spool_fd < 0 ? -EBADF : io_pread(spool_fd, l->entries, SINK_NOTES, 0);
	if (n < 0)
		return err_set(e, (int)-n, "read the notes of what was read before");
	while (l->count < (size_t)n / sizeof(*l->entries) && l->entries[l->count].kind)
		count(l, &l->entries[l->count]);
	l->loaded = l->count;
	return 0;
}

void memlog_done(struct memlog *l)
{
	free(l->entries);
	l->entries = NULL;
}

int memlog_keep(struct memlog *l, unsigned index, struct err *e)
{
	struct memlog_entry *entry = &l->entries[index];
	int rc = l->fd < 0
			 ? 0
			 : io_pwrite(l->fd, entry, sizeof(*entry), (off_t)(index * sizeof(*entry)));

	return rc < 0 ? err_set(e, -rc, "write the notes") : 0;
}

static int append(struct memlog *l, const struct memlog_entry *entry, struct err *e)
{
	unsigned used = entry->kind == MEMLOG_PROC ? l->procs : l->details;

	if (used >= HALF)
		return err_set(e, ENOSPC, "the notes are full");
	l->entries[l->count] = *entry;
	count(l, entry);
	return memlog_keep(l, l->count - 1, e);
}

int memlog_proc(struct memlog *l, uint64_t proc, uint64_t limit, struct err *e)
{
	struct memlog_entry entry = {.kind = MEMLOG_PROC, .proc = proc, .start = limit};
	int rc;

	for (unsigned i = 0; i < l->loaded; i++)
		if (l->entries[i].kind == MEMLOG_PROC && l->entries[i].proc == proc)
			return (int)i;
	rc = append(l, &entry, e);
	return rc < 0 ? rc : (int)l->count - 1;
}

int memlog_mark(struct memlog *l, unsigned index, uint16_t state, struct err *e)
{
	l->entries[index].what |= state;
	return memlog_keep(l, index, e);
}

static bool continues(const struct memlog_entry *entry, const struct memlog_entry *last)
{
	return entry->kind == MEMLOG_FATE && last->kind == MEMLOG_FATE &&
	       last->proc == entry->proc && last->what == entry->what &&
	       last->error == entry->error && last->end == entry->start;
}

int memlog_add(struct memlog *l, const struct memlog_entry *entry, struct err *e)
{
	unsigned last = l->count - 1;

	if (!l->entries)
		return err_set(e, EBADF, "the notes are closed");
	if (!l->count || !continues(entry, &l->entries[last]))
		return append(l, entry, e);
	l->entries[last].end = entry->end;
	return memlog_keep(l, last, e);
}

const struct memlog_entry *memlog_next(
	const struct memlog *l, uint64_t proc, enum memlog_kind kind, unsigned *at)
{
	while (*at < l->count) {
		const struct memlog_entry *entry = &l->entries[(*at)++];

		if (entry->proc == proc && entry->kind == kind)
			return entry;
	}
	return NULL;
}
