/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "jsonw.h"
#include "text.h"

#include <string.h>

static void escapes_controls_and_bad_utf8(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);

	(void)state;
	text_escape(&b, "a\n\x1b[31m\xff\\\xe2\x80\xae\xc3\xa9", 14);
	assert_string_equal(buf_str(&b), "a\\n\\x1b[31m\\xff\\\\\\xe2\\x80\\xae\xc3\xa9");
}

static void json_keeps_bytes(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);
	struct jsonw w = JSONW(&b);

	(void)state;
	jsonw_open(&w, NULL);
	jsonw_bytes(&w, "p", "a\xff\n", 3);
	jsonw_u64(&w, "n", UINT64_MAX);
	jsonw_open_array(&w, "l");
	jsonw_bool(&w, NULL, true);
	jsonw_null(&w, NULL);
	jsonw_close_array(&w);
	jsonw_close(&w);
	assert_string_equal(buf_str(&b),
		"{\"p\":\"a\xef\xbf\xbd\\n\",\"p_b64\":\"Yf8K\",\"n\":18446744073709551615,"
		"\"l\":[true,null]}");
}

static void parses_sizes_and_durations(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(text_parse_size("20G", &v), 0);
	assert_int_equal(v, 20ULL << 30);
	assert_int_equal(text_parse_duration("15m", &v), 0);
	assert_int_equal(v, 900ULL * 1000000000);
	assert_true(text_parse_size("1X", &v) < 0);
	assert_true(text_parse_size("", &v) < 0);
	assert_true(text_parse_size("99999999999999999999G", &v) < 0);
	assert_true(text_parse_size("18446744073709551615T", &v) < 0);
	assert_true(text_parse_duration("15", &v) < 0);
}

static void times_come_back(void **state)
{
	static const struct {
		int64_t sec;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000000007Z"},
		{-1, "1969-12-31T23:59:59.000000007Z"},
		{951782400, "2000-02-29T00:00:00.000000007Z"},
		{4107542399, "2100-02-28T23:59:59.000000007Z"},
		{TEXT_TIME_MIN, "0000-01-01T00:00:00.000000007Z"},
		{TEXT_TIME_MAX, "9999-12-31T23:59:59.000000007Z"},
	};
	own_buf struct buf b = BUF_INIT(64);
	struct timespec t;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		buf_clear(&b);
		text_time(&b, (struct timespec){cases[i].sec, 7});
		assert_string_equal(buf_str(&b), cases[i].text);
		assert_int_equal(text_parse_time(cases[i].text, &t), 0);
		assert_int_equal(t.tv_sec, cases[i].sec);
		assert_int_equal(t.tv_nsec, 7);
	}
	buf_clear(&b);
	text_time(&b, (struct timespec){TEXT_TIME_MAX + 1, 0});
	assert_string_equal(buf_str(&b), "@253402300800.000000000");
	assert_true(text_parse_time("2023-02-29T00:00:00.000000000Z", &t) < 0);
	assert_true(text_parse_time("2023-13-01T00:00:00.000000000Z", &t) < 0);
	assert_true(text_parse_time("2023-01-01T24:00:00.000000000Z", &t) < 0);
	assert_true(text_parse_time("2023-01-01T00:00:00.0000000x0Z", &t) < 0);
	assert_true(text_parse_time("", &t) < 0);
}

static void base64_comes_back(void **state)
{
	unsigned char p[4];

	(void)state;
	assert_int_equal(text_unbase64("AQID", 4, p, 3), 0);
	assert_memory_equal(p, "\1\2\3", 3);
	assert_int_equal(text_unbase64("AQI=", 4, p, 2), 0);
	assert_int_equal(text_unbase64("AQ==", 4, p, 1), 0);
	assert_true(text_unbase64("AR==", 4, p, 1) < 0); /* bits beyond the end */
	assert_true(text_unbase64("AQI=", 4, p, 3) < 0);
	assert_true(text_unbase64("AQI=", 4, p, 1) < 0);
	assert_true(text_unbase64("A!ID", 4, p, 3) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_controls_and_bad_utf8),
		cmocka_unit_test(json_keeps_bytes),
		cmocka_unit_test(parses_sizes_and_durations),
		cmocka_unit_test(times_come_back),
		cmocka_unit_test(base64_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
