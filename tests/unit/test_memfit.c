/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "memfit.h"

#define MIB ((uint64_t)1 << 20)

static struct memfit fit_of(const uint64_t *maps, unsigned n, uint64_t limit)
{
	struct memfit_sum sum = {0};

	for (unsigned i = 0; i < n; i++)
		memfit_add(&sum, maps[i]);
	return memfit_of(&sum, limit);
}

/* Each mapping one run. */
static uint64_t take_all(const uint64_t *maps, unsigned n, uint64_t limit, uint64_t *ret)
{
	struct memfit f = fit_of(maps, n, limit);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		memfit_map(&f);
		ret[i] = memfit_take(&f, maps[i]);
		assert_true(ret[i] <= maps[i]);
		sum += ret[i];
	}
	assert_true(sum <= limit);
	return sum;
}

static void all_of_it_fits(void **state)
{
	const uint64_t maps[] = {3 * MIB, 4096, 0, 77 * 4096};
	uint64_t got[4];

	(void)state;
	take_all(maps, 4, 3 * MIB + 78 * 4096, got);
	assert_memory_equal(got, maps, sizeof(got));
	take_all(maps, 4, UINT64_MAX, got);
	assert_memory_equal(got, maps, sizeof(got));
}

static void small_ones_are_whole(void **state)
{
	const uint64_t maps[] = {1024 * MIB, 4096, 512 * MIB, 132 << 10};
	uint64_t got[4], sum = take_all(maps, 4, 64 * MIB, got);

	(void)state;
	assert_int_equal(got[1], maps[1]);
	assert_int_equal(got[3], maps[3]);
	assert_true(got[0] >= 16 * MIB);
	assert_true(got[2] >= 16 * MIB);
	assert_true(sum > 64 * MIB - (256 << 10));
}

static void many_runs_of_one(void **state)
{
	const uint64_t maps[] = {1000 * 4096, 8 * 4096};
	struct memfit f = fit_of(maps, 2, 100 * 4096);
	uint64_t first = 0;

	(void)state;
	memfit_map(&f);
	for (unsigned i = 0; i < 1000; i++)
		first += memfit_take(&f, 4096);
	memfit_map(&f);
	assert_int_equal(memfit_take(&f, 8 * 4096), 8 * 4096);
	assert_in_range(first, 80 * 4096, 92 * 4096);
}

static void nothing_fits(void **state)
{
	const uint64_t maps[] = {MIB, 4096, UINT64_MAX / 4};
	uint64_t got[3];

	(void)state;
	assert_int_equal(take_all(maps, 3, 0, got), 0);
	assert_int_equal(take_all(maps, 3, 4095, got), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_fits),
		cmocka_unit_test(small_ones_are_whole),
		cmocka_unit_test(many_runs_of_one),
		cmocka_unit_test(nothing_fits),
	};

	return cmocka_run_group_tests_name("memfit", tests, NULL, NULL);
}
