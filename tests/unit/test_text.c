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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_controls_and_bad_utf8),
		cmocka_unit_test(json_keeps_bytes),
		cmocka_unit_test(parses_sizes_and_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
