/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubechain - from the files of a container up to the owner of its pod and its node, each link with
 * where it is in the bundle. */
#include "target.h"

#include <jansson.h>

/* A new array. pod NULL: the server did not tell. owners, nodes: arrays as in the summary. NULL: no
 * memory. */
json_t *kubechain_make(
	const struct target *t, const json_t *pod, const json_t *owners, const json_t *nodes);
/* Sets a text of any bytes, escaped where it is not UTF-8; nothing for "". */
void kubechain_text(json_t *to, const char *key, const char *text);
