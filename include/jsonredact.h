/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* jsonredact - the configuration of a container without its secrets. */
#include "err.h"

#include <jansson.h>
#include <stddef.h>

/*
 * Replaces, in place, by "sha256:HEX" of the value:
 *  - VALUE of NAME=VALUE strings in arrays (environments, arguments), and the argument after
 *    a "--flag", where the name looks secret by words (redact.h);
 *  - strings of objects whose key looks secret, where the object is one of free keys: env,
 *    environment, labels, annotations; of a key only what follows its last '/';
 *  - "value" of an object whose "name" looks secret: a pod's environment, a probe's headers;
 *  - all of these in a string that is itself a JSON object or array;
 *  - any other string that is a URL with a password or a PEM block.
 * -ELOOP when values nest deeper than 64: nothing of it may be shown then. Counts to *ret_n.
 */
int jsonredact(json_t *root, const char *const *words, size_t *ret_n, struct err *e) must_check;
