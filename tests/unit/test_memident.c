/* SPDX-License-Identifier: Apache-2.0 */
/* Which memory is which: names and numbers can be chosen. */
#include "unit.h"

#include "capturing.h"
#include "copy.h"
#include "io.h"
#include "memmaps.h"
#include "memobject.h"
#include "memsign.h"
#include "own.h"
#include "procfs.h"
#include "shmem.h"
#include "target.h"
#include "tick.h"
#include "zoo.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static const uint64_t second = 1000000000;

enum { SIZE = 64 << 10 };

struct fixture {
	struct zoo zoo;
	struct capturing k;
};

static void open_with(struct fixture *f, void (*animals)(struct zoo *z))
{
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	zoo_open(&f->zoo, animals, NULL);
	capturing_open(&f->k, 64 << 20);
	capturing_member(&f->k, f->zoo.pid);
}

static void close_with(struct fixture *f)
{
	capturing_close(&f->k);
	zoo_close(&f->zoo);
}

/* ---- shared memory */

/* The first segment of an IPC namespace of its own. */
static void segment(struct zoo *z, unsigned place, char byte)
{
	char *p = (char *)-1;
	int id = unshare(CLONE_NEWIPC) < 0 ? -1 : shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);

	if (id >= 0)
		p = shmat(id, NULL, 0);
	if (p == (char *)-1)
		_exit(1);
	memset(p, byte, SIZE);
	z->at[place] = (uintptr_t)p;
	z->len[place] = (uint64_t)id;
}

/* A sibling: goes on in it. Its number is in len[ZOO_SPARSE]. */
static bool is_sibling(struct zoo *z)
{
	pid_t pid = fork();

	if (pid) {
		z->len[ZOO_SPARSE] = (uint64_t)pid;
		return false;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

static void two_namespaces(struct zoo *z)
{
	volatile uint64_t *ready = &z->at[1];

	if (is_sibling(z)) {
		segment(z, 1, 'B');
		for (;;)
			pause();
	}
	segment(z, 0, 'A');
	for (int i = 0; i < 2000 && !*ready; i++)
		usleep(1000);
}

static void is_dumped(struct fixture *f, pid_t pid, uint64_t at, char expected)
{
	struct captured x;
	char byte = 0;

	assert_true(capturing_at(&f->k, pid, at, &x));
	assert_int_equal(x.run.fate, MEM_DUMPED);
	capturing_bytes(&f->k, &x.run, at, &byte, 1);
	assert_int_equal(byte, expected);
}

/* Two memories with one number on one device. */
static void same_number(void **state)
{
	struct fixture f;
	pid_t other;

	(void)state;
	open_with(&f, two_namespaces);
	other = (pid_t)f.zoo.len[ZOO_SPARSE];
	capturing_member(&f.k, other);
	assert_int_equal(f.zoo.len[0], f.zoo.len[1]);
	f.k.sandboxed = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	is_dumped(&f, f.zoo.pid, f.zoo.at[0], 'A');
	is_dumped(&f, other, f.zoo.at[1], 'B');
	close_with(&f);
}

static void one_segment(struct zoo *z)
{
	segment(z, 0, 'A');
	if (is_sibling(z))
		for (;;)
			pause();
}

/* And one that two have. */
static void same_segment(void **state)
{
	struct captured x;
	struct fixture f;
	pid_t other;

	(void)state;
	open_with(&f, one_segment);
	other = (pid_t)f.zoo.len[ZOO_SPARSE];
	capturing_member(&f.k, other);
	f.k.sandboxed = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	is_dumped(&f, f.zoo.pid, f.zoo.at[0], 'A');
	assert_true(capturing_at(&f.k, other, f.zoo.at[0], &x));
	assert_int_equal(x.run.fate, MEM_ELSEWHERE);
	assert_int_equal(x.run.offset, f.zoo.pid);
	close_with(&f);
}

/* ---- files */

static void *map_of(struct zoo *z, unsigned place, int fd, int flags)
{
	void *p = mmap(NULL, SIZE, PROT_READ | PROT_EXEC, flags, fd, 0);

	if (p == MAP_FAILED)
		_exit(1);
	z->at[place] = (uintptr_t)p;
	return p;
}

static void fill(int fd, char byte)
{
	char block[SIZE];

	memset(block, byte, SIZE);
	if (fd < 0 || write(fd, block, SIZE) != SIZE)
		_exit(1);
}

/* On a tmpfs that is mounted nowhere. Nobody touches the first one's pages. */
static void detached(struct zoo *z)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", 0), dir = -1, fd;

	if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		dir = (int)syscall(SYS_fsmount, fs, 0, 0);
	if (dir < 0)
		return;
	fd = openat(dir, "shared", O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	fill(fd, 'S');
	map_of(z, 0, fd, MAP_SHARED);
	fd = openat(dir, "private", O_RDWR | O_CREAT | O_CLOEXEC, 0700);
	fill(fd, 'P');
	map_of(z, 1, fd, MAP_PRIVATE | MAP_POPULATE);
}

static void on_no_mount(void **state)
{
	struct captured x;
	struct fixture f;

	(void)state;
	open_with(&f, detached);
	if (!f.zoo.at[0]) {
		close_with(&f);
		unit_skip("no fsopen(2) here");
	}
	f.k.sandboxed = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	is_dumped(&f, f.zoo.pid, f.zoo.at[0], 'S');
	is_dumped(&f, f.zoo.pid, f.zoo.at[0] + SIZE - 1, 'S');
	is_dumped(&f, f.zoo.pid, f.zoo.at[1], 'P');
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[1], &x));
	assert_int_equal(x.map.kind, MEM_DELETED);
	close_with(&f);
}

/* Memory of /dev/zero, and a program in /dev/shm. */
static void below_dev(struct zoo *z)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	char *p = map_of(z, 0, fd, MAP_PRIVATE);
	char name[] = "/dev/shm/ident.XXXXXX";

	if (mprotect(p, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		_exit(1);
	memset(p, 'Z', SIZE / 2);
	fd = mkostemp(name, O_CLOEXEC);
	snprintf((char *)(z->len + 1), sizeof(name), "%s", name);
	fill(fd, 'P');
	map_of(z, 1, fd, MAP_PRIVATE | MAP_POPULATE);
}

static void names_below_dev(void **state)
{
	enum memsign sign;
	struct captured x;
	struct fixture f;
	bool is_tmpfs;
	struct statfs fs;

	(void)state;
	is_tmpfs = statfs("/dev/shm", &fs) == 0 && fs.f_type == TMPFS_MAGIC;
	if (!is_tmpfs)
		unit_skip("no tmpfs in /dev/shm");
	open_with(&f, below_dev);
	f.k.sandboxed = true;
	assert_int_equal(capturing_run(&f.k, HOLD_PTRACE, 10 * second), 0);
	unlink((char *)(f.zoo.len + 1));
	is_dumped(&f, f.zoo.pid, f.zoo.at[0], 'Z');
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[0], &x));
	assert_int_equal(x.map.kind, MEM_ANON);
	assert_true(memsign_of_map(&x.map, &sign));
	assert_int_equal(sign, MEMSIGN_EXEC);
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[0] + SIZE - 1, &x));
	assert_int_equal(x.run.fate, MEM_ZERO);
	is_dumped(&f, f.zoo.pid, f.zoo.at[1], 'P');
	assert_true(capturing_at(&f.k, f.zoo.pid, f.zoo.at[1], &x));
	assert_int_equal(x.map.kind, MEM_PRIVATE);
	assert_false(memsign_of_run(&x.map, &x.run, &sign));
	close_with(&f);
}

/* ---- one mapping of ours */

struct mine {
	struct copy_limits limits;
	struct copy copy;
	struct memtable table;
	struct runs runs;
	struct shmem shmem;
	struct memmap map;
	int table_fd, map_files;
};

static void open_mine(struct mine *m, int fd, int flags)
{
	void *p = mmap(NULL, SIZE, PROT_READ, flags, fd, 0);
	struct stat st;

	*m = (struct mine){.table = MEMTABLE_INIT, .table_fd = io_spool(-1, NULL)};
	assert_true(p != MAP_FAILED);
	assert_int_equal(fstat(fd, &st), 0);
	m->map = (struct memmap){
		.start = (uintptr_t)p, .end = (uintptr_t)p + SIZE, .ino = st.st_ino, .name = ""};
	m->limits.max_process = m->limits.max_total = m->limits.until = UINT64_MAX;
	m->copy.limits = &m->limits;
	m->copy.runs = &m->runs;
	m->runs = (struct runs){.table = &m->table, .left = 100};
	assert_int_equal(memtable_open(&m->table, m->table_fd, NULL), 0);
	m->map_files = open("/proc/self/map_files", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(m->map_files >= 0);
}

static void close_mine(struct mine *m)
{
	shmem_done(&m->shmem);
	memtable_done(&m->table);
	munmap((void *)(uintptr_t)m->map.start, SIZE); /* NOLINT(performance-no-int-to-ptr) */
	close(m->table_fd);
	close(m->map_files);
}

/* What one process could not be told of is not what another one has. */
static void holes_of_unknown_flags(void **state)
{
	own_fd int fd = memfd_create("holes", MFD_CLOEXEC);
	static struct mine m;

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root");
	assert_int_equal(ftruncate(fd, SIZE), 0);
	open_mine(&m, fd, MAP_SHARED);
	shmem_begin(&m.shmem, 1);
	m.map.flags = MEM_NO_FLAGS;
	assert_int_equal(shmem_copy(&m.shmem, &m.copy, &m.map, m.map_files, NULL), 1);
	assert_int_equal(m.runs.last.fate, MEM_NOT_PRESENT);
	assert_int_equal(runs_flush(&m.runs, NULL), 0);
	shmem_begin(&m.shmem, 2);
	m.map.flags = 0;
	assert_int_equal(shmem_copy(&m.shmem, &m.copy, &m.map, m.map_files, NULL), 1);
	assert_int_equal(m.runs.last.fate, MEM_ZERO);
	assert_int_equal(runs_flush(&m.runs, NULL), 0);
	shmem_begin(&m.shmem, 3);
	assert_int_equal(shmem_copy(&m.shmem, &m.copy, &m.map, m.map_files, NULL), 1);
	assert_int_equal(m.runs.last.fate, MEM_ELSEWHERE);
	assert_int_equal(m.runs.last.offset, 2);
	close_mine(&m);
}

/* A device's node lies on a file system in memory, and is not opened for that. */
static void devices_stay_closed(void **state)
{
	own_fd int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	own_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	static struct mine m;
	char event[4096];

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root");
	open_mine(&m, fd, MAP_PRIVATE);
	assert_true(inotify_add_watch(watch, "/dev/zero", IN_OPEN) >= 0);
	assert_int_equal(shmem_copy(&m.shmem, &m.copy, &m.map, m.map_files, NULL), 0);
	assert_int_equal(read(watch, event, sizeof(event)), -1);
	close_mine(&m);
}

/* Nor is another memory read for one that is gone. */
static void another_with_its_number(void **state)
{
	own_fd int fd = memfd_create("object", MFD_CLOEXEC), proc = -1;
	struct mem_proc p = {.pid = getpid()};
	static struct mine m;
	struct stat st;
	struct mem_map map;
	struct memobject_of of = {.proc = &p, .at = 1, .map = &map};
	struct memobject o = MEMOBJECT_INIT;
	struct memscan scan = MEMSCAN_INIT;
	struct procfs_stat self;
	char block[SIZE];

	(void)state;
	if (geteuid() != 0)
		unit_skip("needs root");
	memset(block, 'O', SIZE);
	assert_int_equal(write(fd, block, SIZE), SIZE);
	assert_int_equal(fstat(fd, &st), 0);
	open_mine(&m, fd, MAP_SHARED);
	m.map.object = true;
	memmaps_settle(&m.map, m.map_files);
	assert_int_not_equal(m.map.generation, 0);
	map = (struct mem_map){.start = m.map.start,
		.end = m.map.end,
		.ino = st.st_ino,
		.kind = MEM_SHMEM,
		.dev_major = major(st.st_dev),
		.dev_minor = minor(st.st_dev),
		.generation = m.map.generation};
	of.proc_fd = proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int pid = procfs_open_pid(proc, p.pid, NULL);

	assert_int_equal(procfs_read_stat(pid, &self, NULL), 0);
	p.start_ticks = self.start_ticks;
	o.searches = MEMOBJECT_SEARCHES;
	assert_int_equal(
		memobject_read(&o, &scan, &of, map.start, (struct iovec){block, SIZE}), SIZE);
	memobject_close(&o);
	map.generation++;
	assert_int_equal(memobject_read(&o, &scan, &of, map.start, (struct iovec){block, SIZE}), 0);
	memobject_close(&o);
	close_mine(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_number),
		cmocka_unit_test(same_segment),
		cmocka_unit_test(on_no_mount),
		cmocka_unit_test(names_below_dev),
		cmocka_unit_test(holes_of_unknown_flags),
		cmocka_unit_test(another_with_its_number),
		cmocka_unit_test(devices_stay_closed),
	};

	return cmocka_run_group_tests_name("memident", tests, NULL, NULL);
}
