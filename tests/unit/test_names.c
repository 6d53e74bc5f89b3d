/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "hash.h"
#include "names.h"

#include <errno.h>
#include <stdio.h>

static void safe_names(void **state)
{
	static const char *const good[] = {
		"a", "a/b", "process/1/stat", "a.b", ".a", "...", "_", "a-", "a/.b", "A9/z_Z"};
	static const char *const bad[] = {"", "/", "a/", "/a", "a//b", ".", "..", "a/..", "../a",
		"a/./b", "-a", "a/-b", "a b", "a\n", "a\\b", "a:b", "\xc3\xa4", "a\x7f", "a*",
		"a/../b"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(names_is_safe(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(names_is_safe(bad[i]));
}

static void allowed_names(void **state)
{
	static const char *const prefixes[] = {"process/", "one.json", NULL};
	static const char *const bad[] = {
		"process", "processes/x", "one.jsonl", "one.json/x", "one", "x"};
	struct err e = ERR_INIT;
	struct names *n = names_new();

	(void)state;
	assert_int_equal(hash_setup(&e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(names_take(n, bad[i], prefixes, &e), -EPERM);
	assert_int_equal(names_take(n, "process/", prefixes, &e), -EINVAL);
	assert_int_equal(names_take(n, "one.json", prefixes, &e), 0);
	assert_int_equal(names_take(n, "process/x", prefixes, &e), 0);
	/* in a folder: the same names again, once, and no others */
	assert_int_equal(names_take_in(n, "containers/a/", "process/x", prefixes, &e), 0);
	assert_int_equal(names_take_in(n, "containers/a/", "process/x", prefixes, &e), -EEXIST);
	assert_int_equal(names_take_in(n, "process/", "x", prefixes, &e), -EPERM);
	assert_int_equal(names_take_in(n, "containers/a/", "../process/x", prefixes, &e), -EINVAL);
	names_free(n);
}

static void new_names(void **state)
{
	static const char *const prefixes[] = {"p/", NULL};
	struct err e = ERR_INIT;
	struct names *n = names_new();
	char name[32];

	(void)state;
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < 20000; i++) {
			snprintf(name, sizeof(name), "p/%d", i);
			assert_int_equal(names_take(n, name, prefixes, &e), pass ? -EEXIST : 0);
		}
	names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(safe_names),
		cmocka_unit_test(allowed_names),
		cmocka_unit_test(new_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
