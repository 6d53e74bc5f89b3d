/* SPDX-License-Identifier: Apache-2.0 */
/* names - which member names are safe, allowed and new. */
#include "names.h"
#include "hash.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_MIN = 1024,
	NAMES_MAX = 1500000, /* what verify accepts (docs/BUNDLE.md) */
	NAME_BYTES = 512,
};

/* Open addressing over the first 8 bytes of each name's SHA-256; 0 is an empty slot. */
struct names {
	uint64_t *slot;
	size_t slots, used;
};

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n)
		n->slot = calloc(SLOTS_MIN, sizeof(*n->slot));
	if (!n || !n->slot) {
		free(n);
		return NULL;
	}
	n->slots = SLOTS_MIN;
	return n;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	free(n->slot);
	free(n);
}

static bool insert(uint64_t *slot, size_t slots, uint64_t key)
{
	size_t i = key % slots;

	for (; slot[i]; i = (i + 1) % slots)
		if (slot[i] == key)
			return false;
	slot[i] = key;
	return true;
}

static int grow(struct names *n)
{
	size_t slots = n->slots * 2;
	uint64_t *slot;

	if (n->used >= NAMES_MAX)
		return -ENOSPC;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	for (size_t i = 0; i < n->slots; i++)
		if (n->slot[i])
			(void)insert(slot, slots, n->slot[i]);
	free(n->slot);
	n->slot = slot;
	n->slots = slots;
	return 0;
}

bool names_is_safe(const char *name)
{
	static const char set[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	for (const char *p = name;; p++) {
		size_t len = strspn(p, set);

		if (!len || *p == '-' || (len == 1 && p[0] == '.') ||
			(len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += len;
		if (!*p)
			return true;
		if (*p != '/')
			return false;
	}
}

static bool allowed(const char *name, const char *const *prefixes)
{
	for (; *prefixes; prefixes++) {
		size_t len = strlen(*prefixes);

		if (!strncmp(name, *prefixes, len) &&
			((*prefixes)[len - 1] == '/' ? name[len] != '\0' : name[len] == '\0'))
			return true;
	}
	return false;
}

static int take(struct names *n, const char *name, struct err *e)
{
	uint8_t digest[HASH_LEN];
	uint64_t key;
	int rc;

	if (n->used * 4 >= n->slots * 3) {
		rc = grow(n);
		if (rc < 0)
			return err_set(e, -rc, "too many members");
	}
	hash_of(name, strlen(name), digest);
	memcpy(&key, digest, sizeof(key));
	if (!insert(n->slot, n->slots, key ? key : 1))
		return err_set(e, EEXIST, "a member of this name is there already");
	n->used++;
	return 0;
}

int names_take_in(struct names *n, const char *folder, const char *name,
	const char *const *prefixes, struct err *e)
{
	char full[NAME_BYTES];

	if (!names_is_safe(name))
		return err_set(e, EINVAL, "not a safe member name");
	if (!allowed(name, prefixes))
		return err_set(e, EPERM, "not a name this dumper may use");
	if ((size_t)snprintf(full, sizeof(full), "%s%s", folder, name) >= sizeof(full))
		return err_set(e, ENAMETOOLONG, "the name is too long");
	return take(n, full, e);
}

int names_take(struct names *n, const char *name, const char *const *prefixes, struct err *e)
{
	return names_take_in(n, "", name, prefixes, e);
}
