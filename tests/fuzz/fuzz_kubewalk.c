/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kubewalk - a server that answers everything with the same object, whatever it is. */
#include "jsonx.h"
#include "kubepeers.h"
#include "kubeselect.h"
#include "kubesum.h"
#include "kubewalk.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All of it shared with the object: its text must come out. */
static void summarize(struct kubesum *s, const struct kubewalk *w)
{
	static const struct target target = {.pod_namespace = "shop", .pod_name = "w\xff"};
	own_json json_t *root = kubesum_render(s, w, &target);
	char *text = json_dumps(root, JSON_COMPACT);

	if (!text)
		abort();
	free(text);
}

static void name_peers(const json_t *document)
{
	static const struct peer list[] = {
		{.family = AF_INET, .remote_port = 443, .remote = {10, 96, 0, 1}},
		{.family = AF_INET6, .remote_port = 30080, .remote = {0xfd, [15] = 1}},
	};
	static const enum kubeask_kind kinds[] = {
		ASK_PEER_NODES, ASK_PEER_SERVICES, ASK_PEER_PODS, ASK_PEER_SERVER};
	own_kubepeers struct kubepeers *p = NULL;
	own_json json_t *rows = NULL;
	struct kubeask ask = {.kind = ASK_POD};
	char *text;

	if (kubepeers_new(list, 2, document, &p, NULL) < 0)
		abort();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ask.kind = kinds[i];
		kubepeers_take(p, &ask, document);
	}
	rows = kubepeers_render(p);
	text = json_dumps(rows, JSON_COMPACT);
	if (json_array_size(rows) != 2 || !text)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_kubesum struct kubesum *s = NULL;
	own_json json_t *document = jsonx_parse((const char *)data, size, NULL);
	own_kubewalk struct kubewalk *w = NULL;
	struct kubeask *ask;
	size_t n = 0;

	if (!document || kubewalk_new("shop", "web", &w, NULL) < 0 || kubesum_new(&s, NULL) < 0)
		return 0;
	while ((ask = kubewalk_next(w))) {
		if (kubepath_check(ask->path, NULL) < 0 || n++ == KUBEASK_MAX ||
			strstr(ask->name, "/.") || ask->name[0] == '.' || !ask->name[0])
			abort();
		kubewalk_answer(w, ask, document);
		kubesum_take(s, w, ask, "kubernetes/x.json", document);
		if (ask->kind == ASK_POD)
			kubewalk_add_logs(w, NULL, NULL);
	}
	summarize(s, w);
	name_peers(document);
	(void)kubeselect_policy(document, document);
	(void)kubeselect_service(document, document);
	(void)kubeselect_slice(document, document);
	return 0;
}
