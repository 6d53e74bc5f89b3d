/* SPDX-License-Identifier: Apache-2.0 */
/* memfit - which bytes go into a core that may not have all of them. */
#include "memfit.h"

enum { PIECE = 64 << 10 }; /* a part of a run: whole pages on any machine */

void memfit_add(struct memfit_sum *s, uint64_t bytes)
{
	unsigned size = bytes ? 63 - (unsigned)__builtin_clzll(bytes) : 0;

	s->bytes[size] += bytes;
	s->maps[size]++;
	s->total += bytes;
}

struct memfit memfit_of(const struct memfit_sum *s, uint64_t limit)
{
	uint64_t below = 0, larger = 0, sum = 0;
	struct memfit f = {.extra = limit};

	if (s->total <= limit)
		return (struct memfit){.each = UINT64_MAX};
	for (unsigned i = 0; i < MEMFIT_SIZES; i++)
		larger += s->maps[i];
	/* 'below': of mappings that have less than 1 << i; the others get as much as that */
	for (unsigned i = 0; i < MEMFIT_SIZES; i++) {
		const uint64_t each = 1ULL << i;

		if (larger && each > (limit - below) / larger)
			break;
		sum = below + larger * each;
		f.each = each;
		f.extra = limit - sum;
		below += s->bytes[i];
		larger -= s->maps[i];
		if (below > limit)
			break;
	}
	return f;
}

void memfit_map(struct memfit *f)
{
	f->used = 0;
}

uint64_t memfit_take(struct memfit *f, uint64_t n)
{
	const uint64_t own = f->each - f->used,
		       most = own > UINT64_MAX - f->extra ? UINT64_MAX : own + f->extra;
	uint64_t taken = n <= most ? n : most & ~(uint64_t)(PIECE - 1);

	f->used += taken < own ? taken : own;
	f->extra -= taken < own ? 0 : taken - own;
	return taken;
}
