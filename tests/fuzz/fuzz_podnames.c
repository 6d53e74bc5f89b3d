/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_podnames - names that the kubelet gives to logs. */
#include "podnames.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *name, const struct podname *n, const char *id)
{
	const char *parts[] = {n->pod_namespace, n->pod, id};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!*parts[i] || !strstr(name, parts[i]))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1);
	struct podname n;

	if (!name)
		abort();
	memcpy(name, data, size);
	name[size] = '\0';
	if (podnames_link(name, &n))
		check(name, &n, n.id);
	if (podnames_log_folder(name, &n)) {
		check(name, &n, n.uid);
		if (!podnames_is_uid(n.uid))
			abort();
	}
	free(name);
	return 0;
}
