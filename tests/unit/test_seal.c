/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "seal.h"
#include "text.h"

#include <errno.h>
#include <string.h>

#define ZEROS16 "0000000000000000"
#define ZEROS64 ZEROS16 ZEROS16 ZEROS16 ZEROS16
#define LINE                                                                                       \
	"{\"seal\":1,\"run\":\"20260131T100000Z-0123456789abcdef\",\"seq\":7,\"offset\":812,"      \
	"\"length\":18446744073709551615,\"sha256\":\"ff00000000000000" ZEROS16 ZEROS16 ZEROS16    \
	"\",\"prev\":\"" ZEROS64 "\",\"tar_offset\":1,\"tar_length\":2,"                           \
	"\"wall\":\"2026-01-31T10:00:00.000000001Z\",\"boot_ns\":123,\"final\":true,\"signer\":\"" \
	"00000000000000000000000000000000000000000000000000000000000000ee\"}"

static struct seal example(void)
{
	struct seal s = {
		.run = "20260131T100000Z-0123456789abcdef",
		.seq = 7,
		.offset = 812,
		.length = UINT64_MAX,
		.sha256 = {0xff},
		.tar_offset = 1,
		.tar_length = 2,
		.boot_ns = 123,
		.final = true,
	};

	s.signer[SEAL_KEY - 1] = 0xee;
	assert_int_equal(text_parse_time("2026-01-31T10:00:00.000000001Z", &s.wall), 0);
	return s;
}

static void renders_the_documented_line(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);
	struct seal s = example();

	(void)state;
	seal_render(&s, &b);
	assert_string_equal(buf_str(&b), LINE);
}

static void comes_back_from_its_frame(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);
	struct seal s = example(), back;
	uint8_t sig[SEAL_SIG], sig_back[SEAL_SIG];
	size_t line = 0;

	(void)state;
	memset(sig, 0xa5, sizeof(sig));
	seal_frame(LINE, strlen(LINE), sig, &b);
	assert_memory_equal(b.data, "\x5a\x2a\x4d\x18", 4);
	assert_int_equal((uint8_t)b.data[4] | (uint8_t)b.data[5] << 8, b.len - SEAL_HEAD);
	assert_int_equal(b.data[6] | b.data[7], 0);
	assert_int_equal(
		seal_parse(b.data + SEAL_HEAD, b.len - SEAL_HEAD, &back, sig_back, &line, NULL), 0);
	assert_int_equal(line, strlen(LINE));
	assert_memory_equal(sig, sig_back, sizeof(sig));
	assert_string_equal(back.run, s.run);
	assert_memory_equal(back.sha256, s.sha256, HASH_LEN);
	assert_int_equal(back.length, UINT64_MAX);
	assert_int_equal(back.wall.tv_sec, s.wall.tv_sec);
	assert_true(back.final);
}

/* No other bytes mean a seal: each flip is refused, or is a seal that renders to just these. */
static void every_flip_and_every_cut_is_another_seal_or_none(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);
	uint8_t sig[SEAL_SIG] = {1, 2, 3}, sig_back[SEAL_SIG];
	struct seal s;
	size_t line;

	(void)state;
	seal_frame(LINE, strlen(LINE), sig, &b);
	for (size_t bit = 8 * SEAL_HEAD; bit < 8 * b.len; bit++) {
		own_buf struct buf again = BUF_INIT(4096);

		b.data[bit / 8] ^= (char)(1 << bit % 8);
		if (!seal_parse(b.data + SEAL_HEAD, b.len - SEAL_HEAD, &s, sig_back, &line, NULL)) {
			own_buf struct buf l = BUF_INIT(4096);

			seal_render(&s, &l);
			seal_frame(l.data, l.len, sig_back, &again);
			assert_int_equal(again.len, b.len);
			assert_memory_equal(again.data, b.data, b.len);
		}
		b.data[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < b.len - SEAL_HEAD; n++)
		assert_int_equal(
			seal_parse(b.data + SEAL_HEAD, n, &s, sig_back, &line, NULL), -EBADMSG);
}

static void refuses_other_forms(void **state)
{
	static const char *const bad[] = {
		"",
		"\n\n",
		"{}\n\n",
		"{\"seal\":1,\"run\":\"20260131T100000Z-0123456789abcdef\",\"seq\":07\n",
		"{\"seal\":1, \"run\":\"x\"}\nAAAA\n",
	};
	uint8_t sig[SEAL_SIG];
	struct err e = ERR_INIT;
	struct seal s;
	size_t line;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(seal_parse(bad[i], strlen(bad[i]), &s, sig, &line, &e), -EBADMSG);
	assert_true(seal_run_is_valid("20260131T100000Z-0123456789abcdef"));
	assert_false(seal_run_is_valid("20260131T100000Z-0123456789abcdeF"));
	assert_false(seal_run_is_valid("20260131T100000Z-0123456789abcde"));
	assert_false(seal_run_is_valid("../../1T100000Z-0123456789abcdef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_the_documented_line),
		cmocka_unit_test(comes_back_from_its_frame),
		cmocka_unit_test(every_flip_and_every_cut_is_another_seal_or_none),
		cmocka_unit_test(refuses_other_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
