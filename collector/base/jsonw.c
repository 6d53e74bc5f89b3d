/* SPDX-License-Identifier: Apache-2.0 */
/* jsonw - writes JSON text into a buf. */
#include "jsonw.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The most of what there is. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct buf *b, const unsigned char *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	size_t i = 0, plain = 0;

	while (i < n) {
		size_t len;

		if (is_plain(p[i])) {
			i++;
			continue;
		}
		len = text_utf8_len(p + i, n - i);
		if (len && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f) {
			i += len;
			continue;
		}
		buf_add(b, p + plain, i - plain);
		if (!len)
			buf_adds(b, "\xef\xbf\xbd"); /* U+FFFD */
		else if (p[i] == '"' || p[i] == '\\')
			buf_add(b, (char[]){'\\', (char)p[i]}, 2);
		else if (p[i] == '\n')
			buf_adds(b, "\\n");
		else
			buf_add(b, (char[]){'\\', 'u', '0', '0', hex[p[i] >> 4], hex[p[i] & 15]},
				6);
		plain = ++i;
	}
	buf_add(b, p + plain, n - plain);
}

static void put_key(struct jsonw *w, const char *key, const char *suffix)
{
	if (w->comma[w->depth])
		buf_addc(w->out, ',');
	w->comma[w->depth] = true;
	if (!key)
		return;
	buf_addc(w->out, '"');
	put_escaped(w->out, (const unsigned char *)key, strlen(key));
	buf_adds(w->out, suffix);
	buf_adds(w->out, "\":");
}

static void open_level(struct jsonw *w, const char *key, char c)
{
	put_key(w, key, "");
	buf_addc(w->out, c);
	if (w->depth + 1 >= sizeof(w->comma) / sizeof(w->comma[0])) {
		w->out->failed = true; /* a program error, never data: fail loudly at buf_check */
		return;
	}
	w->comma[++w->depth] = false;
}

static void close_level(struct jsonw *w, char c)
{
	buf_addc(w->out, c);
	if (w->depth)
		w->depth--;
}

void jsonw_open(struct jsonw *w, const char *key)
{
	open_level(w, key, '{');
}

void jsonw_close(struct jsonw *w)
{
	close_level(w, '}');
}

void jsonw_open_array(struct jsonw *w, const char *key)
{
	open_level(w, key, '[');
}

void jsonw_close_array(struct jsonw *w)
{
	close_level(w, ']');
}

void jsonw_bytes(struct jsonw *w, const char *key, const void *p, size_t n)
{
	put_key(w, key, "");
	buf_addc(w->out, '"');
	put_escaped(w->out, p, n);
	buf_addc(w->out, '"');
	if (!key || text_is_utf8(p, n))
		return;
	put_key(w, key, "_b64");
	buf_addc(w->out, '"');
	text_base64(w->out, p, n);
	buf_addc(w->out, '"');
}

void jsonw_str(struct jsonw *w, const char *key, const char *s)
{
	if (s)
		jsonw_bytes(w, key, s, strlen(s));
	else
		jsonw_null(w, key);
}

void jsonw_u64(struct jsonw *w, const char *key, uint64_t v)
{
	put_key(w, key, "");
	buf_addu(w->out, v);
}

void jsonw_i64(struct jsonw *w, const char *key, int64_t v)
{
	put_key(w, key, "");
	buf_addf(w->out, "%" PRId64, v);
}

void jsonw_hex(struct jsonw *w, const char *key, uint64_t v)
{
	put_key(w, key, "");
	buf_addf(w->out, "\"0x%" PRIx64 "\"", v);
}

void jsonw_bool(struct jsonw *w, const char *key, bool v)
{
	put_key(w, key, "");
	buf_adds(w->out, v ? "true" : "false");
}

void jsonw_null(struct jsonw *w, const char *key)
{
	put_key(w, key, "");
	buf_adds(w->out, "null");
}

void jsonw_time(struct jsonw *w, const char *key, struct timespec t)
{
	put_key(w, key, "");
	buf_addc(w->out, '"');
	text_time(w->out, t);
	buf_addc(w->out, '"');
}

void jsonw_hexbytes(struct jsonw *w, const char *key, const void *p, size_t n)
{
	put_key(w, key, "");
	buf_addc(w->out, '"');
	text_hex(w->out, p, n);
	buf_addc(w->out, '"');
}

void jsonw_raw(struct jsonw *w, const char *key, const char *json, size_t n)
{
	put_key(w, key, "");
	buf_add(w->out, json, n);
}
