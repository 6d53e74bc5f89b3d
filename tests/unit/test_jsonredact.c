/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "hash.h"
#include "jsonredact.h"
#include "jsonx.h"
#include "redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"PASS", "SECRET", "TOKEN", "KEY", NULL};

/* What a text becomes; the digests shortened to '#'. */
static void becomes(const char *in, size_t want_n, const char *want)
{
	own_json json_t *root = jsonx_parse(in, strlen(in), NULL);
	char *out, *p;
	size_t n = 0;

	assert_non_null(root);
	assert_int_equal(jsonredact(root, words, &n, NULL), 0);
	out = json_dumps(root, JSON_COMPACT);
	while ((p = strstr(out, "sha256:")) && strspn(p + 7, "0123456789abcdef") == 64)
		memmove(p + 1, p + 7 + 64, strlen(p + 7 + 64) + 1), *p = '#';
	assert_string_equal(out, want);
	assert_int_equal(n, want_n);
	free(out);
}

static void environments_lose_values(void **state)
{
	(void)state;
	becomes("{\"process\":{\"env\":[\"PATH=/bin\",\"DB_PASSWORD=x\",\"EMPTY_TOKEN=\"]}}", 1,
		"{\"process\":{\"env\":[\"PATH=/bin\",\"DB_PASSWORD=#\",\"EMPTY_TOKEN=\"]}}");
	becomes("{\"Env\":{\"API_KEY\":\"k\",\"HOME\":\"/\"}}", 1,
		"{\"Env\":{\"API_KEY\":\"#\",\"HOME\":\"/\"}}");
}

static void arguments_lose_values(void **state)
{
	(void)state;
	becomes("[\"--password=hunter2\",\"--token\",\"t\",\"--key\",\"-v\",\"file\"]", 2,
		"[\"--password=#\",\"--token\",\"#\",\"--key\",\"-v\",\"file\"]");
}

static void keys_of_the_runtime_stay(void **state)
{
	(void)state;
	becomes("{\"labels\":{\"authorization.io/role\":\"r\",\"a.io/token\":\"t\"}}", 1,
		"{\"labels\":{\"authorization.io/role\":\"r\",\"a.io/token\":\"#\"}}");
	becomes("{\"KeyPath\":\"/run/key\",\"labels\":{\"token\":\"t\",\"app\":\"web\"}}", 1,
		"{\"KeyPath\":\"/run/key\",\"labels\":{\"token\":\"#\",\"app\":\"web\"}}");
}

static void a_pod_loses_values(void **state)
{
	(void)state;
	becomes("{\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"x\"},"
		"{\"name\":\"HOME\",\"value\":\"/\"},{\"name\":\"KEY\",\"valueFrom\":{}}]}",
		1,
		"{\"env\":[{\"name\":\"DB_PASSWORD\",\"value\":\"#\"},"
		"{\"name\":\"HOME\",\"value\":\"/\"},{\"name\":\"KEY\",\"valueFrom\":{}}]}");
	becomes("{\"envs\":[{\"key\":\"A_TOKEN\",\"value\":\"x\"},{\"key\":\"b\",\"value\":\"y\"}]"
		"}",
		1,
		"{\"envs\":[{\"key\":\"A_TOKEN\",\"value\":\"#\"},{\"key\":\"b\",\"value\":\"y\"}]"
		"}");
	becomes("{\"annotations\":{\"last\":\"{\\\"env\\\":[\\\"A_TOKEN=x\\\"]}\",\"b\":\"{x\"}}",
		1,
		"{\"annotations\":{\"last\":\"{\\\"env\\\":[\\\"A_TOKEN=#\\\"]}\",\"b\":\"{x\"}}");
}

static void urls_and_pem_anywhere(void **state)
{
	(void)state;
	becomes("{\"a\":{\"b\":[{\"c\":\"pg://u:pw@h/d\"}]},\"d\":\"-----BEGIN "
		"RSA\",\"e\":\"http://h\"}",
		2, "{\"a\":{\"b\":[{\"c\":\"#\"}]},\"d\":\"#\",\"e\":\"http://h\"}");
}

static void nul_bytes_and_order_survive(void **state)
{
	(void)state;
	becomes("{\"z\":\"a\\u0000b\",\"a\":[\"TOKEN=a\\u0000b\"]}", 1,
		"{\"z\":\"a\\u0000b\",\"a\":[\"TOKEN=#\"]}");
}

static void too_deep_is_refused(void **state)
{
	char text[400];
	size_t n;

	(void)state;
	memset(text, '[', 200);
	memset(text + 200, ']', 200);
	own_json json_t *root = jsonx_parse(text, 400, NULL);
	assert_non_null(root);
	assert_int_equal(jsonredact(root, words, &n, NULL), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environments_lose_values),
		cmocka_unit_test(arguments_lose_values),
		cmocka_unit_test(keys_of_the_runtime_stay),
		cmocka_unit_test(a_pod_loses_values),
		cmocka_unit_test(urls_and_pem_anywhere),
		cmocka_unit_test(nul_bytes_and_order_survive),
		cmocka_unit_test(too_deep_is_refused),
	};

	if (hash_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
