/* SPDX-License-Identifier: Apache-2.0 */
/* overlay - the layers in the options of an overlay mount. */
#include "overlay.h"
#include "procfs.h"
#include "record.h"

#include <string.h>

/* Takes one name off a list; false at its end. Writes at most size bytes with the NUL. */
static bool next_layer(const char **list, char *ret, size_t size, bool *cut)
{
	size_t len = 0;
	const char *p = *list;

	if (!*p)
		return false;
	for (; *p && *p != ':'; p++) {
		if (*p == '\\' && p[1])
			p++;
		if (len + 1 < size)
			ret[len++] = *p;
		else
			*cut = true;
	}
	ret[len] = '\0';
	*list = p + (*p == ':');
	return true;
}

static void add_lower(struct overlay *o, const char *path)
{
	size_t len = strlen(path) + 1;

	if (len == 1) /* "::" stands before data-only layers */
		return;
	if (o->lowers == TARGET_LOWERS || len > sizeof(o->text) - o->used) {
		o->truncated = true;
		return;
	}
	memcpy(o->text + o->used, path, len);
	o->lower[o->lowers++] = o->used;
	o->used += len;
}

void overlay_add_lowers(struct overlay *o, const char *value)
{
	char path[TARGET_PATH];
	bool cut = false;

	while (next_layer(&value, path, sizeof(path), &cut)) {
		if (cut)
			o->truncated = true;
		else
			add_lower(o, path);
		cut = false;
	}
}

static const char *value_of(const char *option, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(option, key, len) && option[len] == '=' ? option + len + 1 : NULL;
}

static void take_upper(struct overlay *o, const char *value)
{
	bool cut = false;

	/* mount(2) wants '\' before ',' and '\'; a name holding ':' is not split here */
	o->has_upper = true;
	if (strchr(value, '\\')) {
		size_t len = 0;

		for (; *value; value++) {
			if (*value == '\\' && value[1])
				value++;
			if (len + 1 < sizeof(o->upper))
				o->upper[len++] = *value;
			else
				cut = true;
		}
		o->upper[len] = '\0';
	} else {
		cut = !RECORD_TEXT(o->upper, value);
	}
	if (cut) {
		o->upper[0] = '\0';
		o->truncated = true;
	}
}

void overlay_parse(char *super, struct overlay *ret)
{
	char *option;

	ret->has_upper = ret->truncated = false;
	ret->upper[0] = '\0';
	ret->lowers = 0;
	ret->used = 0;
	while ((option = procfs_next_option(&super))) {
		const char *v;

		if ((v = value_of(option, "upperdir")))
			take_upper(ret, v);
		else if ((v = value_of(option, "lowerdir")))
			overlay_add_lowers(ret, v);
		else if ((v = value_of(option, "lowerdir+")) || (v = value_of(option, "datadir+")))
			add_lower(ret, v);
	}
}
