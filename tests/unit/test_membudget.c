/* SPDX-License-Identifier: Apache-2.0 */
/* What one process may take of what all need: time, descriptors, room in the table. */
#include "unit.h"

#include "capturing.h"
#include "own.h"
#include "sink.h"
#include "target.h"
#include "zoo.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
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

/* Every second page of many is there: each is a run of its own. */
static void many_runs(struct zoo *z)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 8192 * page;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)z;
	if (p == MAP_FAILED || madvise(p, n, MADV_NOHUGEPAGE) < 0)
		abort();
	for (size_t i = 0; i < n; i += 2 * page)
		p[i] = 1;
}

/* Bytes of dumped runs, and where the first of them lies in the staging area. */
struct dumped {
	uint64_t bytes, first;
};

static bool count_dumped(struct capturing *k, const struct captured *x, void *arg)
{
	struct dumped *d = arg;

	(void)k;
	if (x->run.fate != MEM_DUMPED || x->run.store != MEM_STORE_STAGE)
		return false;
	d->first = !d->bytes || x->run.offset < d->first ? x->run.offset : d->first;
	d->bytes += x->run.end - x->run.start;
	return false;
}

/* One comes first and takes all the records it may: the next one has his share, and no page was
 * copied that has no record. */
static void records_for_all(void **state)
{
	struct fixture *f = *state, decoy;
	struct dumped his = {0}, ours = {0};
	struct captured x;

	needs_root();
	zoo_open(&decoy.zoo, many_runs, NULL);
	f->k.target->members = 0;
	capturing_member(&f->k, decoy.zoo.pid);
	capturing_member(&f->k, f->zoo.pid);
	f->k.job.runs_max = 4000;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	(void)capturing_each(&f->k, decoy.zoo.pid, count_dumped, &his);
	(void)capturing_each(&f->k, f->zoo.pid, count_dumped, &ours);
	assert_true(his.bytes > 0);
	assert_true(capturing_at(&f->k, f->zoo.pid, f->zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(ours.first, his.bytes);
	zoo_close(&decoy.zoo);
}

/* Names are left out first: what is in the memory is there. */
static void no_room_for_names(void **state)
{
	struct fixture *f = *state;
	struct mem_note note;
	struct captured x;

	needs_root();
	f->k.job.maps_max = 8192;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	assert_true(capturing_note(&f->k, f->zoo.pid, "names", &note));
	assert_int_equal(note.kind, GAP_OVER_BUDGET);
	assert_true(capturing_at(&f->k, f->zoo.pid, f->zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
}

static void no_room_for_mappings(void **state)
{
	struct fixture *f = *state;
	struct mem_note note;

	needs_root();
	f->k.job.maps_max = 256;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_MAP, NULL, 0), 3);
	assert_true(capturing_note(&f->k, f->zoo.pid, "mappings", &note));
	assert_int_equal(note.kind, GAP_OVER_BUDGET);
	assert_int_equal(f->k.done.a, 1);
}

enum { MANY = 140, FEW = 150 };

static void sleeps(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		pause();
	_exit(0);
}

/* There are too few to keep one of each process open, and all of them are there. */
static void descriptors_for_some(void **state)
{
	struct fixture *f = *state;
	struct rlimit few, was;
	pid_t pid[MANY], parent = getpid();
	unsigned listed = 0;

	needs_root();
	f->k.job.options.max_process = 65536;
	for (unsigned i = 0; i < MANY; i++) {
		pid[i] = fork();
		if (!pid[i])
			sleeps(parent);
		capturing_member(&f->k, pid[i]);
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	f->k.sandboxed = true;
	f->k.job.descriptors = FEW;
	few = (struct rlimit){FEW, was.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	for (unsigned i = 0; i < MANY; i++) {
		listed += capturing_count(&f->k, pid[i], MEM_RUN, NULL, 0) > 0;
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	assert_int_equal(listed, MANY);
	assert_int_equal(f->k.done.a, MANY + 1); /* registers of all */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_time_to_weigh, setup, teardown),
		cmocka_unit_test_setup_teardown(no_time_to_list, setup, teardown),
		cmocka_unit_test_setup_teardown(records_for_all, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room_for_names, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room_for_mappings, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_for_some, setup, teardown),
	};

	return cmocka_run_group_tests_name("membudget", tests, NULL, NULL);
}
