/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_mountinfo - a target's mount table, and the options of an overlay in it. */
#include "mounts.h"
#include "overlay.h"
#include "procfs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static void check_layers(struct overlay *o, char *text)
{
	char *line;

	while ((line = procfs_next_line(&text))) {
		struct procfs_mount m;

		if (procfs_parse_mount(line, &m) < 0)
			continue;
		overlay_parse(m.super, o);
		for (unsigned i = 0; i < o->lowers; i++)
			if (!o->text[o->lower[i]] || o->lower[i] >= o->used)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct target t;
	static struct overlay o;
	char *text = copy(data, size);

	t.mounts = 0;
	mounts_add_declared(&t, "/data", "/srv/data", "bind");
	if (mounts_join(&t, text, NULL) < 0)
		abort();
	for (unsigned i = 0; i < t.mounts; i++)
		if (!memchr(t.mount[i].point, 0, TARGET_PATH) || t.mount[i].kind > MOUNT_FOREIGN)
			abort();
	free(text);
	text = copy(data, size);
	check_layers(&o, text);
	free(text);
	return 0;
}
