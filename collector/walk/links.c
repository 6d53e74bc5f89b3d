/* SPDX-License-Identifier: Apache-2.0 */
/* links - which record has the first name of a file: a table with open addressing. */
#include "links.h"

#include <stdlib.h>

void links_done(struct links *l)
{
	free(l->slot);
	*l = (struct links){0};
}

/* The slot that has it, or the free one where it belongs. */
static struct link *find(const struct links *l, uint64_t dev, uint64_t ino)
{
	uint64_t x = (ino ^ dev << 40) * 0x9e3779b97f4a7c15ULL;

	for (size_t i = (size_t)(x >> 32);; i++) {
		struct link *at = &l->slot[i & (l->slots - 1)];

		if (!at->rec || (at->dev == dev && at->ino == ino))
			return at;
	}
}

static bool grow(struct links *l)
{
	struct links bigger = {.slots = l->slots ? 2 * l->slots : 1024, .used = l->used};

	if (bigger.slots > LINKS_MAX)
		return false;
	bigger.slot = calloc(bigger.slots, sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (size_t i = 0; i < l->slots; i++)
		if (l->slot[i].rec)
			*find(&bigger, l->slot[i].dev, l->slot[i].ino) = l->slot[i];
	free(l->slot);
	*l = bigger;
	return true;
}

uint64_t links_find(const struct links *l, uint64_t dev, uint64_t ino)
{
	return l->slots ? find(l, dev, ino)->rec : 0;
}

bool links_add(struct links *l, uint64_t dev, uint64_t ino, uint64_t rec)
{
	struct link *at;

	if (4 * (l->used + 1) > 3 * l->slots && !grow(l))
		return false;
	at = find(l, dev, ino);
	l->used += !at->rec;
	*at = (struct link){dev, ino, rec};
	return true;
}
