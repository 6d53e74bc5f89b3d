/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kubewalk - a server that answers everything with the same object, whatever it is. */
#include "jsonx.h"
#include "kubeselect.h"
#include "kubewalk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_json json_t *document = jsonx_parse((const char *)data, size, NULL);
	own_kubewalk struct kubewalk *w = NULL;
	struct kubeask *ask;
	size_t n = 0;

	if (!document || kubewalk_new("shop", "web", &w, NULL) < 0)
		return 0;
	while ((ask = kubewalk_next(w))) {
		if (kubepath_check(ask->path, NULL) < 0 || n++ == KUBEASK_MAX ||
			strstr(ask->name, "/.") || ask->name[0] == '.' || !ask->name[0])
			abort();
		kubewalk_answer(w, ask, document);
		if (ask->kind == ASK_POD)
			kubewalk_add_logs(w, NULL, NULL);
	}
	(void)kubeselect_policy(document, document);
	(void)kubeselect_service(document, document);
	(void)kubeselect_slice(document, document);
	return 0;
}
