/* SPDX-License-Identifier: Apache-2.0 */
/* elfout - bytes of an ELF file, in order, or only their number. */
#include "elfout.h"

#include <string.h>

void elfout_begin(struct elfout *o, elfout_fn to, void *arg, bool narrow)
{
	o->to = to;
	o->arg = arg;
	o->narrow = narrow;
	o->at = 0;
	o->used = 0;
	o->rc = 0;
	o->why = ERR_INIT;
}

static void pass_on(struct elfout *o, const void *p, uint64_t n)
{
	if (n && o->rc == 0)
		o->rc = o->to(o->arg, p, n, &o->why);
}

static void flush(struct elfout *o)
{
	pass_on(o, o->block, o->used);
	o->used = 0;
}

void elfout_add(struct elfout *o, const void *p, size_t n)
{
	const char *from = p;

	o->at += n;
	while (o->to && n) {
		size_t fits = sizeof(o->block) - o->used;

		if (fits > n)
			fits = n;
		memcpy(o->block + o->used, from, fits);
		o->used += fits;
		from += fits;
		n -= fits;
		if (o->used == sizeof(o->block))
			flush(o);
	}
}

void elfout_zeros(struct elfout *o, uint64_t n)
{
	static const char zeros[256];

	if (n <= sizeof(zeros)) {
		elfout_add(o, zeros, (size_t)n);
		return;
	}
	o->at += n;
	if (!o->to)
		return;
	flush(o);
	pass_on(o, NULL, n);
}

void elfout_u16(struct elfout *o, uint16_t v)
{
	elfout_add(o, &v, sizeof(v));
}

void elfout_u32(struct elfout *o, uint32_t v)
{
	elfout_add(o, &v, sizeof(v));
}

void elfout_u64(struct elfout *o, uint64_t v)
{
	elfout_add(o, &v, sizeof(v));
}

void elfout_word(struct elfout *o, uint64_t v)
{
	if (o->narrow)
		elfout_u32(o, (uint32_t)v);
	else
		elfout_u64(o, v);
}

void elfout_align(struct elfout *o, uint64_t to)
{
	elfout_zeros(o, (to - o->at % to) % to);
}

int elfout_end(struct elfout *o, struct err *e)
{
	if (o->to)
		flush(o);
	if (o->rc < 0 && e)
		*e = o->why;
	return o->rc;
}
