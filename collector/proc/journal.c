/* SPDX-License-Identifier: Apache-2.0 */
/* journal - what a dumper has begun, for when it is started again. */
#include "journal.h"
#include "dumper.h"
#include "io.h"
#include "sink.h"

#include <errno.h>
#include <stdlib.h>

/* An entry: the step in three bits over a process number, of which no kernel has more than 2^22;
 * zero is the end. */
enum {
	ITEM_SHIFT = 32,
	PID_BITS = 22,
	ENTRIES = SINK_NOTES / sizeof(uint32_t),
};
static const uint32_t stalled = 1U << 31;

uint64_t journal_item(unsigned step, pid_t pid)
{
	return (uint64_t)(step + 1) << ITEM_SHIFT | (uint64_t)pid;
}

unsigned journal_step(uint64_t item)
{
	return (unsigned)(item >> ITEM_SHIFT) - 1;
}

pid_t journal_pid(uint64_t item)
{
	return (pid_t)(item & INT32_MAX);
}

static uint32_t entry_of(uint64_t item)
{
	return (uint32_t)(item >> ITEM_SHIFT & JOURNAL_STEPS) << PID_BITS |
	       ((uint32_t)item & ((1U << PID_BITS) - 1));
}

static int by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool has(const struct journal *j, uint32_t entry)
{
	return j->count && bsearch(&entry, j->begun, j->count, sizeof(entry), by_value);
}

bool journal_has(const struct journal *j, uint64_t item)
{
	return has(j, entry_of(item));
}

bool journal_stalled(const struct journal *j, uint64_t item)
{
	return has(j, entry_of(item) | stalled);
}

static int add(struct journal *j, uint32_t entry, struct err *e)
{
	int rc;

	if (j->fd < 0)
		return 0;
	if (j->next == ENTRIES)
		return err_set(e, ENOSPC, "the journal is full");
	rc = io_pwrite(j->fd, &entry, sizeof(entry), (off_t)(sizeof(entry) * j->next));
	if (rc < 0)
		return err_set(e, -rc, "write the journal");
	j->next++;
	return 0;
}

int journal_add(struct journal *j, uint64_t item, struct err *e)
{
	return add(j, entry_of(item), e);
}

int journal_open(struct journal *j, const struct dump *d, struct err *e)
{
	const uint32_t last = entry_of(d->resume.item) | stalled;
	ssize_t n;
	int rc;

	*j = (struct journal){.fd = d->spool_fd};
	if (!d->resume.again)
		return 0;
	if (j->fd < 0)
		return err_set(e, EBADF, "no notes of what was read before");
	j->begun = malloc(SINK_NOTES + sizeof(last));
	if (!j->begun)
		return err_set(e, ENOMEM, "no memory");
	n = io_pread(j->fd, j->begun, SINK_NOTES, 0);
	if (n < 0)
		return err_set(e, (int)-n, "read the journal");
	while (j->next < (size_t)n / sizeof(last) && j->begun[j->next])
		j->next++;
	j->count = j->next;
	rc = add(j, last, e);
	j->begun[j->count++] = last;
	for (size_t i = 0; i < j->count; i++)
		j->stalls += (j->begun[i] & stalled) != 0;
	qsort(j->begun, j->count, sizeof(last), by_value);
	return rc;
}

void journal_done(struct journal *j)
{
	free(j->begun);
	j->begun = NULL;
}
