/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* criinfo - what we look for in the JSON that a runtime adds to an answer ('info'), whose form is
 * each runtime's own. */
#include "cri.h"

#include <jansson.h>

enum { CRIINFO_MAX = 4 << 20 /* bytes of it that are parsed */ };

/* 0 and "": not told. */
struct criinfo {
	uint64_t pid;
	char snapshotter[64], key[CRI_NAME_MAX + 1]; /* containerd's */
};

void criinfo_read(struct protobuf_list info, struct criinfo *ret);
/* What the network's plugins said when the pod was set up; NULL: not told. The caller's. */
json_t *criinfo_network(struct protobuf_list info) must_check;
