/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "capturing.h"
#include "own.h"
#include "target.h"
#include "zoo.h"

#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

struct fixture {
	struct zoo zoo;
	struct capturing k;
	char cgroup[96];
	const struct freezer *freezer;
	unsigned bad; /* pages */
};

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

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

/* ---- every page, against the process itself */

struct checking {
	struct fixture *f;
	int mem, pagemap;
	uint64_t map_end, run_end, pages, dumped;
	unsigned bad;
};

static void fail_at(struct checking *c, const struct captured *x, uint64_t at, const char *why)
{
	if (c->bad++ < 10)
		print_message("# %lx (%lx-%lx %s, run %lx-%lx %s): %s\n", at, x->map.start,
			x->map.end, x->name, x->run.start, x->run.end, mem_fates[x->run.fate], why);
}

static void check_page(struct checking *c, const struct captured *x, uint64_t at, uint64_t entry)
{
	static const char zeros[65536];
	char real[65536], kept[65536];
	bool exists = entry >> 63 || (entry >> 62 & 1), guard = entry >> 58 & 1;
	ssize_t n = exists && x->run.fate != MEM_SECRET && x->run.fate != MEM_PROTECTED
			    ? pread(c->mem, real, page(), (off_t)at)
			    : -1;

	if (x->run.fate == MEM_DUMPED) {
		c->dumped++;
		capturing_bytes(&c->f->k, &x->run, at, kept, page());
		if (n > 0 && memcmp(real, kept, page()) != 0)
			fail_at(c, x, at, "other bytes");
	} else if (x->run.fate == MEM_ZERO && n > 0 && memcmp(real, zeros, page()) != 0) {
		fail_at(c, x, at, "not zero");
	} else if (x->run.fate == MEM_AS_FILE && exists && !(entry >> 61 & 1)) {
		fail_at(c, x, at, "not the file's");
	} else if (x->run.fate == MEM_NOT_PRESENT && exists && !guard) {
		fail_at(c, x, at, "present");
	} else if (x->run.fate == MEM_FAILED) {
		fail_at(c, x, at, "failed");
	}
}

static bool check_run(struct capturing *k, const struct captured *x, void *arg)
{
	struct checking *c = arg;
	uint64_t end = x->run.end;

	(void)k;
	if (x->run.start == x->map.start ? c->run_end != c->map_end : x->run.start != c->run_end)
		fail_at(c, x, x->run.start, "a page without a fate before it");
	c->run_end = x->run.end;
	c->map_end = x->map.end;
	if (end - x->run.start > 1UL << 30)
		end = x->run.start + (1 << 20); /* of the enormous hole */
	for (uint64_t at = x->run.start; at < end; at += page()) {
		uint64_t entry = 0;

		if (pread(c->pagemap, &entry, 8, (off_t)(at / page() * 8)) != 8)
			entry = 0;
		check_page(c, x, at, entry);
		c->pages++;
	}
	return false;
}

static void check_all(struct fixture *f)
{
	struct checking c = {.f = f};
	char name[40];

	snprintf(name, sizeof(name), "/proc/%d/mem", (int)f->zoo.pid);
	c.mem = open(name, O_RDONLY | O_CLOEXEC);
	snprintf(name, sizeof(name), "/proc/%d/pagemap", (int)f->zoo.pid);
	c.pagemap = open(name, O_RDONLY | O_CLOEXEC);
	assert_true(c.mem >= 0 && c.pagemap >= 0);
	capturing_each(&f->k, f->zoo.pid, check_run, &c);
	close(c.mem);
	close(c.pagemap);
	f->bad = c.bad + (c.dumped <= 50) + (c.run_end != c.map_end);
}

/* While it stands still: letting it go changes its restartable sequences' memory. */
static void check_now(struct capturing *k)
{
	check_all(k->arg);
}

/* ---- what each place must have become */

static const struct {
	enum zoo_place place;
	unsigned page;
	enum mem_fate fate;
	enum mem_kind kind;
} expected[] = {
	{ZOO_PRIVATE, 0, MEM_DUMPED, MEM_ANON},
	{ZOO_PRIVATE, 1, MEM_ZERO, MEM_ANON},
	{ZOO_PRIVATE, 62, MEM_DUMPED, MEM_ANON},
	{ZOO_SHARED, 0, MEM_DUMPED, MEM_SHMEM},
	{ZOO_SHARED, 1, MEM_ZERO, MEM_SHMEM},
	{ZOO_SHARED, 5, MEM_DUMPED, MEM_SHMEM},
	{ZOO_MEMFD, 0, MEM_DUMPED, MEM_SHMEM},
	{ZOO_MEMFD, 3, MEM_DUMPED, MEM_SHMEM},
	{ZOO_MEMFD, 4, MEM_ZERO, MEM_SHMEM},
	{ZOO_MEMFD, 6, MEM_NOT_PRESENT, MEM_SHMEM},
	{ZOO_MEMFD_AGAIN, 3, MEM_DUMPED, MEM_SHMEM},
	{ZOO_MEMFD_COPY, 1, MEM_DUMPED, MEM_DELETED},
	{ZOO_MEMFD_COPY, 5, MEM_NOT_PRESENT, MEM_DELETED},
	{ZOO_DELETED, 1, MEM_DUMPED, MEM_DELETED},
	{ZOO_DELETED, 2, MEM_DUMPED, MEM_DELETED},
	{ZOO_FILE, 0, MEM_DUMPED, MEM_PRIVATE},
	{ZOO_FILE, 1, MEM_AS_FILE, MEM_PRIVATE},
	{ZOO_FILE, 3, MEM_DUMPED, MEM_PRIVATE},
	{ZOO_FILE, 7, MEM_AS_FILE, MEM_PRIVATE},
	{ZOO_FILE_SHARED, 1, MEM_AS_FILE, MEM_SHARED},
	{ZOO_SYSV, 2, MEM_DUMPED, MEM_SHMEM},
	{ZOO_SYSV, 3, MEM_ZERO, MEM_SHMEM},
	{ZOO_GUARD, 0, MEM_DUMPED, MEM_ANON},
	{ZOO_GUARD, 1, MEM_NOT_PRESENT, MEM_ANON},
	{ZOO_GUARD, 2, MEM_DUMPED, MEM_ANON},
	{ZOO_NONE, 0, MEM_DUMPED, MEM_ANON},
	{ZOO_NONE, 4, MEM_DUMPED, MEM_ANON},
	{ZOO_DONTDUMP, 2, MEM_DUMPED, MEM_ANON},
	{ZOO_ZERO, 0, MEM_ZERO, MEM_ANON},
	{ZOO_UFFD, 0, MEM_DUMPED, MEM_ANON},
	{ZOO_UFFD, 1, MEM_NOT_PRESENT, MEM_ANON},
	{ZOO_SECRET, 0, MEM_SECRET, MEM_DELETED},
	{ZOO_HUGE, 0, MEM_DUMPED, MEM_ANON},
	{ZOO_SPARSE, 0, MEM_DUMPED, MEM_ANON},
	{ZOO_SPARSE, 5, MEM_ZERO, MEM_ANON},
	{ZOO_SPARSE, 1000000, MEM_DUMPED, MEM_ANON},
	{ZOO_SPARSE, 1000001, MEM_ZERO, MEM_ANON},
};

/* What a page held of its place's bytes: those that were written, not those of a file below. */
static bool is_written(enum zoo_place place, unsigned n)
{
	return !(place == ZOO_FILE && n == 0) && !(place == ZOO_DELETED && n == 2);
}

static void check_places(struct fixture *f, bool staged)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		enum zoo_place place = expected[i].place;
		uint64_t at = f->zoo.at[place] + expected[i].page * page();
		struct captured x;
		unsigned char byte;

		if (!f->zoo.at[place]) {
			print_message("# this kernel has no animal %d\n", place);
			continue;
		}
		assert_true(capturing_at(&f->k, f->zoo.pid, at, &x));
		if (x.run.fate != expected[i].fate || x.map.kind != expected[i].kind)
			fail_msg("place %d page %u: %s, %s", place, expected[i].page,
				mem_fates[x.run.fate], mem_kinds[x.map.kind]);
		if (!staged || x.run.fate != MEM_DUMPED || !is_written(place, expected[i].page))
			continue;
		capturing_bytes(&f->k, &x.run, at, &byte, 1);
		if (place == ZOO_MEMFD_AGAIN)
			place = ZOO_MEMFD;
		assert_int_equal(byte, zoo_byte(place, expected[i].page));
	}
}

static void needs_root(void)
{
	if (unit_emulated() || geteuid() != 0)
		unit_skip("needs root");
}

static void test_stopped(void **state)
{
	struct fixture *f = *state;
	struct mem_proc proc;
	struct mem_regs auxv;

	needs_root();
	f->k.thaw = check_now;
	f->k.arg = f;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	check_places(f, true);
	assert_int_equal(f->bad, 0);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.frozen, 1);
	assert_true(proc.machine != 0);
	assert_true(proc.stopped_ns >= f->k.go_ns && proc.resumed_ns > proc.stopped_ns);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_THREAD, NULL, 0), 1);
	assert_true(capturing_count(&f->k, f->zoo.pid, MEM_REGS, NULL, 0) >= 3);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_AUXV, &auxv, sizeof(auxv)), 1);
	assert_true(auxv.n >= 16 * 16);
	assert_int_equal(f->k.done.a, 1);
	assert_int_equal(f->k.done.b, 0);
	assert_int_equal(f->k.copied.b, 0);
	assert_true(f->k.copied.a >= 50 * page());
	assert_true(f->k.job.watch->beat > 10);
}

/* With no more rights than the engine leaves it. */
static void test_sandboxed(void **state)
{
	struct fixture *f = *state;

	needs_root();
	f->k.thaw = check_now;
	f->k.arg = f;
	f->k.sandboxed = true;
	assert_int_equal(capturing_run(&f->k, HOLD_PTRACE, 10 * second), 0);
	check_places(f, true);
	assert_int_equal(f->bad, 0);
	assert_int_equal(f->k.done.a, 1);
}

static void test_running(void **state)
{
	struct fixture *f = *state;
	struct mem_proc proc;
	struct captured x;

	needs_root();
	assert_int_equal(capturing_run(&f->k, HOLD_NONE, 10 * second), 0);
	assert_int_equal(f->k.copied.a, 0);
	assert_true(f->k.copied.b >= 50 * page());
	assert_true(capturing_at(&f->k, f->zoo.pid, f->zoo.at[ZOO_PRIVATE], &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_int_equal(x.run.store, MEM_STORE_LIVE);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.frozen, 0);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_REGS, NULL, 0), 0);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_NOTE, NULL, 0), 1);
}

/* Both kinds of cgroup can freeze. */
static const struct freezer {
	const char *top, *control, *frozen, *thawed, *state, *says_frozen, *says_thawed;
} freezers[] = {
	{"/sys/fs/cgroup", "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1", "frozen 0"},
	{"/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0", "cgroup.events", "frozen 1",
		"frozen 0"},
	{"/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED", "freezer.state", "FROZEN",
		"THAWED"},
};

static ssize_t file(const char *dir, const char *name, const char *value, char *text, size_t size)
{
	char path[192];
	own_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, (value ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (value)
		return write(fd, value, strlen(value));
	n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = '\0';
	return n;
}

static void set_frozen(struct fixture *f, bool on)
{
	const struct freezer *z = f->freezer;
	char text[256];

	assert_true(file(f->cgroup, z->control, on ? z->frozen : z->thawed, NULL, 0) > 0);
	for (int i = 0; i < 1000; i++) {
		if (file(f->cgroup, z->state, NULL, text, sizeof(text)) > 0 &&
			strstr(text, on ? z->says_frozen : z->says_thawed))
			return;
		usleep(1000);
	}
	fail_msg("the cgroup does not freeze");
}

static void freeze(struct capturing *k)
{
	set_frozen(k->arg, true);
}

static void thaw(struct capturing *k)
{
	check_all(k->arg);
	set_frozen(k->arg, false);
}

static bool make_cgroup(struct fixture *f, const struct freezer *z)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)f->zoo.pid);
	snprintf(f->cgroup, sizeof(f->cgroup), "%s/zoo.%d", z->top, (int)getpid());
	f->freezer = z;
	if (mkdir(f->cgroup, 0755) < 0)
		return false;
	if (access(f->cgroup, F_OK) == 0 && file(f->cgroup, "cgroup.procs", pid, NULL, 0) > 0 &&
		file(f->cgroup, z->state, NULL, (char[256]){0}, 256) > 0)
		return true;
	rmdir(f->cgroup);
	return false;
}

static void frozen(struct fixture *f)
{
	struct mem_proc proc;

	f->k.job.cgroup_fd = open(f->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->k.freeze = freeze;
	f->k.thaw = thaw;
	f->k.arg = f;
	f->k.target->members = 0; /* found in the cgroup */
	assert_int_equal(capturing_run(&f->k, HOLD_CGROUP, 10 * second), 0);
	close(f->k.job.cgroup_fd);
	assert_int_equal(f->bad, 0);
	assert_int_equal(capturing_count(&f->k, f->zoo.pid, MEM_PROC, &proc, sizeof(proc)), 1);
	assert_int_equal(proc.frozen, 1);
	assert_int_equal(f->k.done.a, 1);
	assert_int_equal(f->k.done.b, 0);
	kill(f->zoo.pid, SIGKILL);
	for (int i = 0; i < 1000 && rmdir(f->cgroup) < 0; i++)
		usleep(1000);
}

static void test_frozen(void **state)
{
	struct fixture *f = *state;

	needs_root();
	if (!make_cgroup(f, &freezers[0]) && !make_cgroup(f, &freezers[1]))
		unit_skip("no cgroup v2 can be made");
	frozen(f);
}

static void test_frozen_v1(void **state)
{
	struct fixture *f = *state;

	needs_root();
	if (!make_cgroup(f, &freezers[2]))
		unit_skip("no freezer of cgroup v1");
	frozen(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sandboxed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_running, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frozen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_frozen_v1, setup, teardown),
	};

	return cmocka_run_group_tests_name("memcapture", tests, NULL, NULL);
}
