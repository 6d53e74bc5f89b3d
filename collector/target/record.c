/* SPDX-License-Identifier: Apache-2.0 */
/* record - bounded additions to a struct target. */
#include "record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool record_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size);

	if (len < size) {
		memcpy(dst, src, len + 1);
		return true;
	}
	memcpy(dst, src, size - 1);
	dst[size - 1] = '\0';
	return false;
}

void record_field(struct target *t, char *dst, size_t size, const char *src)
{
	if (!record_text(dst, size, src))
		t->truncated = true;
}

void record_finding(struct target *t, const char *fmt, ...)
{
	char text[TARGET_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (unsigned i = 0; i < t->findings; i++)
		if (!strcmp(t->finding[i], text))
			return;
	if (t->findings == TARGET_FINDINGS) {
		t->truncated = true;
		RECORD_TEXT(
			t->finding[TARGET_FINDINGS - 1], "there are more findings than fit here");
		return;
	}
	memcpy(t->finding[t->findings++], text, sizeof(text));
}

static void add_file(struct target *t, struct target_file *table, unsigned *n, unsigned max,
	const struct target_file *file)
{
	for (unsigned i = 0; i < *n; i++)
		if (!strcmp(table[i].path, file->path))
			return;
	if (*n == max)
		t->truncated = true;
	else
		table[(*n)++] = *file;
}

static bool make_file(
	struct target *t, struct target_file *ret, const char *label, const char *path)
{
	*ret = (struct target_file){0};
	path += strspn(path, "/");
	RECORD_FIELD(t, ret->label, label);
	/* a path that was cut would name another file */
	if (*path && RECORD_TEXT(ret->path, path))
		return true;
	t->truncated |= *path != '\0';
	return false;
}

void record_state(struct target *t, const char *label, const char *path)
{
	struct target_file file;

	if (make_file(t, &file, label, path))
		add_file(t, t->state, &t->states, TARGET_STATES, &file);
}

void record_log(struct target *t, const char *label, const char *path)
{
	struct target_file file;

	if (make_file(t, &file, label, path))
		add_file(t, t->log, &t->logs, TARGET_LOGS, &file);
}

struct target_mount *record_mount(struct target *t)
{
	struct target_mount *m;

	if (t->mounts == TARGET_MOUNTS) {
		t->truncated = true;
		return NULL;
	}
	m = &t->mount[t->mounts++];
	*m = (struct target_mount){0};
	return m;
}
