/* SPDX-License-Identifier: Apache-2.0 */
/* runs - the pages of a mapping as records. */
#include "runs.h"

static uint64_t bytes(const struct mem_run *r)
{
	return r->end - r->start;
}

static bool goes_on(const struct mem_run *a, const struct mem_run *b)
{
	if (!a->head.type || a->end != b->start || a->fate != b->fate || a->error != b->error ||
		a->flags != b->flags)
		return false;
	if (a->fate == MEM_ELSEWHERE)
		return a->offset == b->offset;
	if (a->fate != MEM_DUMPED || (a->store == MEM_STORE_LIVE && b->store == MEM_STORE_LIVE))
		return true;
	return a->store == b->store && a->offset + bytes(a) == b->offset;
}

int runs_flush(struct runs *r, struct err *e)
{
	struct mem_run run = r->last;

	if (!run.head.type)
		return 0;
	r->last.head.type = 0;
	r->sum.runs++;
	if (run.fate == MEM_DUMPED && run.store == MEM_STORE_LIVE)
		r->sum.live += bytes(&run);
	else if (run.fate == MEM_DUMPED)
		r->sum.staged += bytes(&run);
	r->left -= r->left > 0;
	return memtable_add(r->table, &run, sizeof(run), NULL, 0, e);
}

int runs_add(struct runs *r, const struct mem_run *run, struct err *e)
{
	struct mem_run next = *run;
	int rc;

	next.head.type = MEM_RUN;
	if (!r->left)
		next = (struct mem_run){.head.type = MEM_RUN,
			.start = run->start,
			.end = run->end,
			.fate = MEM_OVER_BUDGET};
	if (goes_on(&r->last, &next)) {
		r->last.end = next.end;
		return 0;
	}
	rc = runs_flush(r, e);
	r->last = next;
	return rc;
}
