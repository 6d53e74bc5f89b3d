/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that end around the moment at which all stand still. */
#include "unit.h"

#include "capturing.h"
#include "journal.h"
#include "own.h"
#include "sink.h"
#include "target.h"
#include "zoo.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

enum { LARGE = 256 << 20 };

struct fixture {
	struct zoo zoo;
	struct capturing k;
	pid_t child; /* of ours, in the target as well */
	bool reaped;
};

static pid_t start_child(void)
{
	pid_t parent = getpid(), child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (;;)
		pause();
}

static void open_all(struct fixture *f, void (*animals)(struct zoo *z))
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	*f = (struct fixture){.reaped = true};
	zoo_open(&f->zoo, animals, NULL);
	f->child = start_child();
	capturing_open(&f->k, 2 * (uint64_t)LARGE);
	capturing_member(&f->k, f->zoo.pid);
	capturing_member(&f->k, f->child);
	f->k.arg = f;
}

static void close_all(struct fixture *f)
{
	kill(f->child, SIGKILL);
	waitpid(f->child, NULL, 0);
	capturing_close(&f->k);
	zoo_close(&f->zoo);
}

/* Between the first look and the moment at which all stand still. */
static void end_child(struct capturing *k)
{
	struct fixture *f = k->arg;
	siginfo_t info;

	kill(f->child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)f->child, &info, WEXITED | WNOWAIT), 0);
	if (f->reaped)
		waitpid(f->child, NULL, 0);
}

static void check_note(struct fixture *f, uint32_t kind)
{
	struct mem_note note;

	assert_int_equal(capturing_count(&f->k, f->child, MEM_PROC, NULL, 0), 1);
	assert_int_equal(capturing_count(&f->k, f->child, MEM_NOTE, NULL, 0), 1);
	assert_true(capturing_note(&f->k, f->child, "process", &note));
	assert_int_equal(note.kind, kind);
}

static void ends_before(void **state)
{
	struct fixture f;

	(void)state;
	open_all(&f, zoo_all);
	f.k.freeze = end_child;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	check_note(&f, MEM_REMARK);
	close_all(&f);
}

/* Its parent has not noticed. */
static void ends_before_as_zombie(void **state)
{
	struct fixture f;

	(void)state;
	open_all(&f, zoo_all);
	f.reaped = false;
	f.k.freeze = end_child;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	check_note(&f, MEM_REMARK);
	close_all(&f);
}

/* There is no one moment: what it had is lost. */
static void ends_while_all_run(void **state)
{
	struct fixture f;

	(void)state;
	open_all(&f, zoo_all);
	f.k.freeze = end_child;
	assert_int_equal(capturing_run(&f.k, HOLD_NONE, 0), 0);
	check_note(&f, GAP_VANISHED);
	close_all(&f);
}

/* Nor is there when one of them could not be held. */
static void ends_while_one_runs(void **state)
{
	struct fixture f;

	(void)state;
	open_all(&f, zoo_all);
	assert_int_equal(ptrace(PTRACE_SEIZE, f.zoo.pid, NULL, NULL), 0);
	f.k.freeze = end_child;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	check_note(&f, GAP_VANISHED);
	close_all(&f);
}

static void fill(struct zoo *z)
{
	(void)z;
	memset(mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1,
		LARGE);
}

/* As soon as the first one is copied. */
static void *kill_held(void *arg)
{
	struct fixture *f = arg;

	for (int i = 0; i < 100000; i++) {
		uint64_t item = atomic_load(&f->k.job.watch->item);

		if (item == journal_item(CAPTURE_COPIES, f->zoo.pid)) {
			kill(f->child, SIGKILL);
			break;
		}
		usleep(50);
	}
	return NULL;
}

static void ends_while_held(void **state)
{
	struct fixture f;
	pthread_t thread;

	(void)state;
	open_all(&f, fill);
	assert_int_equal(pthread_create(&thread, NULL, kill_held, &f), 0);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	pthread_join(thread, NULL);
	assert_int_equal(capturing_count(&f.k, f.child, MEM_PROC, NULL, 0), 1);
	check_note(&f, GAP_NOT_PRESENT); /* a zombie: we do not wait for it */
	close_all(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_before),
		cmocka_unit_test(ends_before_as_zombie),
		cmocka_unit_test(ends_while_all_run),
		cmocka_unit_test(ends_while_one_runs),
		cmocka_unit_test(ends_while_held),
	};

	return cmocka_run_group_tests_name("memended", tests, NULL, NULL);
}
