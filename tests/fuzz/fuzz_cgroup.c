/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cgroup - the text of /proc/PID/cgroup. */
#include "cgroup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *at = text;
	struct cgroup_line line;
	struct cgroup_id id;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	while ((at = cgroup_next(at, &line))) {
		if (!cgroup_identify(line.path, &id))
			continue;
		if (id.own_len > strlen(line.path) || !id.id[0] || strchr(id.id, '/'))
			abort();
		line.path[id.own_len] = '\0';
		if (!cgroup_is_below(line.path, line.path))
			abort();
	}
	free(text);
	return 0;
}
