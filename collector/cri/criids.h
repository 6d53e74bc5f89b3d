/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* criids - ids that a runtime named and that it is asked about: each once, whole. */
#include "protobuf.h"

#include <stdbool.h>

enum {
	CRIIDS_MAX = 256,
	CRIIDS_LEN = 256, /* of one, with its end: an image is named by where it came from */
};

struct criids {
	unsigned n, over; /* over: more of them, longer ones, or such as cannot be asked about */
	char id[CRIIDS_MAX][CRIIDS_LEN];
};

void criids_add(struct criids *to, struct protobuf_text id);
bool criids_has(const struct criids *in, struct protobuf_text id);
/* Is this text that one, whole? */
bool criids_is(struct protobuf_text t, const char *s);
