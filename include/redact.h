/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* redact - which variables of an environment look secret, and the environment
 * without their values. */
#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Words in a name that make its value secret: the default of a dumper's option. */
#define REDACT_WORDS \
	"PASS,SECRET,TOKEN,KEY,CREDENTIAL,AUTH,COOKIE,PRIVATE,CERT,DSN,SALT,SESSION,SIGNATURE"

/*
 * True when the name holds one of the words (in any case), or the value is a URL
 * with a password in it or a PEM block. words is NULL-terminated.
 */
bool redact_is_secret(const char *name, size_t name_len, const char *value, size_t value_len,
	const char *const *words);

/*
 * Copies NAME=VALUE entries, each ended by a NUL, to out; a secret value becomes
 * "sha256:HEX", so that two can still be compared. An entry without '=' is copied: the
 * text is the process's own and may be anything. Returns how many were replaced.
 */
size_t redact_environ(struct buf *out, const char *p, size_t n, const char *const *words);
