/* SPDX-License-Identifier: Apache-2.0 */
/* What one process may take of what all need: time, descriptors, room in the table. */
#include "unit.h"

#include "capturing.h"
#include "own.h"
#include "sink.h"
#include "zoo.h"

#include <signal.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

struct fixture {
	struct zoo zoo;
	struct capturing k;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	zoo_open(&f->zoo, zoo_all, NULL);
	capturing_open(&f->k, 64 << 20);
	capturing_member(&f->k, f->zoo.pid);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	capturing_close(&f->k);
	zoo_close(&f->zoo);
	free(f);
	return 0;
}

static void needs_root(void)
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
}

/* It is not weighed to the end, room is made for what it has at most, and it is copied. */
static void no_time_to_weigh(void **state)
{
	struct fixture *f = *state;
	struct captured x;

	needs_root();
	f->k.job.prepared_ns = 1;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	assert_true(f->k.ready.a > 0);
	assert_true(f->k.ready.a % 4096 == 0);
	assert_true(capturing_at(&f->k, f->zoo.pid, f->zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.run.store, MEM_STORE_STAGE);
}

static void no_time_to_list(void **state)
{
	struct fixture *f = *state;
	struct mem_note note;

	needs_root();
	f->k.job.listed_ns = 1;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	assert_true(capturing_note(&f->k, f->zoo.pid, "mappings", &note));
	assert_int_equal(note.kind, GAP_OVER_BUDGET);
	assert_int_equal(f->k.done.a, 1); /* its registers are there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_time_to_weigh, setup, teardown),
		cmocka_unit_test_setup_teardown(no_time_to_list, setup, teardown),
	};

	return cmocka_run_group_tests_name("membudget", tests, NULL, NULL);
}
