/* SPDX-License-Identifier: Apache-2.0 */
/* seal - the signed line after each run of frames. */
#include "seal.h"

#include "buf.h"
#include "text.h"

#include <errno.h>
#include <string.h>

enum {
	SIG_TEXT = (SEAL_SIG + 2) / 3 * 4,
	DIGITS = 20, /* of the largest 64-bit number */
};

/* What is left of a line that is being taken apart. */
struct cursor {
	const char *at, *end;
	bool bad;
};

static void put_hex(struct buf *out, const char *before, const uint8_t *p, size_t n)
{
	buf_adds(out, before);
	text_hex(out, p, n);
}

void seal_render(const struct seal *s, struct buf *out)
{
	buf_addf(out, "{\"seal\":1,\"run\":\"%s\",\"seq\":%llu,\"offset\":%llu,\"length\":%llu",
		s->run, (unsigned long long)s->seq, (unsigned long long)s->offset,
		(unsigned long long)s->length);
	put_hex(out, ",\"sha256\":\"", s->sha256, HASH_LEN);
	put_hex(out, "\",\"prev\":\"", s->prev, HASH_LEN);
	buf_addf(out, "\",\"tar_offset\":%llu,\"tar_length\":%llu,\"wall\":\"",
		(unsigned long long)s->tar_offset, (unsigned long long)s->tar_length);
	text_time(out, s->wall);
	buf_addf(out, "\",\"boot_ns\":%llu,\"final\":%s", (unsigned long long)s->boot_ns,
		s->final ? "true" : "false");
	put_hex(out, ",\"signer\":\"", s->signer, SEAL_KEY);
	buf_adds(out, "\"}");
}

void seal_frame(const char *line, size_t len, const uint8_t sig[SEAL_SIG], struct buf *out)
{
	uint32_t head[2] = {SEAL_MAGIC, (uint32_t)(len + 1 + SIG_TEXT + 1)};

	for (size_t i = 0; i < SEAL_HEAD; i++)
		buf_addc(out, (char)(head[i / 4] >> 8 * (i % 4)));
	buf_add(out, line, len);
	buf_addc(out, '\n');
	text_base64(out, sig, SEAL_SIG);
	buf_addc(out, '\n');
}

static void expect(struct cursor *c, const char *text)
{
	size_t n = strlen(text);

	if (c->bad || (size_t)(c->end - c->at) < n || memcmp(c->at, text, n))
		c->bad = true;
	else
		c->at += n;
}

/* The characters up to (not including) 'stop', as a string. */
static void take_until(struct cursor *c, char stop, char *ret, size_t size)
{
	const char *p = c->bad ? NULL : memchr(c->at, stop, (size_t)(c->end - c->at));

	ret[0] = '\0';
	if (!p || (size_t)(p - c->at) >= size || memchr(c->at, '\0', (size_t)(p - c->at))) {
		c->bad = true;
		return;
	}
	memcpy(ret, c->at, (size_t)(p - c->at));
	ret[p - c->at] = '\0';
	c->at = p;
}

static uint64_t take_number(struct cursor *c, const char *before)
{
	char text[DIGITS + 1];
	uint64_t v = 0;

	expect(c, before);
	take_until(c, ',', text, sizeof(text));
	if (text_parse_u64(text, UINT64_MAX, &v) < 0)
		c->bad = true;
	return v;
}

static void take_hex(struct cursor *c, const char *before, void *ret, size_t n)
{
	char text[HASH_HEX];

	expect(c, before);
	take_until(c, '"', text, sizeof(text));
	if (text_unhex(text, ret, n) < 0)
		c->bad = true;
}

static void take_time(struct cursor *c, const char *before, struct timespec *ret)
{
	char text[64];

	expect(c, before);
	take_until(c, '"', text, sizeof(text));
	if (text_parse_time(text, ret) < 0)
		c->bad = true;
}

bool seal_run_is_valid(const char *run)
{
	static const char form[] = "00000000T000000Z-xxxxxxxxxxxxxxxx";

	if (strlen(run) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		bool digit = run[i] >= '0' && run[i] <= '9';

		if (form[i] == '0' && !digit)
			return false;
		if (form[i] == 'x' && !digit && (run[i] < 'a' || run[i] > 'f'))
			return false;
		if (form[i] != '0' && form[i] != 'x' && run[i] != form[i])
			return false;
	}
	return true;
}

/* Loosely: whatever passes and does not come out the same when rendered is refused later. */
static bool parse_line(struct cursor *c, struct seal *s)
{
	char word[8];

	expect(c, "{\"seal\":1,\"run\":\"");
	take_until(c, '"', s->run, sizeof(s->run));
	s->seq = take_number(c, "\",\"seq\":");
	s->offset = take_number(c, ",\"offset\":");
	s->length = take_number(c, ",\"length\":");
	take_hex(c, ",\"sha256\":\"", s->sha256, HASH_LEN);
	take_hex(c, "\",\"prev\":\"", s->prev, HASH_LEN);
	s->tar_offset = take_number(c, "\",\"tar_offset\":");
	s->tar_length = take_number(c, ",\"tar_length\":");
	take_time(c, ",\"wall\":\"", &s->wall);
	s->boot_ns = take_number(c, "\",\"boot_ns\":");
	expect(c, ",\"final\":");
	take_until(c, ',', word, sizeof(word));
	s->final = !strcmp(word, "true");
	take_hex(c, ",\"signer\":\"", s->signer, SEAL_KEY);
	expect(c, "\"}");
	return !c->bad && c->at == c->end && seal_run_is_valid(s->run);
}

int seal_parse(const void *payload, size_t n, struct seal *ret, uint8_t ret_sig[SEAL_SIG],
	size_t *ret_line_len, struct err *e)
{
	own_buf struct buf again = BUF_INIT(SEAL_PAYLOAD_MAX);
	const char *text = payload, *newline = n ? memchr(payload, '\n', n) : NULL;
	struct cursor c = {.at = text, .end = newline};
	struct seal s = {0};
	uint8_t sig[SEAL_SIG];

	if (!newline || n > SEAL_PAYLOAD_MAX)
		return err_set(e, EBADMSG, "not a seal");
	if (!parse_line(&c, &s))
		return err_set(e, EBADMSG, "not a seal of taphos/1");
	if (n != (size_t)(newline - text) + 1 + SIG_TEXT + 1 ||
		text_unbase64(newline + 1, SIG_TEXT, sig, SEAL_SIG) < 0 || text[n - 1] != '\n')
		return err_set(e, EBADMSG, "a seal without a signature");
	seal_render(&s, &again);
	if (again.failed || again.len != (size_t)(newline - text) ||
		memcmp(again.data, text, again.len))
		return err_set(e, EBADMSG, "a seal that is not in canonical form");
	*ret = s;
	memcpy(ret_sig, sig, SEAL_SIG);
	*ret_line_len = (size_t)(newline - text);
	return 0;
}
