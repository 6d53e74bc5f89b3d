/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capturing.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"
#include "tick.h"
#include "zoo.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

static void open_with(struct fixture *f, void (*animals)(struct zoo *z), uint64_t stage)
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	zoo_open(&f->zoo, animals, NULL);
	capturing_open(&f->k, stage);
	capturing_member(&f->k, f->zoo.pid);
}

static void close_with(struct fixture *f)
{
	capturing_close(&f->k);
	zoo_close(&f->zoo);
}

static char state_of(pid_t pid)
{
	own_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int fd = procfs_open_pid(proc, pid, NULL);
	struct procfs_stat st = {0};

	return procfs_read_stat(fd, &st, NULL) < 0 ? '?' : st.state;
}

/* Nobody is left stopped, or traced. */
static void assert_runs(pid_t pid)
{
	for (int i = 0; i < 200 && state_of(pid) != 'S'; i++)
		usleep(1000);
	assert_int_equal(state_of(pid), 'S');
}

static void everybody_runs(struct capturing *k)
{
	assert_runs(k->target->member[0].pid);
}

static unsigned regsets, prstatus, siginfo;

/* REGS of a process by note. */
static void count_regs(struct capturing *k)
{
	own_memscan struct memscan s = MEMSCAN_INIT;
	const struct mem_head *h;

	regsets = prstatus = siginfo = 0;
	assert_int_equal(memscan_open(&s, k->job.table_fd, NULL), 0);
	while (memscan_next(&s, &h, NULL) == 1) {
		const struct mem_regs *r = (const void *)h;

		regsets += h->type == MEM_REGS;
		prstatus += h->type == MEM_REGS && r->note == NT_PRSTATUS;
		siginfo += h->type == MEM_REGS && r->note == NT_SIGINFO;
	}
}

/* ---- threads */

static void *sleeps(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void many_threads(struct zoo *z)
{
	pthread_attr_t small;
	pthread_t t;

	(void)z;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (int i = 1; i < 500; i++)
		if (pthread_create(&t, &small, sleeps, NULL))
			abort();
}

static uint64_t beats; /* until it was thawed */

static void count_beats(struct capturing *k)
{
	beats = k->job.watch->beat;
}

/* However many there are, whoever waits for them sees that it goes on. */
static void five_hundred_threads(void **state)
{
	struct fixture f;
	struct mem_proc proc;

	(void)state;
	open_with(&f, many_threads, 64 << 20);
	f.k.thaw = count_beats;
	f.k.finished = everybody_runs;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(f.k.done.a, 500);
	assert_true(f.k.job.watch->beat - beats >= 2 * 500);
	assert_int_equal(f.k.done.b, 0);
	count_regs(&f.k);
	assert_int_equal(prstatus, 500);
	assert_int_equal(siginfo, 500);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_THREAD, NULL, 0), 500);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.frozen, 1);
	assert_true(proc.state == 'S' || proc.state == 'R'); /* not 't': that is us */
	assert_runs(f.zoo.pid);
	print_message("# 500 threads: stopped %lu us, copied after %lu us\n",
		(proc.resumed_ns - proc.stopped_ns) / 1000, (f.k.copied_ns - f.k.go_ns) / 1000);
	close_with(&f);
}

static void leave_leader(struct zoo *z)
{
	static pthread_t t;

	zoo_all(z);
	if (pthread_create(&t, NULL, sleeps, NULL))
		abort();
}

static pid_t leaderless(struct zoo *z)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	z->at = mmap(NULL, 2 * ZOO_PLACES * 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	z->len = z->at + ZOO_PLACES;
	snprintf(z->dir, sizeof(z->dir), "/var/tmp/zoo.XXXXXX");
	assert_non_null(mkdtemp(z->dir));
	pid = fork();
	if (!pid) {
		leave_leader(z);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		pthread_exit(NULL);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	for (int i = 0; i < 500 && state_of(pid) != 'Z'; i++)
		usleep(1000);
	return pid;
}

static void the_first_thread_has_ended(void **state)
{
	struct fixture f;
	struct captured x;
	unsigned char byte;

	(void)state;
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	f.zoo.pid = leaderless(&f.zoo);
	assert_int_equal(state_of(f.zoo.pid), 'Z');
	capturing_open(&f.k, 64 << 20);
	capturing_member(&f.k, f.zoo.pid);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(f.k.done.a, 1);
	assert_int_equal(f.k.done.b, 0);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_THREAD, NULL, 0), 2);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_NONE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.proc.frozen, 1);
	assert_non_null(strstr(x.proc.args, "test_memhard"));
	capturing_bytes(&f.k, &x.run, f.zoo.at[ZOO_NONE], &byte, 1);
	assert_int_equal(byte, zoo_byte(ZOO_NONE, 0));
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_MEMFD], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	close_with(&f);
}

/* ---- signals */

static _Atomic unsigned *counted;

static void count_one(int nr)
{
	(void)nr;
	++*counted;
}

static void counts_signals(struct zoo *z)
{
	(void)z;
	signal(SIGRTMIN, count_one);
}

/* Queued ones: each must arrive. */
static void send_some(struct capturing *k)
{
	for (int i = 0; i < 1000; i++)
		assert_int_equal(sigqueue(k->target->member[0].pid, SIGRTMIN,
					 (union sigval){.sival_int = i}),
			0);
}

static void signals_arrive(void **state)
{
	struct fixture f;

	(void)state;
	counted = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	open_with(&f, counts_signals, 1 << 20);
	f.k.freeze = send_some;
	f.k.thaw = send_some;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	for (int i = 0; i < 1000 && *counted < 2000; i++)
		usleep(1000);
	assert_int_equal(*counted, 2000);
	assert_int_equal(f.k.done.a, 1);
	assert_runs(f.zoo.pid);
	close_with(&f);
	munmap(counted, 4096);
}

static void still_stopped(struct capturing *k)
{
	pid_t pid = k->target->member[0].pid;

	for (int i = 0; i < 200 && state_of(pid) != 'T'; i++)
		usleep(1000);
	assert_int_equal(state_of(pid), 'T');
}

static void who_was_stopped_stays_so(void **state)
{
	struct fixture f;

	(void)state;
	open_with(&f, NULL, 1 << 20);
	kill(f.zoo.pid, SIGSTOP);
	still_stopped(&f.k);
	f.k.finished = still_stopped;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(f.k.done.a, 1);
	still_stopped(&f.k);
	kill(f.zoo.pid, SIGCONT);
	assert_runs(f.zoo.pid);
	close_with(&f);
}

/* ---- processes without memory */

static void those_without_memory(void **state)
{
	struct fixture f;
	struct mem_proc proc;
	struct mem_note note;
	siginfo_t info;
	pid_t dead, gone = 0x3fffff;

	(void)state;
	open_with(&f, NULL, 1 << 20);
	dead = fork();
	if (!dead)
		_exit(0);
	waitid(P_PID, (id_t)dead, &info, WEXITED | WNOWAIT);
	capturing_member(&f.k, dead);
	capturing_member(&f.k, 2); /* kthreadd */
	f.k.target->member[f.k.target->members++] = (struct target_member){.pid = gone};
	/* the number of another process now */
	f.k.target->member[f.k.target->members++] =
		(struct target_member){.pid = getpid(), .start_ticks = 1};
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	assert_int_equal(f.k.ready.b, 5);
	assert_int_equal(capturing_count(&f.k, dead, MEM_NOTE, &note, sizeof(note)), 1);
	assert_int_equal(note.kind, GAP_NOT_PRESENT);
	assert_int_equal(capturing_count(&f.k, gone, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.uid, MEM_NOBODY); /* not root: nobody knows */
	assert_int_equal(capturing_count(&f.k, gone, MEM_NOTE, &note, sizeof(note)), 1);
	assert_int_equal(note.kind, MEM_REMARK);
	assert_int_equal(capturing_count(&f.k, getpid(), MEM_NOTE, &note, sizeof(note)), 1);
	assert_int_equal(note.kind, MEM_REMARK);
	assert_int_equal(capturing_count(&f.k, getpid(), MEM_MAP, NULL, 0), 0);
	if (capturing_count(&f.k, 2, MEM_NOTE, &note, sizeof(note)))
		assert_int_equal(note.kind, GAP_NOT_PRESENT);
	assert_true(capturing_count(&f.k, f.zoo.pid, MEM_MAP, NULL, 0) > 5);
	waitpid(dead, NULL, 0);
	close_with(&f);
}

/* ---- memory that several share */

static pid_t sibling;

static void share(struct zoo *z)
{
	zoo_all(z);
	sibling = fork();
	if (!sibling)
		sleeps(NULL);
	z->len[ZOO_SPARSE] = (uint64_t)sibling;
}

static void shared_once(enum capture_hold how)
{
	struct fixture f;
	struct captured x;
	pid_t other;

	open_with(&f, share, 64 << 20);
	other = (pid_t)f.zoo.len[ZOO_SPARSE];
	capturing_member(&f.k, other);
	assert_int_equal(capturing_run(&f.k, how, 10 * second), 0);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[ZOO_SHARED], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	for (int place = ZOO_SHARED; place <= ZOO_MEMFD_AGAIN; place++) {
		assert_true(capturing_at(&f.k, other, f.zoo.at[place], &x));
		assert_int_equal(x.run.fate, MEM_ELSEWHERE);
		assert_int_equal(x.run.offset, f.zoo.pid);
	}
	assert_true(capturing_at(&f.k, other, f.zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	kill(other, SIGKILL);
	close_with(&f);
}

static void shared_memory_comes_once(void **state)
{
	(void)state;
	shared_once(HOLD_PTRACE);
	shared_once(HOLD_NONE); /* its core is made of whoever still has it then */
}

/* ---- too much of it */

static void a_lot(struct zoo *z)
{
	char *p = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 7, 32 << 20);
	z->at[0] = (uintptr_t)p;
}

static bool sum(struct capturing *k, const struct captured *x, void *arg)
{
	uint64_t *bytes = arg;

	(void)k;
	if (x->run.fate == MEM_DUMPED)
		bytes[x->run.store] += x->run.end - x->run.start;
	else if (x->run.fate == MEM_OVER_BUDGET)
		bytes[3] += x->run.end - x->run.start;
	return false;
}

static void more_than_the_stage_holds(void **state)
{
	struct fixture f;
	uint64_t bytes[4] = {0};
	struct captured x;
	unsigned char byte[2];

	(void)state;
	open_with(&f, a_lot, 8 << 20);
	f.k.job.spill_fd = io_spool(-1, NULL);
	f.k.job.spill_bytes = 16 << 20;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	capturing_each(&f.k, f.zoo.pid, sum, bytes);
	assert_int_equal(bytes[MEM_STORE_STAGE], 8 << 20);
	assert_int_equal(bytes[MEM_STORE_SPILL], 16 << 20);
	assert_true(bytes[MEM_STORE_LIVE] >= 8 << 20);
	assert_int_equal(f.k.copied.a, 24 << 20);
	assert_int_equal(f.k.copied.b, bytes[MEM_STORE_LIVE]);
	for (uint64_t i = 0; i < 32 << 20; i += 1 << 20) {
		assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[0] + i, &x));
		if (x.run.store == MEM_STORE_LIVE)
			continue;
		capturing_bytes(&f.k, &x.run, f.zoo.at[0] + i, byte, 1);
		assert_int_equal(byte[0], 7);
	}
	close_with(&f);
}

static void more_than_was_asked_for(void **state)
{
	struct fixture f;
	uint64_t bytes[4] = {0};
	struct captured x;

	(void)state;
	open_with(&f, a_lot, 64 << 20);
	f.k.job.options.max_process = 5 << 20;
	f.k.job.options.kinds &= ~(1u << MEM_PRIVATE);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	capturing_each(&f.k, f.zoo.pid, sum, bytes);
	assert_int_equal(bytes[MEM_STORE_STAGE], 5 << 20);
	assert_true(bytes[3] >= 27 << 20);
	assert_true(capturing_at(&f.k, f.zoo.pid, (uintptr_t)&second, &x));
	assert_int_equal(x.run.fate, MEM_LEFT_OUT);
	close_with(&f);
}

static void no_time_left(void **state)
{
	struct fixture f;
	uint64_t bytes[4] = {0};

	(void)state;
	open_with(&f, a_lot, 64 << 20);
	f.k.finished = everybody_runs;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 0), 0);
	capturing_each(&f.k, f.zoo.pid, sum, bytes);
	assert_int_equal(bytes[MEM_STORE_STAGE], 0);
	assert_true(bytes[MEM_STORE_LIVE] >= 32 << 20);
	assert_int_equal(f.k.done.live, bytes[MEM_STORE_LIVE]);
	assert_int_equal(f.k.done.a, 1); /* registers all the same */
	assert_runs(f.zoo.pid);
	close_with(&f);
}

/* Marks of userfaultfd where no page ever was: 16 MiB of page tables hold two million. */
static void marks(struct zoo *z)
{
	struct uffdio_api api = {.api = UFFD_API, .features = 1 << 13}; /* WP_UNPOPULATED */
	uint64_t size = 8ULL << 30;
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct uffdio_register reg = {
		.range = {(uintptr_t)p, size}, .mode = UFFDIO_REGISTER_MODE_WP};
	struct uffdio_writeprotect wp = {
		.range = {(uintptr_t)p, size}, .mode = UFFDIO_WRITEPROTECT_MODE_WP};

	madvise(p, size, MADV_NOHUGEPAGE);
	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &reg) == 0 &&
		ioctl(fd, UFFDIO_WRITEPROTECT, &wp) == 0)
		z->at[0] = (uintptr_t)p;
}

static void marks_take_no_longer(void **state)
{
	struct fixture f;
	struct captured x;

	(void)state;
	open_with(&f, marks, 64 << 20);
	if (!f.zoo.at[0]) {
		close_with(&f);
		unit_skip("needs userfaultfd that marks what is not there (Linux 6.4)");
	}
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, second / 50), 0);
	assert_true(f.k.copied_ns - f.k.go_ns < second / 5);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[0], &x));
	assert_int_equal(x.run.fate, MEM_NOT_PRESENT);
	assert_int_equal(x.run.end - x.run.start, 8ULL << 30);
	close_with(&f);
}

static void only_a_list(void **state)
{
	struct fixture f;
	uint64_t bytes[4] = {0};

	(void)state;
	open_with(&f, a_lot, 0);
	f.k.job.options.maps_only = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	capturing_each(&f.k, f.zoo.pid, sum, bytes);
	assert_int_equal(bytes[0] + bytes[1] + bytes[2], 0);
	assert_true(capturing_count(&f.k, f.zoo.pid, MEM_MAP, NULL, 0) > 5);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_REGS, NULL, 0), 0);
	close_with(&f);
}

/* Seen from a PID namespace of its own, the numbers of /proc are others': only what is read by
 * name is read, and nobody is stopped. */
static void in_another_namespace(void **state)
{
	struct fixture f;
	uint64_t bytes[4] = {0};
	struct captured x;
	struct mem_note note;
	unsigned char byte;

	(void)state;
	open_with(&f, a_lot, 64 << 20);
	f.k.own_pids = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	capturing_each(&f.k, f.zoo.pid, sum, bytes);
	assert_true(bytes[MEM_STORE_STAGE] >= 32 << 20);
	assert_int_equal(f.k.done.a, 0);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[0], &x));
	assert_int_equal(x.proc.frozen, 0);
	capturing_bytes(&f.k, &x.run, f.zoo.at[0], &byte, 1);
	assert_int_equal(byte, 7);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_NOTE, NULL, 0), 2);
	assert_true(capturing_note(&f.k, f.zoo.pid, "registers", &note));
	assert_int_equal(note.kind, GAP_UNREADABLE);
	assert_true(capturing_note(&f.k, f.zoo.pid, "memory", &note));
	assert_int_equal(note.kind, GAP_CHANGED);
	close_with(&f);
}

/* What was copied is in the table, whoever dies before it is complete. */
static void kill_worker(struct capturing *k)
{
	kill(k->worker, SIGKILL);
}

static void the_worker_is_killed(void **state)
{
	struct fixture f;
	uint64_t bytes[4] = {0};

	(void)state;
	open_with(&f, a_lot, 64 << 20);
	f.k.thaw = kill_worker;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), SIGKILL);
	assert_runs(f.zoo.pid);
	capturing_each(&f.k, f.zoo.pid, sum, bytes);
	assert_true(bytes[MEM_STORE_STAGE] >= 32 << 20);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_AUXV, NULL, 0), 1);
	assert_int_equal(capturing_count(&f.k, f.zoo.pid, MEM_THREAD, NULL, 0), 0);
	close_with(&f);
}

/* As many mappings as the kernel lets it have. */
static void crowd(struct zoo *z)
{
	size_t n = 60000;
	char *p = mmap(NULL, 2 * n * page(), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	z->at[0] = (uintptr_t)p;
	for (size_t i = 0; i < n / 2; i++) {
		p[4 * i * page()] = (char)i;
		if (mprotect(p + (4 * i + 1) * page(), page(), PROT_NONE) < 0)
			break;
	}
}

static void as_many_mappings_as_can_be(void **state)
{
	struct fixture f;
	struct captured x;
	unsigned maps;
	char byte;

	(void)state;
	open_with(&f, crowd, 256 << 20);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	maps = capturing_count(&f.k, f.zoo.pid, MEM_MAP, NULL, 0);
	assert_true(maps > 59000);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[0] + 4 * 29999 * page(), &x));
	capturing_bytes(&f.k, &x.run, f.zoo.at[0] + 4 * 29999 * page(), &byte, 1);
	assert_int_equal(byte, (char)29999);
	print_message("# %u mappings: %lu ms\n", maps, (f.k.copied_ns - f.k.go_ns) / 1000000);
	close_with(&f);
}

/* ---- the target does not change */

static void sparse(struct zoo *z)
{
	char *p = mmap(NULL, 6UL << 30, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	zoo_all(z);
	madvise(p, 6UL << 30, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 64; i++)
		p[i * (64 << 20)] = 1;
}

struct size {
	uint64_t rss, pte, swap, minflt;
};

static struct size size_of(pid_t pid)
{
	own_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int fd = procfs_open_pid(proc, pid, NULL);
	own_buf struct buf b = BUF_INIT(65536);
	struct procfs_stat st = {0};
	struct size s = {0};

	assert_int_equal(procfs_read_stat(fd, &st, NULL), 0);
	assert_int_equal(io_read_file(fd, "status", &b, NULL), 0);
	s.minflt = st.minflt;
	(void)procfs_field_u64(buf_str(&b), "VmRSS", 10, &s.rss);
	(void)procfs_field_u64(buf_str(&b), "VmPTE", 10, &s.pte);
	(void)procfs_field_u64(buf_str(&b), "VmSwap", 10, &s.swap);
	return s;
}

static void the_target_does_not_grow(void **state)
{
	struct fixture f;
	struct size before, after;

	(void)state;
	open_with(&f, sparse, 64 << 20);
	before = size_of(f.zoo.pid);
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	after = size_of(f.zoo.pid);
	print_message("# RSS %+ld KiB, page tables %+ld KiB, faults %+ld\n",
		(long)(after.rss - before.rss), (long)(after.pte - before.pte),
		(long)(after.minflt - before.minflt));
	assert_true(after.rss <= before.rss + 64);
	assert_true(after.pte <= before.pte + 16);
	assert_int_equal(after.swap, before.swap);
	assert_true(after.minflt <= before.minflt + 16);
	close_with(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_hundred_threads),
		cmocka_unit_test(the_first_thread_has_ended),
		cmocka_unit_test(signals_arrive),
		cmocka_unit_test(who_was_stopped_stays_so),
		cmocka_unit_test(those_without_memory),
		cmocka_unit_test(shared_memory_comes_once),
		cmocka_unit_test(more_than_the_stage_holds),
		cmocka_unit_test(more_than_was_asked_for),
		cmocka_unit_test(no_time_left),
		cmocka_unit_test(marks_take_no_longer),
		cmocka_unit_test(only_a_list),
		cmocka_unit_test(in_another_namespace),
		cmocka_unit_test(the_worker_is_killed),
		cmocka_unit_test(as_many_mappings_as_can_be),
		cmocka_unit_test(the_target_does_not_grow),
	};

	return cmocka_run_group_tests_name("memhard", tests, NULL, NULL);
}
