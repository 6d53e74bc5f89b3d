/* SPDX-License-Identifier: Apache-2.0 */
/* kubeask - the list of what to ask an API server. */
#include "kubeask.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void kubeask_drop(struct kubeasks *all, const char *why)
{
	all->dropped++;
	snprintf(all->why, sizeof(all->why), "%s", why);
}

static bool is_there(const struct kubeasks *all, const char *path)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i]->path, path))
			return true;
	return false;
}

/* FOLDER/REST, where REST is somebody else's text: lower case, and whatever else than letters,
 * digits, '-' and '.' it holds as '_'; no '.' begins it. One that does not fit, was changed or
 * is not the only one of its kind ends in a number of its own. */
static void set_name(const struct kubeasks *all, struct kubeask *a, const char *name)
{
	const char *slash = strchr(name, '/'), *at = name;
	size_t room = sizeof(a->name) - 8, i;
	bool exact = strlen(name) < room;

	for (i = 0; *at && i < room; i++, at++) {
		bool plain = isalnum((unsigned char)*at) || *at == '-' || at == slash ||
			     (*at == '.' && at != name && at - 1 != slash);

		exact &= plain;
		a->name[i] = plain ? (char)tolower((unsigned char)*at) : '_';
	}
	a->name[i] = '\0';
	for (size_t k = 0; k < all->n; k++)
		exact &= strcmp(all->v[k]->name, a->name) != 0;
	if (!exact)
		snprintf(a->name + i, 8, "_%zu", all->n);
}

struct kubeask *kubeask_add(struct kubeasks *all, enum kubeask_kind kind, const char *name,
	const struct buf *path, int made)
{
	struct kubeask *a;
	struct err e = ERR_INIT;

	if (made < 0 || buf_check(path, NULL) < 0) {
		kubeask_drop(all, "a name that can be none");
		return NULL;
	}
	if (kubepath_check(buf_str(path), &e) < 0) {
		kubeask_drop(all, e.text);
		return NULL;
	}
	if (is_there(all, buf_str(path)))
		return NULL;
	a = all->n < KUBEASK_MAX ? calloc(1, sizeof(*a)) : NULL;
	if (!a) {
		kubeask_drop(all, "more objects than are asked for");
		return NULL;
	}
	a->kind = kind;
	set_name(all, a, name);
	memcpy(a->path, buf_str(path), path->len + 1);
	all->v[all->n++] = a;
	return a;
}

void kubeask_done(struct kubeasks *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i]);
	*all = (struct kubeasks){.n = 0};
}
