/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubeyaml - a YAML text as the tree of JSON that jsonx.h reads.
 *
 * One document of mappings with plain keys, sequences and scalars. A scalar is a string, whatever
 * it looks like; an empty plain one, "~" and "null" are null. An alias is the node it names, not a
 * copy, and names one that is complete. Merge keys, keys that come twice and what is over the
 * limits are refused.
 */
#include "err.h"

#include <jansson.h>
#include <stddef.h>

enum {
	KUBEYAML_MAX = 1 << 20, /* bytes: a kubeconfig of a thousand clusters */
	KUBEYAML_DEPTH = 16,
	KUBEYAML_ANCHORS = 64,
	KUBEYAML_NODES = 50000,
};

/* A text that begins with '{' is read as JSON. NULL on failure, with the line in e. */
json_t *kubeyaml_parse(const char *text, size_t len, struct err *e) must_check;
