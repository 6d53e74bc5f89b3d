/* SPDX-License-Identifier: Apache-2.0 */
/* criids - ids that a runtime named and that it is asked about. */
#include "criids.h"

#include <string.h>

bool criids_is(struct protobuf_text t, const char *s)
{
	return t.n == strlen(s) && !memcmp(t.n ? t.p : "", s, t.n);
}

bool criids_has(const struct criids *in, struct protobuf_text id)
{
	for (unsigned i = 0; i < in->n; i++)
		if (criids_is(id, in->id[i]))
			return true;
	return false;
}

void criids_add(struct criids *to, struct protobuf_text id)
{
	if (!id.n || criids_has(to, id))
		return;
	if (to->n == CRIIDS_MAX || id.n >= CRIIDS_LEN || memchr(id.p, '\0', id.n)) {
		to->over++;
		return;
	}
	memcpy(to->id[to->n], id.p, id.n);
	to->id[to->n++][id.n] = '\0';
}
