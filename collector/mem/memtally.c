/* SPDX-License-Identifier: Apache-2.0 */
/* memtally - how much of a process had which fate. */
#include "memtally.h"

#include <errno.h>

static void sign(struct memtally *t, enum memsign what, bool exec, uint64_t start, uint64_t end)
{
	if (!t->signs[what]++)
		t->first_sign[what] = start;
	if (t->kept == MEMTALLY_SIGNS)
		return;
	t->sign[t->kept].sign = what;
	t->sign[t->kept].exec = exec;
	t->sign[t->kept].start = start;
	t->sign[t->kept].end = end;
	t->kept++;
}

void memtally_map(struct memtally *t, const struct mem_map *m)
{
	enum memsign what;

	t->maps++;
	t->mapped += m->end - m->start;
	if (memsign_of_map(m, &what))
		sign(t, what, true, m->start, m->end);
}

void memtally_run(struct memtally *t, const struct mem_map *m, const struct mem_run *r)
{
	enum memsign what;

	if (memsign_of_run(m, r, &what))
		sign(t, what, true, r->start, r->end);
}

void memtally_log(struct memtally *t, const struct memlog *log, uint64_t proc)
{
	const struct memlog_entry *entry;
	unsigned at = 0;

	while ((entry = memlog_next(log, proc, MEMLOG_SIGN, &at)))
		if (entry->what < MEMSIGNS)
			sign(t, (enum memsign)entry->what, entry->error != 0, entry->start,
				entry->start);
}

enum gap_kind memtally_loss_of(const struct mem_map *m, const struct mempiece *p)
{
	switch (p->fate) {
	case MEM_DUMPED:
	case MEM_ZERO:
	case MEM_AS_FILE:
	case MEM_ELSEWHERE:
		return GAP_KINDS;
	case MEM_OVER_BUDGET:
		return GAP_OVER_BUDGET;
	case MEM_LEFT_OUT:
		return GAP_BY_PROFILE;
	case MEM_SECRET:
		return GAP_SECRET_MEMORY;
	default:
		break;
	}
	/* a device, a ring of the kernel's; or vvar and the like, which are nobody's memory: but
	 * not the vdso's code */
	if (m->kind == MEM_SPECIAL && (p->fate == MEM_PROTECTED || !(m->flags & MEM_X)))
		return GAP_SPECIAL_FILE;
	if (p->fate == MEM_PROTECTED)
		return GAP_PROTECTED;
	if (p->fate == MEM_NOT_PRESENT)
		return GAP_NOT_PRESENT;
	return p->error == ETIMEDOUT ? GAP_STALLED : sink_gap_of(p->error);
}

void memtally_piece(
	struct memtally *t, const struct mem_map *m, bool kernels, const struct mempiece *p)
{
	enum gap_kind kind = memtally_loss_of(m, p);
	uint64_t n = p->end - p->start;
	struct memtally_loss *loss;

	t->bytes[p->fate] += n;
	if (p->fate == MEM_DUMPED && p->flags & MEM_WAS_LIVE)
		t->live += n;
	if (p->flags & MEM_WAS_SWAPPED)
		t->swapped += n;
	if (kind == GAP_KINDS || (kernels && kind == GAP_SPECIAL_FILE))
		return;
	loss = &t->loss[kind];
	if (!loss->pieces++) {
		loss->first = p->start;
		loss->end = p->end;
		loss->error = p->error;
	}
	loss->bytes += n;
}
