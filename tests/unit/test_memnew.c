/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and processes that come between the first look and the moment at which all stand still. */
#include "unit.h"

#include "capturing.h"
#include "memflags.h"
#include "memmaps.h"
#include "own.h"
#include "target.h"
#include "zoo.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

enum { PAGES = 16 };

/* What the process tells. */
static struct told {
	volatile uint64_t plain, held;
	volatile pid_t child;
	volatile bool done;
} * told;

struct fixture {
	struct zoo zoo;
	struct capturing k;
};

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Its first page is written. Not beside another: the kernel joins mappings that are alike. */
static char *map_apart(uint64_t at)
{
	char *p = mmap((void *)(uintptr_t)at, PAGES * page(), PROT_READ | PROT_WRITE, /* NOLINT */
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != MAP_FAILED)
		*p = 1;
	return p;
}

static void map_more(int nr)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	char *held = map_apart(0x520000000000);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	(void)nr;
	told->plain = (uintptr_t)map_apart(0x510000000000);
	reg.range.start = (uintptr_t)held;
	reg.range.len = PAGES * page();
	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &reg) == 0)
		told->held = (uintptr_t)held;
	told->done = true;
}

static void bear(int nr)
{
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		map_more(nr);
		for (;;)
			pause();
	}
	told->child = child;
}

static void wait_for_signals(struct zoo *z)
{
	zoo_all(z);
	signal(SIGUSR1, map_more);
	signal(SIGUSR2, bear);
}

static void open_all(struct fixture *f)
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	zoo_open(&f->zoo, wait_for_signals, NULL);
	capturing_open(&f->k, 64 << 20);
	capturing_member(&f->k, f->zoo.pid);
	f->k.arg = f;
}

static void close_all(struct fixture *f)
{
	capturing_close(&f->k);
	zoo_close(&f->zoo);
	munmap(told, sizeof(*told));
}

static void ask(struct capturing *k, int nr)
{
	struct fixture *f = k->arg;

	usleep(20000); /* not in the tick in which we began ourselves */
	kill(f->zoo.pid, nr);
	for (int i = 0; i < 2000 && !told->done; i++)
		usleep(1000);
	assert_true(told->done);
}

static void asks_for_memory(struct capturing *k)
{
	ask(k, SIGUSR1);
}

static void asks_for_child(struct capturing *k)
{
	ask(k, SIGUSR2);
}

static void check_new(struct fixture *f, pid_t pid)
{
	struct captured x;

	assert_true(capturing_at(&f->k, pid, told->plain, &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	assert_true(capturing_at(&f->k, pid, told->plain + page(), &x));
	assert_int_equal(x.run.fate, MEM_ZERO);
	assert_int_equal(x.map.flags & (MEM_NO_FLAGS | MEM_UFFD), 0);
	if (!told->held)
		return;
	assert_true(capturing_at(&f->k, pid, told->held + page(), &x));
	assert_int_equal(x.run.fate, MEM_NOT_PRESENT);
	assert_int_equal(x.map.flags & (MEM_NO_FLAGS | MEM_UFFD), MEM_UFFD);
}

static void more_memory(enum capture_hold how)
{
	struct fixture f;

	open_all(&f);
	f.k.freeze = asks_for_memory;
	f.k.sandboxed = how == HOLD_PTRACE;
	assert_int_equal(capturing_run(&f.k, how, 10 * second), 0);
	check_new(&f, f.zoo.pid);
	close_all(&f);
}

static void memory_that_came(void **state)
{
	(void)state;
	more_memory(HOLD_PTRACE);
	more_memory(HOLD_NONE);
}

static void child_that_came(void **state)
{
	struct captured x;
	struct fixture f;

	(void)state;
	open_all(&f);
	f.k.freeze = asks_for_child;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	check_new(&f, told->child);
	assert_true(capturing_at(&f.k, told->child, f.zoo.at[ZOO_PRIVATE] + page(), &x));
	assert_int_equal(x.run.fate, MEM_ZERO);
	assert_int_equal(capturing_count(&f.k, told->child, MEM_NOTE, NULL, 0), 0);
	close_all(&f);
}

/* When there is no time to read them again, what was known stays, and counts as before. */
static void flags_that_stay(void **state)
{
	own_fd int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t room = MEMFLAGS_MAX, before, left;
	struct memflags flags = {0};
	_Atomic uint64_t beat = 0;
	struct memmap m = {.start = (uintptr_t)&room & ~(page() - 1), .name = "[stack]"};

	(void)state;
	m.end = m.start + page();
	assert_int_equal(memflags_read(&flags, self, &room, UINT64_MAX, &beat, NULL), 0);
	before = flags.count;
	left = room;
	memflags_renew(&flags, self, &room, 0, &beat);
	assert_int_equal(flags.count, before);
	assert_int_equal(room, left);
	memflags_join(&flags, &m);
	assert_int_equal(m.flags & MEM_NO_FLAGS, 0);
	memflags_renew(&flags, self, &room, UINT64_MAX, &beat);
	assert_false(flags.cut);
	assert_int_equal(room + flags.count, MEMFLAGS_MAX);
	memflags_done(&flags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_came),
		cmocka_unit_test(child_that_came),
		cmocka_unit_test(flags_that_stay),
	};

	return cmocka_run_group_tests_name("memnew", tests, NULL, NULL);
}
