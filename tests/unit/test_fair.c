/* SPDX-License-Identifier: Apache-2.0 */
/* What one of many may take. */
#include "unit.h"

#include "fair.h"

static void one_alone(void **state)
{
	(void)state;
	assert_int_equal(fair_share(0, 10, 0), 0);
	assert_int_equal(fair_share(8, 10, 0), 8);
	assert_int_equal(fair_share(1000, 10, 0), 505);
}

/* Each takes all it may. */
static void the_last_has_its_floor(void **state)
{
	uint64_t left = 1000000, mine = 0;

	(void)state;
	for (unsigned others = 50; others-- > 0;) {
		mine = fair_share(left, 1000, others);
		assert_true(mine >= 1000 && mine <= left);
		left -= mine;
	}
	assert_true(mine >= 1000);
}

static void not_enough_for_all(void **state)
{
	uint64_t left = 1000;

	(void)state;
	for (unsigned others = 100; others-- > 0; left -= 10)
		assert_int_equal(fair_share(left, 1000, others), 10);
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_alone),
		cmocka_unit_test(the_last_has_its_floor),
		cmocka_unit_test(not_enough_for_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
