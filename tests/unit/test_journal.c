/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "dumper.h"
#include "io.h"
#include "journal.h"

#include <stdint.h>
#include <unistd.h>

static void another_life_knows_what_was_begun(void **state)
{
	const pid_t largest = (1 << 22) - 1;
	struct dump d = {.spool_fd = io_spool(-1, NULL)};
	struct journal j;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(d.spool_fd >= 0);
	assert_int_equal(journal_open(&j, &d, &e), 0);
	for (unsigned step = 0; step < JOURNAL_STEPS; step++)
		assert_int_equal(journal_add(&j, journal_item(step, largest), &e), 0);
	assert_int_equal(journal_add(&j, journal_item(2, 1), &e), 0);
	assert_false(journal_has(&j, journal_item(2, 1))); /* in this life */
	journal_done(&j);
	for (unsigned life = 1; life <= 3; life++) {
		d.resume = (struct dumper_resume){.again = true, .item = journal_item(life, 7)};
		assert_int_equal(journal_open(&j, &d, &e), 0);
		assert_int_equal(j.stalls, life);
		for (unsigned step = 0; step < JOURNAL_STEPS; step++) {
			assert_true(journal_has(&j, journal_item(step, largest)));
			assert_false(journal_stalled(&j, journal_item(step, largest)));
		}
		assert_true(journal_has(&j, journal_item(2, 1)));
		assert_false(journal_has(&j, journal_item(1, 2)));
		assert_true(journal_stalled(&j, journal_item(1, 7)));
		assert_false(journal_has(&j, journal_item(1, 7)));
		journal_done(&j);
	}
	close(d.spool_fd);
}

static void items_come_apart_again(void **state)
{
	(void)state;
	assert_int_equal(journal_step(journal_item(6, 4194303)), 6);
	assert_int_equal(journal_pid(journal_item(6, 4194303)), 4194303);
}

static void without_notes_nothing_goes_on(void **state)
{
	struct dump d = {.spool_fd = -1, .resume = {.again = true}};
	struct journal j;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(journal_open(&j, &d, &e) < 0);
	journal_done(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_life_knows_what_was_begun),
		cmocka_unit_test(items_come_apart_again),
		cmocka_unit_test(without_notes_nothing_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
