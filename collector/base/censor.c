/* SPDX-License-Identifier: Apache-2.0 */
/* censor - JSON into the bundle without what looks secret in it. */
#include "censor.h"

#include "hash.h"
#include "jsonredact.h"
#include "jsonx.h"

#include <errno.h>

static int add_json(const char *p, size_t n, void *arg)
{
	return buf_add(arg, p, n) < 0 ? -1 : 0;
}

/* The redacted text; *ret_n values were replaced. */
static int redact_text(struct buf *text, const char *const *words, size_t *ret_n, struct err *e)
{
	own_json json_t *root = jsonx_parse(buf_str(text), text->len, e);
	int rc;

	if (!root)
		return -EINVAL;
	rc = jsonredact(root, words, ret_n, e);
	if (rc < 0 || !*ret_n)
		return rc;
	buf_clear(text);
	text->max *= 2; /* the escapes may be longer than they were */
	if (json_dump_callback(root, add_json, text, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
		return err_set(e, ENOMEM, "no memory");
	return 0;
}

/* Says what it was before we changed or refused it. */
static int tell(struct sink *out, const char *member, const uint8_t digest[HASH_LEN], size_t size,
	const struct err *why)
{
	enum gap_kind kind = why->code ? GAP_REFUSED : GAP_BY_PROFILE;
	char hex[HASH_HEX];

	hash_hex(digest, hex);
	return sink_gapf(out, kind, member, why, "original: %zu bytes, sha256 %s", size, hex);
}

static int gone(struct err *e)
{
	return err_set(e, EPIPE, "the writer is gone");
}

int censor_send(struct sink *out, const char *member, struct buf *text, const char *const *words,
	struct err *e)
{
	struct err why = ERR_INIT;
	uint8_t digest[HASH_LEN];
	size_t size = text->len, n = 0;

	if (!words)
		return sink_blob(out, member, buf_str(text), text->len, e);
	hash_of(text->data, text->len, digest);
	if (redact_text(text, words, &n, &why) < 0) {
		err_wrap(&why, -why.code, "left out, since it cannot be redacted");
		return tell(out, member, digest, size, &why) < 0 ? gone(e) : 0;
	}
	if (n) {
		err_set(&why, 0, "%zu values that look secret are digests; option redact: false",
			n);
		if (tell(out, member, digest, size, &why) < 0)
			return gone(e);
	}
	return sink_blob(out, member, buf_str(text), text->len, e);
}
