/* SPDX-License-Identifier: Apache-2.0 */
/* Somebody thaws the target in the middle of the copy, and freezes it again. */
#include "unit.h"

#include "capturing.h"
#include "freezekit.h"
#include "io.h"
#include "journal.h"
#include "now.h"
#include "own.h"
#include "sink.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000;
enum { LARGE = 192 << 20, THAWED_MS = 30 };

struct fixture {
	struct freezekit kit;
	struct capturing k;
	pid_t large, meddler; /* large: counts, and takes a while to copy */
	bool meddles;
};

static pid_t start_large(struct freezekit *kit)
{
	pid_t pid = fork();
	char *bytes;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	bytes = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (bytes == MAP_FAILED)
		_exit(1);
	for (uint64_t n = 1;; n++) {
		for (size_t i = 0; i < LARGE; i += 4096)
			*(volatile uint64_t *)(void *)(bytes + i) = n;
		atomic_fetch_add(kit->count, 1);
	}
}

/* Waits until it is copied, and holds the worker there so long. */
static int meddle(struct fixture *f)
{
	const uint64_t until = now_ns() + 5 * second;
	uint64_t item = 0;
	int rc;

	while (now_ns() < until && (!item || journal_step(item) != CAPTURE_COPIES))
		item = f->k.job.watch->item;
	if (kill(f->k.worker, SIGSTOP) < 0 || now_ns() >= until)
		return 1;
	rc = freezer_thaw(f->kit.kind, f->kit.f.state_fd, NULL);
	(void)poll(NULL, 0, THAWED_MS);
	if (rc == 0)
		rc = freezer_freeze(&f->kit.f, until, NULL);
	(void)kill(f->k.worker, SIGCONT);
	return rc < 0;
}

static void freeze(struct capturing *k)
{
	struct fixture *f = k->arg;

	assert_int_equal(freezer_freeze(&f->kit.f, now_ns() + 2 * second, NULL), 0);
	f->meddler = f->meddles ? fork() : 0;
	if (f->meddles && !f->meddler)
		_exit(meddle(f));
}

static void thaw(struct capturing *k)
{
	struct fixture *f = k->arg;

	assert_int_equal(freezer_thaw(f->kit.kind, f->kit.f.state_fd, NULL), 0);
}

static bool open_fixture(struct fixture *f, enum freezer_kind kind)
{
	if (freezekit_up(&f->kit, kind))
		return false;
	assert_int_equal(freezer_open(&f->kit.host, f->kit.t, &f->kit.f, NULL), 0);
	f->large = start_large(&f->kit);
	freezekit_move(&f->kit, f->kit.name, f->large);
	capturing_open(&f->k, 2UL * LARGE);
	capturing_member(&f->k, f->large);
	f->k.job.cgroup_fd = f->kit.f.dir_fd;
	f->k.freeze = freeze;
	f->k.thaw = thaw;
	f->k.arg = f;
	return true;
}

static void close_fixture(struct fixture *f)
{
	capturing_close(&f->k);
	(void)kill(f->large, SIGKILL);
	(void)waitpid(f->large, NULL, 0);
	freezekit_down(&f->kit);
}

static void one(enum freezer_kind kind, bool meddles)
{
	struct fixture f = {.meddles = meddles};
	struct mem_note note = {0};
	struct mem_proc proc;
	int status = 0;

	if (!open_fixture(&f, kind))
		unit_skip("no cgroup of this kind can be made here");
	assert_int_equal(capturing_run(&f.k, HOLD_CGROUP, 10 * second), 0);
	if (meddles)
		assert_int_equal(waitpid(f.meddler, &status, 0), f.meddler);
	assert_int_equal(status, 0);
	assert_int_equal(capturing_count(&f.k, f.large, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.frozen, !meddles);
	assert_int_equal(capturing_note(&f.k, f.large, "memory", &note), meddles);
	assert_int_equal(note.kind, meddles ? GAP_CHANGED : 0);
	assert_int_equal(f.k.job.watch->ran > 0, meddles);
	close_fixture(&f);
}

static void let_go_for_a_moment(void **state)
{
	(void)state;
	one(FREEZER_V2, true);
}

static void let_go_for_a_moment_v1(void **state)
{
	(void)state;
	one(FREEZER_V1, true);
}

static void never_let_go(void **state)
{
	(void)state;
	one(FREEZER_V2, false);
}

static void never_let_go_v1(void **state)
{
	(void)state;
	one(FREEZER_V1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(let_go_for_a_moment),
		cmocka_unit_test(let_go_for_a_moment_v1),
		cmocka_unit_test(never_let_go),
		cmocka_unit_test(never_let_go_v1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
