/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "jsonx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text, struct err *e)
{
	return jsonx_parse(text, strlen(text), e);
}

static void gets_by_path_and_type(void **state)
{
	own_json json_t *root =
		parse("{\"a\":{\"b\":\"x\",\"n\":7,\"neg\":-1,\"f\":1.5,\"t\":true},"
		      "\"io.k8s/name\":\"dots\",\"nul\":\"a\\u0000b\"}",
			NULL);
	uint64_t v = 0;

	(void)state;
	assert_non_null(root);
	assert_string_equal(jsonx_str(root, "a.b"), "x");
	assert_null(jsonx_str(root, "a.n"));
	assert_null(jsonx_str(root, "a.b.c"));
	assert_string_equal(jsonx_text(root, "a.none"), "");
	assert_string_equal(jsonx_text_key(root, "io.k8s/name"), "dots");
	assert_string_equal(jsonx_text(root, "nul"), "a");
	assert_int_equal(jsonx_u64(root, "a.n", &v), 0);
	assert_int_equal(v, 7);
	assert_int_equal(jsonx_u64(root, "a.neg", &v), -EINVAL);
	assert_int_equal(jsonx_u64(root, "a.f", &v), -EINVAL);
	assert_int_equal(jsonx_u64(root, "a.none", &v), -ENOENT);
	assert_true(jsonx_bool(root, "a.t"));
	assert_false(jsonx_bool(root, "a.none"));
	assert_string_equal(jsonx_text(NULL, "a"), "");
}

static void refuses_with_a_place(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_null(parse("{\"a\":1,\n\"a\":2}", &e));
	assert_non_null(strstr(e.text, "line 2"));
	assert_null(parse("{", &e));
	assert_int_equal(e.code, EINVAL);
}

static void refuses_what_would_eat_memory(void **state)
{
	size_t n = 2 * (JSONX_VALUES_MAX + 2);
	char *text = malloc(n);
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(text);
	memset(text, ',', n);
	text[0] = '[';
	assert_null(jsonx_parse(text, n, &e));
	assert_int_equal(e.code, EFBIG);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_by_path_and_type),
		cmocka_unit_test(refuses_with_a_place),
		cmocka_unit_test(refuses_what_would_eat_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
