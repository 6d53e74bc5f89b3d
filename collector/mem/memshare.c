/* SPDX-License-Identifier: Apache-2.0 */
/* memshare - processes that have one memory together. */
#include "memshare.h"

#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What kcmp(2) says of two memories. */
enum order { SAME, LESS, MORE, UNORDERED };

enum { EXITS = 0x4 }; /* PF_EXITING in stat.flags: its memory goes, or is gone */

/* Negative: one of them cannot be compared. */
static int compare(const struct proc_one *a, const struct proc_one *b)
{
	return (int)syscall(SYS_kcmp, a->live, b->live, KCMP_VM, 0, 0);
}

/* The numbers that were compared were theirs, and not two that have no memory any more: those are
 * the same, too. */
static bool is_there(const struct proc_one *p)
{
	struct procfs_stat st;

	return procfs_read_stat(procset_dir(p), &st, NULL) == 0 && !(st.flags & EXITS);
}

static bool is_same(const struct proc_one *a, const struct proc_one *b)
{
	return compare(a, b) == SAME && is_there(a) && is_there(b);
}

void memshare_done(struct memshare *s)
{
	free(s->first);
	*s = (struct memshare){0};
}

void memshare_begin(struct memshare *s, struct procset *set)
{
	s->count = 0;
	for (unsigned i = 0; i < set->count; i++)
		set->proc[i].share = set->proc[i].copied = 0;
}

static bool insert(struct memshare *s, unsigned at, uint32_t index)
{
	if (s->count == s->cap) {
		unsigned cap = s->cap ? 2 * s->cap : 64;
		uint32_t *more = realloc(s->first, cap * sizeof(*more));

		if (!more)
			return false;
		s->first = more;
		s->cap = cap;
	}
	memmove(s->first + at + 1, s->first + at, (s->count - at) * sizeof(*s->first));
	s->first[at] = index;
	s->count++;
	return true;
}

/* It has ended: who is compared with it would never find his place. */
static void forget(struct memshare *s, unsigned at)
{
	s->count--;
	memmove(s->first + at, s->first + at + 1, (s->count - at) * sizeof(*s->first));
}

/* Where p belongs. True: the memory that is there is its own. */
static bool find(
	struct memshare *s, const struct procset *set, const struct proc_one *p, unsigned *ret_at)
{
	unsigned from = 0, to = s->count;

	while (from < to) {
		unsigned mid = from + (to - from) / 2;
		int order = compare(p, &set->proc[s->first[mid]]);

		if (order == SAME) {
			*ret_at = mid;
			return true;
		}
		if (order < 0 || order >= UNORDERED) {
			forget(s, mid);
			to--;
		} else if (order == LESS) {
			to = mid;
		} else {
			from = mid + 1;
		}
	}
	*ret_at = from;
	return false;
}

bool memshare_join(struct memshare *s, struct procset *set, struct proc_one *p)
{
	const uint32_t index = (uint32_t)(p - set->proc);
	unsigned at;

	p->share = 0;
	if (procset_dir(p) < 0 || compare(p, p) != SAME)
		return false;
	if (find(s, set, p, &at)) {
		const struct proc_one *first = &set->proc[s->first[at]];

		if (is_same(first, p))
			p->share = s->first[at] + 1;
		return p->share != 0;
	}
	if (insert(s, at, index))
		p->share = index + 1;
	return false;
}

void memshare_copy(struct procset *set, const struct proc_one *p)
{
	if (p->share)
		set->proc[p->share - 1].copied = (uint32_t)(p - set->proc) + 1;
}

const struct proc_one *memshare_copied(const struct procset *set, const struct proc_one *p)
{
	const uint32_t by = p->share ? set->proc[p->share - 1].copied : 0;
	const struct proc_one *other = by ? &set->proc[by - 1] : NULL;

	return other && other != p && is_same(other, p) ? other : NULL;
}
