/* SPDX-License-Identifier: Apache-2.0 */
/* test_version - the build id is the one the linker wrote. */
#include "unit.h"
#include "version.h"

#include <ctype.h>
#include <string.h>

static void id_is_forty_digits(void **state)
{
	char id[VERSION_BUILD_ID];

	(void)state;
	version_build_id(id);
	assert_int_equal(strlen(id), 40);
	for (const char *p = id; *p; p++)
		assert_true(isxdigit((unsigned char)*p));
}

static void string_starts_with_a_number(void **state)
{
	(void)state;
	assert_true(isdigit((unsigned char)version_string()[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_is_forty_digits),
		cmocka_unit_test(string_starts_with_a_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
