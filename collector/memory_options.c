/* SPDX-License-Identifier: Apache-2.0 */
/* memory_options - what the profile and the request want of a capture. */
#include "dumper.h"
#include "memory.h"
#include "memtable.h"
#include "profile.h"
#include "run.h"

#include <string.h>

static uint64_t number(const struct run *r, size_t index, const char *name, uint64_t none)
{
	const struct dumper_option *o = dumpers[index]->options;
	const union option_value *v = profile_options(r->profile, index);

	for (size_t i = 0; o && o[i].name; i++)
		if (!strcmp(o[i].name, name))
			return o[i].type == OPTION_BOOL ? v[i].b : v[i].u;
	return none;
}

static uint32_t wanted_kinds(const struct run *r, size_t index)
{
	const struct dumper_option *o = dumpers[index]->options;
	const union option_value *v = profile_options(r->profile, index);
	uint32_t kinds = 0;

	for (size_t i = 0; o && o[i].name; i++)
		for (size_t k = 0; !strcmp(o[i].name, "kinds") && v[i].list[k]; k++)
			for (unsigned n = 0; n < MEM_KINDS; n++)
				kinds |= strcmp(v[i].list[k], mem_kinds[n]) ? 0 : 1U << n;
	return kinds ? kinds : (1U << MEM_KINDS) - 1;
}

struct capture_options memory_options(const struct run *r, size_t index)
{
	return (struct capture_options){
		.max_process = number(r, index, "max_process", UINT64_MAX),
		.max_total = number(r, index, "max_total", UINT64_MAX),
		.maps_only = r->rq->memory_maps || number(r, index, "maps_only", false),
		.only_still = r->rq->freeze == FREEZE_ALWAYS,
		.to_hold = r->rq->freeze != FREEZE_NEVER,
		.kinds = wanted_kinds(r, index),
	};
}
