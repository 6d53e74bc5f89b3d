/* SPDX-License-Identifier: Apache-2.0 */
/* redact - an environment without its secrets. */
#include "redact.h"
#include "hash.h"

#include <string.h>

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool holds_word(const char *name, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (size_t at = 0; len && at + len <= n; at++) {
		size_t i = 0;

		while (i < len && upper(name[at + i]) == upper(word[i]))
			i++;
		if (i == len)
			return true;
	}
	return false;
}

/* scheme://user:password@host */
static bool url_with_password(const char *v, size_t n)
{
	const char *user = memmem(v, n, "://", 3), *end = v + n, *colon;
	size_t authority = 0;

	if (!user)
		return false;
	user += 3;
	while (user + authority < end && !strchr("/?# ", user[authority]))
		authority++;
	colon = memchr(user, ':', authority);
	return colon && memchr(colon, '@', authority - (size_t)(colon - user));
}

bool redact_is_secret(const char *name, size_t name_len, const char *value, size_t value_len,
	const char *const *words)
{
	for (; *words; words++)
		if (holds_word(name, name_len, *words))
			return true;
	return url_with_password(value, value_len) || memmem(value, value_len, "-----BEGIN ", 11);
}

size_t redact_environ(struct buf *out, const char *p, size_t n, const char *const *words)
{
	size_t replaced = 0;

	for (size_t len, step; n; p += step, n -= step) {
		const char *nul = memchr(p, '\0', n), *value;
		uint8_t digest[HASH_LEN];
		char hex[HASH_HEX];

		len = nul ? (size_t)(nul - p) : n;
		step = len + (nul != NULL);
		value = memchr(p, '=', len);
		if (value)
			value++;
		if (!value || value == p + len ||
			!redact_is_secret(
				p, (size_t)(value - p), value, len - (size_t)(value - p), words)) {
			buf_add(out, p, step);
			continue;
		}
		hash_of(value, len - (size_t)(value - p), digest);
		hash_hex(digest, hex);
		buf_add(out, p, (size_t)(value - p));
		buf_addf(out, "sha256:%s", hex);
		buf_add(out, "", nul != NULL);
		replaced++;
	}
	return replaced;
}
