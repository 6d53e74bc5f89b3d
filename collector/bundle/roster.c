/* SPDX-License-Identifier: Apache-2.0 */
/* roster - which members a bundle has. */
#include "roster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 1024, SLOTS_MAX = 2 << 20 };

/* Lowest bit of 'content': listed. name 0: an empty slot. */
struct entry {
	uint64_t name, content;
};

struct roster {
	struct entry *slot;
	size_t slots, used, listed;
};

struct roster *roster_new(void)
{
	struct roster *r = calloc(1, sizeof(*r));

	if (r)
		r->slot = calloc(SLOTS_MIN, sizeof(*r->slot));
	if (!r || !r->slot) {
		free(r);
		return NULL;
	}
	r->slots = SLOTS_MIN;
	return r;
}

void roster_free(struct roster *r)
{
	if (r)
		free(r->slot);
	free(r);
}

static uint64_t name_key(const char *name)
{
	uint8_t digest[HASH_LEN];
	uint64_t key;

	hash_of(name, strlen(name), digest);
	memcpy(&key, digest, sizeof(key));
	return key ? key : 1;
}

static uint64_t content_key(const uint8_t sha256[HASH_LEN])
{
	uint64_t word[HASH_LEN / sizeof(uint64_t)];
	uint64_t key;

	/* every bit counts, the lowest twice: it is taken */
	memcpy(word, sha256, sizeof(word));
	key = word[0] ^ word[1] ^ word[2] ^ word[3];
	return (key ^ key << 1) & ~1ULL;
}

/* The name's slot, or the empty one where it would go. */
static struct entry *find(const struct roster *r, uint64_t name)
{
	size_t i = name % r->slots;

	while (r->slot[i].name && r->slot[i].name != name)
		i = (i + 1) % r->slots;
	return &r->slot[i];
}

static int grow(struct roster *r)
{
	struct roster bigger = {.slots = r->slots * 2};

	if (r->slots >= SLOTS_MAX)
		return 0;
	bigger.slot = calloc(bigger.slots, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < r->slots; i++)
		if (r->slot[i].name)
			*find(&bigger, r->slot[i].name) = r->slot[i];
	free(r->slot);
	r->slot = bigger.slot;
	r->slots = bigger.slots;
	return 0;
}

int roster_add(struct roster *r, const char *name, const uint8_t sha256[HASH_LEN], struct err *e)
{
	struct entry *slot;
	uint64_t key = name_key(name);

	if (r->used >= ROSTER_MAX)
		return err_set(e, E2BIG, "more than %d members", ROSTER_MAX);
	if (r->used * 4 >= r->slots * 3 && grow(r) < 0)
		return err_set(e, ENOMEM, "no memory");
	slot = find(r, key);
	if (slot->name)
		return err_set(e, EEXIST, "the name is there already");
	*slot = (struct entry){key, content_key(sha256)};
	r->used++;
	return 0;
}

enum roster_match roster_tick(struct roster *r, const char *name, const uint8_t sha256[HASH_LEN])
{
	struct entry *slot = find(r, name_key(name));

	if (!slot->name)
		return ROSTER_MISSING;
	if ((slot->content & ~1ULL) != content_key(sha256))
		return ROSTER_OTHER;
	if (slot->content & 1)
		return ROSTER_TWICE;
	slot->content |= 1;
	r->listed++;
	return ROSTER_SAME;
}

bool roster_is_listed(const struct roster *r, const char *name)
{
	const struct entry *slot = find(r, name_key(name));

	return slot->name && (slot->content & 1);
}

uint64_t roster_unlisted(const struct roster *r)
{
	return r->used - r->listed;
}

void roster_untick(struct roster *r)
{
	for (size_t i = 0; i < r->slots; i++)
		r->slot[i].content &= ~1ULL;
	r->listed = 0;
}
