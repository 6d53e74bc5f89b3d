/* SPDX-License-Identifier: Apache-2.0 */
/* mempieces - what became of each page in the end. */
#include "mempieces.h"
#include "elfcore.h"

#include <errno.h>
#include <stdlib.h>

static int by_start(const void *a, const void *b)
{
	const struct memlog_entry *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* They overlap where a restart told one again: what failed once counts as failed. */
static void disjoin(struct mempieces *p)
{
	uint64_t end = 0;
	unsigned kept = 0;

	for (unsigned i = 0; i < p->count; i++) {
		struct memlog_entry f = p->fates[i];

		if (f.start < end)
			f.start = end;
		if (f.start >= f.end)
			continue;
		end = f.end;
		p->fates[kept++] = f;
	}
	p->count = kept;
}

int mempieces_open(
	struct mempieces *p, const struct memlog *log, const struct elfcore *plan, unsigned entry)
{
	const struct memlog_entry *proc = &log->entries[entry], *found;
	unsigned at = 0;

	*p = (struct mempieces){
		.fates = malloc((log->details + 1) * sizeof(*p->fates)),
		.fit = plan->fit,
		.live_to = proc->what & MEMLOG_FULL ? proc->end : UINT64_MAX,
		.why = proc->error,
	};
	if (!p->fates)
		return -ENOMEM;
	while ((found = memlog_next(log, plan->at, MEMLOG_FATE, &at)))
		p->fates[p->count++] = *found;
	qsort(p->fates, p->count, sizeof(*p->fates), by_start);
	disjoin(p);
	return 0;
}

void mempieces_done(struct mempieces *p)
{
	free(p->fates);
	p->fates = NULL;
}

/* The first fate that ends behind an address. */
static unsigned first_behind(const struct mempieces *p, uint64_t at)
{
	unsigned low = 0, high = p->count;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (p->fates[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct cutting {
	int (*fn)(void *arg, const struct mempiece *piece);
	void *arg;
	struct mempiece piece; /* start: what comes next */
};

/* Up to 'end', with this fate. */
static int give(struct cutting *c, uint64_t end, enum mem_fate fate, int error)
{
	int rc = 0;

	if (end > c->piece.start) {
		c->piece.end = end;
		c->piece.fate = fate;
		c->piece.error = error;
		rc = c->fn(c->arg, &c->piece);
		c->piece.start = end;
	}
	return rc;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void mempieces_map(struct mempieces *p)
{
	memfit_map(&p->fit);
}

/* What was to be dumped up to 'fits', and is in the core. */
static int give_dumped(
	const struct mempieces *p, struct cutting *c, const struct mem_run *r, uint64_t fits)
{
	bool live = r->store == MEM_STORE_LIVE;
	uint64_t end = live ? lower(fits, p->live_to) : fits;
	int rc = 0;

	for (unsigned i = first_behind(p, r->start); rc == 0 && i < p->count; i++) {
		const struct memlog_entry *f = &p->fates[i];

		if (f->start >= fits)
			break;
		rc = give(c, lower(f->start, end), MEM_DUMPED, 0);
		if (rc == 0)
			rc = give(c, lower(f->end, fits), (enum mem_fate)f->what, f->error);
	}
	if (rc == 0)
		rc = give(c, end, MEM_DUMPED, 0);
	return rc == 0 ? give(c, fits, MEM_FAILED, p->why) : rc;
}

int mempieces_of(struct mempieces *p, const struct mem_run *r,
	int (*fn)(void *arg, const struct mempiece *piece), void *arg)
{
	struct cutting c = {fn, arg, {.start = r->start, .flags = r->flags}};
	int rc;

	if (r->fate == MEM_ELSEWHERE)
		c.piece.elsewhere = r->offset;
	if (r->fate != MEM_DUMPED)
		return give(&c, r->end, (enum mem_fate)r->fate, r->error);
	if (r->store == MEM_STORE_LIVE)
		c.piece.flags |= MEM_WAS_LIVE;
	rc = give_dumped(p, &c, r, r->start + memfit_take(&p->fit, r->end - r->start));
	c.piece.flags = r->flags;
	return rc == 0 ? give(&c, r->end, MEM_OVER_BUDGET, 0) : rc;
}
