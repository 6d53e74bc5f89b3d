/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that cannot be held, or are not those that they were. */
#include "unit.h"

#include "capturing.h"
#include "copy.h"
#include "hold.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"
#include "zoo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

struct fixture {
	struct zoo zoo;
	struct capturing k;
};

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static void open_zoo(struct fixture *f, void (*animals)(struct zoo *z))
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	zoo_open(&f->zoo, animals, NULL);
	capturing_open(&f->k, 64 << 20);
	capturing_member(&f->k, f->zoo.pid);
}

static void close_zoo(struct fixture *f)
{
	capturing_close(&f->k);
	zoo_close(&f->zoo);
}

static void sleeps(void)
{
	for (;;)
		pause();
}

/* A process that holds another by ptrace. */
static pid_t start_tracer(pid_t victim)
{
	pid_t tracer, parent = getpid();
	int ready[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	tracer = fork();
	if (!tracer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || ptrace(PTRACE_SEIZE, victim, NULL, NULL) < 0 ||
			write(ready[1], "r", 1) != 1)
			_exit(1);
		sleeps();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return tracer;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* It runs while it is copied: that is said. */
static void somebody_traces_it(void **state)
{
	struct fixture f;
	struct captured x;
	struct mem_note note;
	pid_t tracer;

	(void)state;
	open_zoo(&f, zoo_all);
	tracer = start_tracer(f.zoo.pid);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	end(tracer);
	assert_int_equal(f.k.done.a, 0);
	assert_int_equal(f.k.done.b, 1);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_NOTE, NULL, 0), 2);
	assert_true(capturing_note(&f.k, f.zoo.pid, "registers", &note));
	assert_int_equal(note.error, EPERM);
	assert_int_equal(note.kind, GAP_UNREADABLE);
	assert_true(capturing_note(&f.k, f.zoo.pid, "memory", &note));
	assert_int_equal(note.kind, GAP_CHANGED);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.run.store, MEM_STORE_STAGE);
	assert_int_equal(x.proc.frozen, 0); /* nobody stopped it */
	close_zoo(&f);
}

/* --freeze always: what is not held is not copied. */
static void not_copied_unless_it_is_held(void **state)
{
	struct fixture f, other;
	struct captured x;
	struct mem_note note;
	pid_t tracer;

	(void)state;
	open_zoo(&f, zoo_all);
	zoo_open(&other.zoo, zoo_all, NULL);
	capturing_member(&f.k, other.zoo.pid);
	f.k.job.options.only_still = true;
	tracer = start_tracer(f.zoo.pid);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	end(tracer);
	assert_true(capturing_note(&f.k, f.zoo.pid, "memory", &note));
	assert_int_equal(note.kind, GAP_REFUSED);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_LEFT_OUT);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_SHARED], &x));
	assert_int_equal(x.run.fate, MEM_LEFT_OUT);
	assert_false(capturing_note(&f.k, other.zoo.pid, "memory", &note));
	assert_true(capturing_at(&f.k, other.zoo.pid, other.zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.proc.frozen, 1);
	zoo_close(&other.zoo);
	close_zoo(&f);
}

/* There is an end to how many threads are held: those beyond it are not left out in silence. */
static void more_threads_than_are_held(void **state)
{
	struct hold h = {.count = HOLD_MAX};
	own_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int self = procfs_open_pid(proc, getpid(), NULL);

	(void)state;
	assert_int_equal(hold_process(&h, self, 0, true, NULL), -ENOSPC);
	assert_int_equal(h.count, HOLD_MAX);
}

/* The process ends and its number goes to another, which is us. */
static void the_number_is_anothers(void **state)
{
	struct copy_limits limits = {
		.max_process = UINT64_MAX, .max_total = UINT64_MAX, .until = UINT64_MAX};
	own_stage struct stage stage = STAGE_INIT;
	own_memtable struct memtable table = MEMTABLE_INIT;
	own_memscan struct memscan scan = MEMSCAN_INIT;
	own_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), dead_fd = -1;
	own_fd int table_fd = io_spool(-1, NULL), stage_fd = io_spool(-1, NULL);
	own_free struct copy *c = calloc(1, sizeof(*c));
	struct runs runs = {.table = &table, .left = 100};
	char *bytes =
		mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mem_run run = {
		.start = (uintptr_t)bytes, .end = (uintptr_t)bytes + page(), .fate = MEM_DUMPED};
	const struct mem_head *h;
	pid_t dead = fork();

	(void)state;
	if (!dead)
		sleeps();
	bytes[0] = 1;
	dead_fd = procfs_open_pid(proc, dead, NULL);
	end(dead);
	assert_int_equal(ftruncate(stage_fd, 1 << 20), 0);
	assert_int_equal(stage_open(&stage, stage_fd, 1 << 20, -1, 0, NULL), 0);
	assert_int_equal(memtable_open(&table, table_fd, NULL), 0);
	*c = (struct copy){.limits = &limits, .stage = &stage, .runs = &runs};
	copy_begin(c, getpid(), dead_fd);
	assert_false(copy_can_read(c, run.start));
	assert_int_equal(copy_add(c, &run, NULL), 0);
	assert_int_equal(copy_flush(c, NULL), 0);
	copy_done(c);
	assert_int_equal(memtable_end(&table, &runs.sum, NULL), 0);
	assert_int_equal(memscan_open(&scan, table_fd, NULL), 0);
	assert_int_equal(memscan_next(&scan, &h, NULL), 1);
	assert_int_equal(((const struct mem_run *)h)->fate, MEM_FAILED);
	assert_int_equal(sink_gap_of(((const struct mem_run *)h)->error), GAP_VANISHED);
	munmap(bytes, page());
}

/* The disk fills while the table is completed: what was drafted is still there. */
static void the_draft_stands(void **state)
{
	struct fixture f;
	struct captured x;
	unsigned char byte;

	(void)state;
	open_zoo(&f, zoo_all);
	(void)close(f.k.job.final_fd);
	f.k.job.final_fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	assert_int_not_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.proc.frozen, 1);
	capturing_bytes(&f.k, &x.run, x.run.start, &byte, 1);
	assert_int_equal(byte, zoo_byte(ZOO_PRIVATE, 0));
	close_zoo(&f);
}

/* There are no descriptors left: the process is there, and cannot be opened. */
static void no_descriptors(struct capturing *k)
{
	const struct rlimit none = {4, 4};

	assert_int_equal(prlimit(k->worker, RLIMIT_NOFILE, &none, NULL), 0);
}

static void what_cannot_be_opened_has_not_vanished(void **state)
{
	struct fixture f;
	struct mem_note note;

	(void)state;
	open_zoo(&f, zoo_all);
	f.k.freeze = no_descriptors;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	assert_true(capturing_note(&f.k, f.zoo.pid, "process", &note));
	assert_int_equal(note.kind, GAP_UNREADABLE);
	assert_int_equal(note.error, EMFILE);
	close_zoo(&f);
}

/* ---- children that are born meanwhile */

static struct zoo *mother;

static void bear(int nr)
{
	pid_t child = fork();

	(void)nr;
	if (!child)
		sleeps();
	mother->len[ZOO_SPARSE] = (uint64_t)child;
}

static void mothers(struct zoo *z)
{
	mother = z;
	zoo_all(z);
	signal(SIGUSR1, bear);
}

/* Nobody has frozen a cgroup: it goes on until it is stopped. */
static void child_is_born(struct capturing *k)
{
	struct fixture *f = k->arg;

	f->zoo.len[ZOO_SPARSE] = 0;
	usleep(20000); /* not in the tick in which we began ourselves */
	kill(f->zoo.pid, SIGUSR1);
	for (int i = 0; i < 2000 && !f->zoo.len[ZOO_SPARSE]; i++)
		usleep(1000);
}

static void born(enum capture_hold how)
{
	struct fixture f;
	struct captured x;
	pid_t child;

	open_zoo(&f, mothers);
	f.k.freeze = child_is_born;
	f.k.arg = &f;
	assert_int_equal(capturing_run(&f.k, how, 10 * second), 0);
	child = (pid_t)f.zoo.len[ZOO_SPARSE];
	kill(child, SIGKILL);
	assert_true(capturing_at(&f.k, child, f.zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.proc.frozen, how == HOLD_PTRACE);
	close_zoo(&f);
}

static void children_are_not_missed(void **state)
{
	(void)state;
	born(HOLD_PTRACE);
	born(HOLD_NONE);
}

/* ---- memory that several share */

static void share(struct zoo *z)
{
	pid_t sibling;

	zoo_all(z);
	sibling = fork();
	if (!sibling)
		sleeps();
	z->len[ZOO_SPARSE] = (uint64_t)sibling;
}

static void is_at(struct fixture *f, pid_t pid, int place, enum mem_fate fate)
{
	struct captured x;

	assert_true(capturing_at(&f->k, pid, f->zoo.at[place], &x));
	assert_int_equal(x.run.fate, fate);
	if (fate == MEM_ELSEWHERE)
		assert_int_equal(x.run.offset, f->zoo.len[ZOO_SPARSE]);
}

/* The first has no content in the table: the other one is not referred to it. */
static void references_are_true(void **state)
{
	struct fixture f;
	pid_t other;

	(void)state;
	open_zoo(&f, share);
	other = (pid_t)f.zoo.len[ZOO_SPARSE];
	capturing_member(&f.k, other);
	f.k.job.options.max_total = 0;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	kill(other, SIGKILL);
	for (int place = ZOO_SHARED; place <= ZOO_MEMFD_AGAIN; place++) {
		is_at(&f, f.zoo.pid, place, MEM_OVER_BUDGET);
		is_at(&f, other, place, MEM_OVER_BUDGET);
	}
	close_zoo(&f);
}

/* Who stands still comes first: he has it, though the other one is the first of the target. */
static void the_one_that_is_held_has_it(void **state)
{
	struct fixture f;
	pid_t tracer, other;

	(void)state;
	open_zoo(&f, share);
	other = (pid_t)f.zoo.len[ZOO_SPARSE];
	capturing_member(&f.k, other);
	f.k.job.options.only_still = true;
	tracer = start_tracer(f.zoo.pid);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	end(tracer);
	kill(other, SIGKILL);
	for (int place = ZOO_SHARED; place < ZOO_MEMFD_AGAIN; place++) {
		is_at(&f, f.zoo.pid, place, MEM_ELSEWHERE);
		is_at(&f, other, place, MEM_DUMPED);
	}
	close_zoo(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(somebody_traces_it),
		cmocka_unit_test(not_copied_unless_it_is_held),
		cmocka_unit_test(more_threads_than_are_held),
		cmocka_unit_test(the_number_is_anothers),
		cmocka_unit_test(the_draft_stands),
		cmocka_unit_test(what_cannot_be_opened_has_not_vanished),
		cmocka_unit_test(children_are_not_missed),
		cmocka_unit_test(references_are_true),
		cmocka_unit_test(the_one_that_is_held_has_it),
	};

	return cmocka_run_group_tests_name("memheld", tests, NULL, NULL);
}
