/* SPDX-License-Identifier: Apache-2.0 */
/* memplan - what is to become of each page of a mapping. */
#include "memplan.h"

#include "copy.h"
#include "memmaps.h"
#include "pagemap.h"
#include "shmem.h"
#include "tick.h"

enum { LOOK = 1024 }; /* runs of pages between two looks at the clock */

/* Nothing is there: what would be read by who waits for it? */
static enum mem_fate fate_of_nothing(const struct memmap *m)
{
	if (m->flags & (MEM_UFFD | MEM_NO_FLAGS))
		return m->kind == MEM_PRIVATE && !m->nameless ? MEM_AS_FILE : MEM_NOT_PRESENT;
	switch (m->kind) {
	case MEM_ANON:
		return MEM_ZERO;
	case MEM_PRIVATE:
	case MEM_SHARED:
		return m->nameless ? MEM_NOT_PRESENT : MEM_AS_FILE;
	default:
		return MEM_NOT_PRESENT;
	}
}

enum mem_fate memplan_fate(const struct memmap *m, unsigned is)
{
	bool own = !(is & PAGES_FILE); /* of the process alone: was written */

	if (is & PAGES_UNKNOWN)
		return MEM_OVER_BUDGET;
	if (is & PAGES_GUARD)
		return MEM_NOT_PRESENT;
	if (!(is & (PAGES_PRESENT | PAGES_SWAPPED)))
		return fate_of_nothing(m);
	if (is & PAGES_ZERO)
		return MEM_ZERO;
	if (m->kind == MEM_SHARED || (m->kind == MEM_PRIVATE && !own))
		return m->nameless || m->in_memory ? MEM_DUMPED : MEM_AS_FILE;
	return MEM_DUMPED;
}

/* The first page of a program or library: its build id is near. */
static bool is_head(const struct memmap *m, uint64_t at, const struct pages *found)
{
	return at == m->start && !m->offset && m->kind == MEM_PRIVATE &&
	       (found->is & PAGES_PRESENT);
}

/* An entry that looks swapped, under userfaultfd, may be its mark: a read would wait. */
static bool is_mark(const struct memplan *p, const struct memmap *m, const struct pages *found)
{
	return (m->protected || m->flags & (MEM_UFFD | MEM_NO_FLAGS)) &&
	       (found->is & PAGES_SWAPPED) && !(found->is & (PAGES_PRESENT | PAGES_GUARD)) &&
	       !pagemap_is_swapped(p->pages, found->start);
}

static int say(struct memplan *p, uint64_t start, uint64_t end, enum mem_fate fate, unsigned is,
	struct err *e)
{
	struct mem_run run = {
		.start = start,
		.end = end,
		.fate = (uint16_t)fate,
	};

	if (fate == MEM_DUMPED)
		run.flags = (is & PAGES_SWAPPED ? MEM_WAS_SWAPPED : 0u) |
			    (is & PAGES_FILE ? MEM_OF_FILE : 0u);

	return start < end ? copy_add(p->copy, &run, e) : 0;
}

/* Pages that exist and are alike; some of them are another matter. */
static int say_found(
	struct memplan *p, const struct memmap *m, const struct pages *found, struct err *e)
{
	uint64_t page = p->pages->page, at = found->start;
	enum mem_fate fate = memplan_fate(m, found->is);
	unsigned is = found->is & ~(m->kind == MEM_PRIVATE ? 0u : PAGES_FILE);
	int rc = 0;

	if (is_head(m, at, found) && fate == MEM_AS_FILE) {
		rc = say(p, at, at + page, MEM_DUMPED, is, e);
		at += page;
	}
	while (rc == 0 && (found->is & PAGES_SWAPPED) && at < found->end) {
		struct pages one = {at, at + page, found->is};

		/* there may be millions of marks, in page tables alone */
		rc = copy_tick(p->copy, e);
		if (rc == 0)
			rc = say(p, at, at + page, is_mark(p, m, &one) ? MEM_NOT_PRESENT : fate, is,
				e);
		at += page;
	}
	return rc < 0 ? rc : say(p, at, found->end, fate, is, e);
}

static int by_pages(struct memplan *p, const struct memmap *m, struct err *e)
{
	struct err why = ERR_INIT;
	struct pages found;
	uint64_t at = m->start;
	int rc = 0, more;

	pagemap_begin(p->pages, m->start, m->end);
	while (rc == 0 && (more = pagemap_next(p->pages, at, m->end, &found, &why)) > 0) {
		rc = copy_tick(p->copy, e);
		if (rc == 0)
			rc = say(p, at, found.start, fate_of_nothing(m), 0, e);
		if (rc == 0)
			rc = say_found(p, m, &found, e);
		at = found.end;
		if (rc == 0 && !p->copy->runs->left) /* all that follows is one */
			return say(p, at, m->end, MEM_OVER_BUDGET, 0, e);
	}
	if (rc == 0 && more < 0) {
		struct mem_run lost = {
			.start = at, .end = m->end, .fate = MEM_FAILED, .error = -more};

		return copy_add(p->copy, &lost, e);
	}
	return rc < 0 ? rc : say(p, at, m->end, fate_of_nothing(m), 0, e);
}

/* Names can be chosen: what is secret cannot be read. Of a page that is not there, or of which that
 * is not known, a read could wait. */
static bool is_secret(struct memplan *p, const struct memmap *m)
{
	struct pages found;

	pagemap_begin(p->pages, m->start, m->end);
	for (uint64_t at = m->start; pagemap_next(p->pages, at, m->end, &found, NULL) == 1;
		at = found.end)
		if (found.is & PAGES_PRESENT)
			return !copy_can_read(p->copy, found.start);
	return false;
}

/* One fate for all of it, known without a look at its pages? MEM_FATES: no. */
static enum mem_fate whole_fate(struct memplan *p, const struct memmap *m)
{
	if (!(p->kinds & 1u << m->kind))
		return MEM_LEFT_OUT;
	if (m->refused)
		return MEM_PROTECTED;
	if (m->whole)
		return MEM_DUMPED;
	return m->hidden && is_secret(p, m) ? MEM_SECRET : MEM_FATES;
}

int memplan_map(struct memplan *p, const struct memmap *m, struct err *e)
{
	enum mem_fate fate = whole_fate(p, m);
	int rc;

	p->copy->unreadable = !(m->flags & MEM_R);
	if (fate != MEM_FATES) {
		rc = say(p, m->start, m->end, fate, 0, e);
		return rc < 0 ? rc : copy_flush(p->copy, e);
	}
	rc = m->object ? shmem_copy(p->shmem, p->copy, m, p->map_files, e) : 0;
	if (rc == 0)
		rc = by_pages(p, m, e);
	return rc < 0 ? rc : copy_flush(p->copy, e);
}

uint64_t memplan_weigh(struct pagemap *pages, const struct memmap *m, uint64_t until_ns)
{
	struct pages found;
	uint64_t sum = 0, at = m->start;

	if (m->refused)
		return 0;
	pagemap_begin(pages, m->start, m->end);
	for (unsigned i = 1; pagemap_next(pages, at, m->end, &found, NULL) == 1; i++) {
		if (memplan_fate(m, found.is) == MEM_DUMPED)
			sum += found.end - found.start;
		at = found.end;
		if (i % LOOK == 0 && tick_now() >= until_ns)
			break;
	}
	return sum;
}
