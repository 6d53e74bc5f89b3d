/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that have one memory together. */
#include "unit.h"

#include "capturing.h"
#include "memshare.h"
#include "own.h"
#include "target.h"
#include "zoo.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

enum { SHARERS = 6, SIZE = 8 << 20, STACK = 64 << 10 };

/* What a test's processes tell of themselves. */
static struct told {
	pid_t sharer[SHARERS], copy;
	uint64_t memory;
} * told;

struct fixture {
	struct zoo zoo;
	struct capturing k;
};

static int stay(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
	return 0;
}

/* Some with the first one's memory, and one with a copy of it. */
static void family(struct zoo *z)
{
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t copy;

	(void)z;
	memset(memory, 0x5a, SIZE);
	told->memory = (uintptr_t)memory;
	copy = fork();
	if (!copy)
		stay(NULL);
	told->copy = copy;
	for (unsigned i = 0; i < SHARERS; i++) {
		char *stack = mmap(
			NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		told->sharer[i] = clone(stay, stack + STACK, CLONE_VM | SIGCHLD, NULL);
	}
}

static void open_family(struct fixture *f)
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	zoo_open(&f->zoo, family, NULL);
	capturing_open(&f->k, 64 << 20);
	capturing_member(&f->k, f->zoo.pid);
	capturing_member(&f->k, told->copy);
	for (unsigned i = 0; i < SHARERS; i++)
		capturing_member(&f->k, told->sharer[i]);
}

static void close_family(struct fixture *f)
{
	capturing_close(&f->k);
	zoo_close(&f->zoo);
	munmap(told, sizeof(*told));
}

static void check_sharer(struct fixture *f, pid_t pid)
{
	struct mem_proc proc;

	assert_int_equal(capturing_count(&f->k, pid, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.memory_of, f->zoo.pid);
	assert_int_equal(capturing_count(&f->k, pid, MEM_MAP, NULL, 0), 0);
}

static void check_family(struct fixture *f)
{
	struct captured x;

	assert_true(capturing_at(&f->k, f->zoo.pid, told->memory, &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.proc.memory_of, 0);
	assert_true(capturing_at(&f->k, told->copy, told->memory, &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.proc.memory_of, 0);
	for (unsigned i = 0; i < SHARERS; i++)
		check_sharer(f, told->sharer[i]);
}

static void test_still(void **state)
{
	struct fixture f;

	(void)state;
	open_family(&f);
	f.k.sandboxed = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	check_family(&f);
	assert_in_range(f.k.ready.a, 2 * SIZE, 3 * SIZE);
	assert_in_range(f.k.copied.a, 2 * SIZE, 3 * SIZE);
	assert_int_equal(f.k.copied.b, 0);
	assert_int_equal(f.k.done.a, SHARERS + 2);
	for (unsigned i = 0; i < SHARERS; i++) {
		assert_int_not_equal(capturing_count(&f.k, told->sharer[i], MEM_REGS, NULL, 0), 0);
		assert_int_equal(capturing_count(&f.k, told->sharer[i], MEM_NOTE, NULL, 0), 0);
	}
	close_family(&f);
}

static void test_running(void **state)
{
	struct fixture f;

	(void)state;
	open_family(&f);
	assert_int_equal(capturing_run(&f.k, HOLD_NONE, 0), 0);
	check_family(&f);
	/* each for itself would be eight times as much; what sanitizers have is theirs too */
	assert_in_range(f.k.done.live, 2 * SIZE, 6 * SIZE);
	close_family(&f);
}

/* Its numbers are not ours: nobody can be compared. */
static void test_other_numbers(void **state)
{
	struct fixture f;
	struct captured x;

	(void)state;
	open_family(&f);
	f.k.own_pids = true;
	assert_int_equal(capturing_run(&f.k, HOLD_NONE, 0), 0);
	assert_true(capturing_at(&f.k, told->sharer[0], told->memory, &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	close_family(&f);
}

/* Nobody is referred to one who has ended, or has another memory by now. */
static void test_first_ends(void **state)
{
	struct memshare share = {0};
	struct procset set;
	struct fixture f;
	struct proc_one *first, *other;

	(void)state;
	open_family(&f);
	assert_int_equal(procset_init(&set, f.k.job.proc_fd, f.k.target, 1024, NULL), 0);
	for (unsigned i = 0; i < set.count; i++)
		assert_int_equal(procset_look(&set, &set.proc[i]), 0);
	first = procset_find(&set, told->sharer[0]);
	other = procset_find(&set, told->sharer[1]);
	assert_false(memshare_join(&share, &set, first));
	assert_true(memshare_join(&share, &set, other));
	assert_false(memshare_join(&share, &set, procset_find(&set, told->copy)));
	assert_null(memshare_copied(&set, other));
	memshare_copy(&set, first);
	assert_ptr_equal(memshare_copied(&set, other), first);
	assert_null(memshare_copied(&set, first));
	kill(first->pid, SIGKILL);
	for (int i = 0; i < 1000 && memshare_copied(&set, other); i++)
		usleep(1000);
	assert_null(memshare_copied(&set, other));
	/* nor do two that have none have the same */
	kill(other->pid, SIGKILL);
	for (int i = 0; i < 1000 && procset_look(&set, other) == 0 && other->live; i++)
		usleep(1000);
	assert_null(memshare_copied(&set, other));
	memshare_begin(&share, &set);
	assert_false(memshare_join(&share, &set, other));
	assert_int_equal(other->share, 0);
	memshare_done(&share);
	procset_done(&set);
	close_family(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_running),
		cmocka_unit_test(test_other_numbers),
		cmocka_unit_test(test_first_ends),
	};

	return cmocka_run_group_tests_name("memshare", tests, NULL, NULL);
}
