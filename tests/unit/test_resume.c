/* SPDX-License-Identifier: Apache-2.0 */
/* A capture that goes on where another worker ended. */
#include "unit.h"

#include "capturing.h"
#include "io.h"
#include "sink.h"
#include "target.h"
#include "zoo.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

enum { OTHERS = 2 };

struct fixture {
	struct zoo zoo;
	struct capturing k;
	pid_t other[OTHERS]; /* not of the target yet */
};

static pid_t start_sleeper(void)
{
	pid_t pid, parent = getpid();

	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (;;)
		pause();
}

/* A worker did all of the zoo, and began with somebody else. */
static void begin(struct fixture *f)
{
	struct mem_proc begun = {.head = {MEM_PROC, sizeof(begun)}, .pid = 4711};
	struct stat st;

	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	zoo_open(&f->zoo, zoo_all, NULL);
	capturing_open(&f->k, 64 << 20);
	capturing_member(&f->k, f->zoo.pid);
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(fstat(f->k.job.table_fd, &st), 0);
	assert_int_equal(io_pwrite(f->k.job.table_fd, &begun, sizeof(begun), st.st_size), 0);
	for (int i = 0; i < OTHERS; i++) {
		f->other[i] = start_sleeper();
		capturing_member(&f->k, f->other[i]);
	}
	close(f->k.job.final_fd);
	f->k.job.final_fd = io_spool(-1, NULL);
	f->k.job.again = true;
}

static void end(struct fixture *f)
{
	for (int i = 0; i < OTHERS; i++) {
		kill(f->other[i], SIGKILL);
		waitpid(f->other[i], NULL, 0);
	}
	capturing_close(&f->k);
	zoo_close(&f->zoo);
}

/* What was staged is, with its threads. */
static void the_first_one_stands(struct fixture *f)
{
	struct captured x;
	unsigned char byte;

	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_PROC, NULL, 0), 1);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_THREAD, NULL, 0), 1);
	assert_int_equal(capturing_count(&f->k, 4711, MEM_PROC, NULL, 0), 0);
	assert_true(capturing_at(&f->k, f->zoo.pid, f->zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.proc.frozen, 1);
	assert_int_equal(x.run.store, MEM_STORE_STAGE);
	capturing_bytes(&f->k, &x.run, x.run.start, &byte, 1);
	assert_int_equal(byte, zoo_byte(ZOO_PRIVATE, 0));
	assert_int_equal(f->k.done.a, 1);
	assert_int_equal(f->k.done.b, 0);
	assert_true(f->k.done.staged > 0);
}

static bool is_live(struct capturing *k, const struct captured *x, void *arg)
{
	(void)k;
	(void)arg;
	return x->run.fate == MEM_DUMPED && x->run.store == MEM_STORE_LIVE && !x->proc.frozen;
}

static void the_rest_is_added(void **state)
{
	struct fixture f;
	struct mem_note note;

	(void)state;
	begin(&f);
	f.k.job.skip[0] = (struct capture_skip){f.other[1], CAPTURE_LISTS};
	f.k.job.skips = 1;
	assert_int_equal(capturing_run(&f.k, HOLD_NONE, 10 * second), 0);
	the_first_one_stands(&f);
	assert_true(capturing_each(&f.k, f.other[0], is_live, NULL));
	assert_true(f.k.done.live > 0);
	assert_int_equal(capturing_count(&f.k, f.other[1], MEM_MAP, NULL, 0), 0);
	assert_int_equal(capturing_count(&f.k, f.other[1], MEM_NOTE, NULL, 0), 1);
	assert_true(capturing_note(&f.k, f.other[1], "process", &note));
	assert_int_equal(note.kind, GAP_STALLED);
	assert_int_equal(note.error, ETIMEDOUT);
	assert_int_equal(f.k.job.watch->item, 0);
	end(&f);
}

static void or_only_named(void **state)
{
	struct fixture f;
	struct mem_note note;

	(void)state;
	begin(&f);
	f.k.job.no_more = true;
	assert_int_equal(capturing_run(&f.k, HOLD_NONE, 10 * second), 0);
	the_first_one_stands(&f);
	for (int i = 0; i < OTHERS; i++) {
		assert_int_equal(capturing_count(&f.k, f.other[i], MEM_MAP, NULL, 0), 0);
		assert_true(capturing_note(&f.k, f.other[i], "process", &note));
		assert_int_equal(note.kind, GAP_STALLED);
	}
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rest_is_added),
		cmocka_unit_test(or_only_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
