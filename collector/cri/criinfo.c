/* SPDX-License-Identifier: Apache-2.0 */
/* criinfo - what we look for in the JSON that a runtime adds to an answer. */
#include "criinfo.h"
#include "criids.h"
#include "jsonx.h"

#include <stdio.h>

static json_t *parse(struct protobuf_list info)
{
	struct cri_pair p;

	while (cri_next_pair(&info, &p, NULL) > 0)
		if (criids_is(p.key, "info") && p.value.n && p.value.n <= CRIINFO_MAX)
			return jsonx_parse(p.value.p, p.value.n, NULL);
	return NULL;
}

void criinfo_read(struct protobuf_list info, struct criinfo *ret)
{
	own_json json_t *root = parse(info);

	*ret = (struct criinfo){0};
	if (jsonx_u64(root, "pid", &ret->pid) < 0)
		ret->pid = 0;
	snprintf(ret->snapshotter, sizeof(ret->snapshotter), "%s", jsonx_text(root, "snapshotter"));
	snprintf(ret->key, sizeof(ret->key), "%s", jsonx_text(root, "snapshotKey"));
}

json_t *criinfo_network(struct protobuf_list info)
{
	own_json json_t *root = parse(info);
	json_t *network = jsonx_get(root, "cniResult");

	return json_is_object(network) ? json_incref(network) : NULL;
}
