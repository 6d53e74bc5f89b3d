/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "copy.h"
#include "memdevs.h"
#include "memflags.h"
#include "memmaps.h"
#include "memplan.h"
#include "own.h"
#include "pagemap.h"
#include "procset.h"
#include "psinfo.h"
#include "zoo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum { GUARD_INSTALL = 102 };

/* What a process has mounted. */
static void learn(struct memdevs *devs)
{
	static const char text[] = "20 1 253:1 / / rw - ext4 /dev/vda rw\n"
				   "21 20 0:6 / /dev rw - devtmpfs dev rw\n"
				   "22 20 0:30 / /dev/shm rw - tmpfs shm rw\n"
				   "23 20 0:31 / /ram rw - ramfs ram rw\n";
	char dir[] = "/tmp/mounts.XXXXXX", name[40];
	own_fd int fd = -1;
	FILE *f;

	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/mountinfo", dir);
	f = fopen(name, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	memdevs_learn(devs, fd);
	assert_int_equal(unlink(name) | rmdir(dir), 0);
}

static printf_like(1, 2) struct memmap parsed(const char *format, ...)
{
	own_memdevs struct memdevs devs;
	static char line[8192];
	struct memmap m;
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	memdevs_init(&devs);
	learn(&devs);
	assert_int_equal(memmaps_parse(line, &devs, &m), 0);
	return m;
}

static void lines_of_maps(void **state)
{
	char junk[] = "7f00-7e00 r--p 0 0:0 0", text[] = "Size:    4 kB";
	struct memmap m = parsed("7f00000-7f01000 rw-p 00000000 00:00 0 ");
	own_memdevs struct memdevs devs;

	(void)state;
	assert_int_equal(m.kind, MEM_ANON);
	assert_int_equal(m.flags, MEM_R | MEM_W);
	assert_int_equal(m.name_len, 0);
	assert_int_equal(parsed("1000-2000 rw-p 0 00:00 0 [heap]").kind, MEM_ANON);
	assert_int_equal(parsed("1000-2000 rw-p 0 00:00 0 [anon:[vdso]]").kind, MEM_ANON);
	m = parsed("1000-2000 r-xp 0 00:00 0 [vdso]");
	assert_int_equal(m.kind, MEM_SPECIAL);
	assert_true(m.whole && !m.refused);
	assert_true(parsed("1000-2000 r--p 0 00:00 0 [vvar]").refused);
	m = parsed("1000-2000 r-xp 00001000 fd:01 77 /bin/a b\\012c (deleted) d");
	assert_int_equal(m.kind, MEM_PRIVATE);
	assert_string_equal(m.name, "/bin/a b\nc (deleted) d");
	assert_int_equal(m.ino, 77);
	assert_int_equal(m.offset, 0x1000);
	assert_int_equal(m.major, 0xfd);
	m = parsed("1000-2000 r-xp 0 fd:01 77 /bin/a (deleted)");
	assert_int_equal(m.kind, MEM_DELETED);
	assert_true(m.nameless);
	assert_int_equal(parsed("1000-2000 rw-s 0 fd:01 77 /data").kind, MEM_SHARED);
	assert_int_equal(parsed("1000-2000 rw-s 0 00:06 77 /dev/dri/card0").kind, MEM_SPECIAL);
	assert_int_equal(
		parsed("1000-2000 rw-s 0 00:0e 9 anon_inode:[io_uring]").kind, MEM_SPECIAL);
	assert_true(parsed("1000-2000 rw-s 0 00:0c 9 /secretmem (deleted)").hidden);
	memdevs_init(&devs);
	assert_int_equal(memmaps_parse(junk, &devs, &m), -EINVAL);
	assert_int_equal(memmaps_parse(text, &devs, &m), -EINVAL);
}

/* What is memory says its device, not its name: names can be chosen. */
static void names_do_not_make_memory(void **state)
{
	own_fd int fd = memfd_create("x", MFD_CLOEXEC);
	unsigned ma, mi;
	struct memmap m;
	struct stat st;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	ma = major(st.st_dev);
	mi = minor(st.st_dev);
	m = parsed("1000-2000 rw-s 0 %x:%x 5 /memfd:x (deleted)", ma, mi);
	assert_int_equal(m.kind, MEM_SHMEM);
	assert_true(m.object);
	m = parsed("1000-2000 rw-s 0 fd:01 5 /memfd:x (deleted)");
	assert_int_equal(m.kind, MEM_DELETED);
	assert_false(m.object);
	m = parsed("1000-2000 rw-p 0 %x:%x 5 /home/x", ma, mi);
	assert_int_equal(m.kind, MEM_DELETED);
	assert_true(m.nameless);
}

/* The file of who has it mounted nowhere is lost with him. */
static void mounted_nowhere(void **state)
{
	struct memmap m = parsed("1000-2000 r-xp 0 00:77 5 /evil");

	(void)state;
	assert_int_equal(m.kind, MEM_DELETED);
	assert_int_equal(memplan_fate(&m, PAGES_PRESENT | PAGES_FILE), MEM_DUMPED);
	assert_int_equal(memplan_fate(&m, 0), MEM_NOT_PRESENT);
	m = parsed("1000-2000 rw-s 0 00:77 5 /evil");
	assert_true(m.object);
	assert_int_equal(memplan_fate(&m, PAGES_PRESENT | PAGES_FILE), MEM_DUMPED);
}

/* Nor is a file in memory on a disk, wherever that is mounted. */
static void mounted_in_memory(void **state)
{
	struct memmap m = parsed("1000-2000 r-xp 0 00:1e 5 /dev/shm/evil.so");

	(void)state;
	assert_int_equal(m.kind, MEM_PRIVATE);
	assert_int_equal(memplan_fate(&m, PAGES_PRESENT | PAGES_FILE), MEM_DUMPED);
	assert_int_equal(memplan_fate(&m, 0), MEM_AS_FILE);
	m = parsed("1000-2000 rw-s 0 00:1f 5 /ram/x");
	assert_int_equal(m.kind, MEM_SHMEM);
	assert_false(m.object);
	assert_int_equal(parsed("1000-2000 rw-p 0 00:06 5 /dev/x").kind, MEM_SPECIAL);
}

static void add_smaps(struct memflags *f, const char *text, size_t *room)
{
	struct memflags_text t = {0};
	char *copy = strdup(text), *next = copy, *line;

	while ((line = strsep(&next, "\n")))
		(void)memflags_line(f, &t, line, room);
	free(copy);
}

static void flags_by_address(void **state)
{
	struct memflags f = {0};
	struct memmap a = {.start = 0x1000, .end = 0x3000, .name = ""},
		      b = {.start = 0x5000, .end = 0x9000, .name = "[x]"},
		      c = {.start = 0x20000, .end = 0x21000, .name = ""},
		      d = {.start = 0x7000, .end = 0x8000, .name = ""};
	size_t room = 3;

	(void)state;
	add_smaps(&f,
		"00001000-00002000 rw-p 00000000 00:00 0 \nRss:  4 kB\nVmFlags: rd wr mr dd \n"
		"00002000-00003000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr dd\n"
		"00005000-00006000 rw-p 00000000 00:00 0 [x]\nVmFlags: rd um ht\n"
		"00030000-00031000 rw-p 00000000 00:00 0\nVmFlags: rd uw io\n"
		"00040000-00041000 rw-p 00000000 00:00 0\nVmFlags: rd\n",
		&room);
	assert_int_equal(f.count, 3); /* two are one, and there is no room for the last */
	memflags_join(&f, &a);
	assert_int_equal(a.flags, MEM_DONTDUMP);
	memflags_join(&f, &b); /* it grew */
	assert_int_equal(b.flags, MEM_UFFD | MEM_HUGETLB);
	memflags_join(&f, &c);
	assert_int_equal(c.flags, MEM_NO_FLAGS);
	memflags_join(&f, &d);
	assert_int_equal(d.flags, MEM_NO_FLAGS);
	c = (struct memmap){.start = 0x30000, .end = 0x31000, .name = ""};
	memflags_join(&f, &c);
	assert_true(c.protected && c.refused);
	memflags_done(&f);
}

static struct memmap joined(const struct memflags *f, const char *line)
{
	struct memmap m = parsed("%s", line);

	memflags_join(f, &m);
	return m;
}

/* What was mapped there before is nothing to go by. */
static void flags_of_what_is_mapped(void **state)
{
	struct memflags f = {0};
	size_t room = MEMFLAGS_MAX;
	struct memmap m;

	(void)state;
	add_smaps(&f,
		"00030000-00032000 rw-s 00004000 00:06 77 /dev/dri/card0\nVmFlags: rd io pf\n"
		"00032000-00034000 r--p 00000000 00:00 0 [vvar]\nVmFlags: rd pf io de dd\n"
		"00050000-00052000 r--p 00001000 fd:01 9 /bin/a\nVmFlags: rd dd\n",
		&room);
	m = joined(&f, "00030000-00032000 rw-s 00004000 00:06 77 /dev/dri/card0");
	assert_true(m.flags & MEM_IO && !(m.flags & MEM_NO_FLAGS));
	m = joined(&f, "00031000-00032000 r--s 00005000 00:06 77 /dev/dri/card0");
	assert_true(m.flags & MEM_IO && !(m.flags & MEM_NO_FLAGS));
	m = joined(&f, "00030000-00032000 rw-p 00000000 00:00 0 ");
	assert_int_equal(m.flags & (MEM_IO | MEM_NO_FLAGS), MEM_NO_FLAGS);
	assert_false(m.refused);
	m = joined(&f, "00032000-00034000 rw-p 00000000 00:00 0 ");
	assert_int_equal(m.flags & (MEM_IO | MEM_NO_FLAGS), MEM_NO_FLAGS);
	assert_false(m.refused);
	m = joined(&f, "0002f000-00031000 rw-p 00000000 00:00 0 ");
	assert_int_equal(m.flags & (MEM_IO | MEM_NO_FLAGS), MEM_NO_FLAGS);
	m = joined(&f, "00050000-00053000 rw-p 00001000 fd:01 9 /bin/a");
	assert_int_equal(m.flags & (MEM_DONTDUMP | MEM_NO_FLAGS), MEM_DONTDUMP);
	m = joined(&f, "00050000-00052000 r--p 00001000 fd:01 10 /bin/b");
	assert_int_equal(m.flags & (MEM_DONTDUMP | MEM_NO_FLAGS), MEM_NO_FLAGS);
	m = joined(&f, "00050000-00052000 r--p 00003000 fd:01 9 /bin/a");
	assert_int_equal(m.flags & (MEM_DONTDUMP | MEM_NO_FLAGS), MEM_NO_FLAGS);
	memflags_done(&f);
}

static void fates(void **state)
{
	struct memmap anon = {.kind = MEM_ANON}, file = {.kind = MEM_PRIVATE},
		      gone = {.kind = MEM_DELETED, .nameless = true}, shared = {.kind = MEM_SHARED},
		      held = {.kind = MEM_ANON, .flags = MEM_UFFD};

	(void)state;
	assert_int_equal(memplan_fate(&anon, 0), MEM_ZERO);
	assert_int_equal(memplan_fate(&held, 0), MEM_NOT_PRESENT);
	assert_int_equal(memplan_fate(&anon, PAGES_PRESENT), MEM_DUMPED);
	assert_int_equal(memplan_fate(&anon, PAGES_SWAPPED), MEM_DUMPED);
	assert_int_equal(memplan_fate(&anon, PAGES_SWAPPED | PAGES_GUARD), MEM_NOT_PRESENT);
	assert_int_equal(memplan_fate(&anon, PAGES_PRESENT | PAGES_ZERO), MEM_ZERO);
	assert_int_equal(memplan_fate(&anon, PAGES_UNKNOWN), MEM_OVER_BUDGET);
	assert_int_equal(memplan_fate(&file, 0), MEM_AS_FILE);
	assert_int_equal(memplan_fate(&file, PAGES_PRESENT | PAGES_FILE), MEM_AS_FILE);
	assert_int_equal(memplan_fate(&file, PAGES_PRESENT), MEM_DUMPED);
	assert_int_equal(memplan_fate(&shared, PAGES_PRESENT | PAGES_FILE), MEM_AS_FILE);
	assert_int_equal(memplan_fate(&gone, PAGES_PRESENT | PAGES_FILE), MEM_DUMPED);
	assert_int_equal(memplan_fate(&gone, 0), MEM_NOT_PRESENT);
}

/* More runs than fit one look at the tables. */
static void checkered(struct zoo *z)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 9000;
	char *p = mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	zoo_all(z);
	madvise(p, n * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < n; i += 2)
		p[i * page] = 1;
}

/* The ioctl and the table must tell the same of each page; the table does not know zero pages. */
static void two_ways_agree(void **state)
{
	own_pagemap struct pagemap scan = PAGEMAP_INIT, table = PAGEMAP_INIT;
	own_memmaps struct memmaps maps = {.fd = -1};
	own_memdevs struct memdevs devs;
	struct memmap m;
	struct zoo zoo;
	char name[32];
	unsigned agreed = 0;

	(void)state;
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	zoo_open(&zoo, checkered, NULL);
	memdevs_init(&devs);
	snprintf(name, sizeof(name), "/proc/%d", (int)zoo.pid);
	own_fd int pid = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(pagemap_open(&scan, pid, PAGEMAP_BEST, NULL), 0);
	assert_int_equal(pagemap_open(&table, pid, PAGEMAP_BY_TABLE, NULL), 0);
	assert_false(table.scan);
	maps.devs = &devs;
	assert_int_equal(memmaps_open(&maps, pid, NULL), 0);
	while (scan.scan && memmaps_next(&maps, &m, NULL) == 1) {
		struct pages a = {0}, b = {0};

		if (m.end - m.start > 1 << 30)
			m.end = m.start + (1 << 30);
		pagemap_begin(&scan, m.start, m.end);
		pagemap_begin(&table, m.start, m.end);
		if (m.refused)
			continue; /* the ioctl passes over a device's */
		for (uint64_t at = m.start; at < m.end;) {
			int x = pagemap_next(&scan, at, m.end, &a, NULL);
			int y = pagemap_next(&table, at, m.end, &b, NULL);

			assert_true(x >= 0 && y >= 0);
			if (!x && !y)
				break;
			if (x != y || a.start != b.start || (a.is & ~(unsigned)PAGES_ZERO) != b.is)
				fail_msg("%lx %s: %d %lx %x, %d %lx %x", at, m.name, x, a.start,
					a.is, y, b.start, b.is);
			at = a.end < b.end ? a.end : b.end;
			agreed++;
		}
	}
	if (scan.scan)
		assert_true(agreed > 4500);
	zoo_close(&zoo);
}

/* 1 TiB by the table: a share of it is looked at, and the rest is said to be unknown. */
static void tables_have_limits(void **state)
{
	own_pagemap struct pagemap table = PAGEMAP_INIT;
	struct pages p;
	struct zoo zoo;
	char name[32];
	uint64_t at, end;
	unsigned is = 0;

	(void)state;
	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	zoo_open(&zoo, zoo_all, NULL);
	snprintf(name, sizeof(name), "/proc/%d", (int)zoo.pid);
	own_fd int pid = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(pagemap_open(&table, pid, PAGEMAP_BY_TABLE, NULL), 0);
	table.entries = 4 << 20;
	at = zoo.at[ZOO_SPARSE];
	end = at + zoo.len[ZOO_SPARSE];
	pagemap_begin(&table, at, end);
	for (; pagemap_next(&table, at, end, &p, NULL) == 1; at = p.end)
		is = p.is;
	assert_int_equal(at, end);
	assert_int_equal(is, PAGES_UNKNOWN);
	assert_int_equal(p.start, zoo.at[ZOO_SPARSE] + (2ULL << 20) * table.page);
	zoo_close(&zoo);
}

/* We ourselves, on a kernel without the ioctl. */
struct self {
	struct pagemap table;
	struct proc_one p;
	struct copy_limits limits;
	struct copy *copy;
};

static void self_open(struct self *s)
{
	*s = (struct self){.table = PAGEMAP_INIT, .copy = calloc(1, sizeof(*s->copy))};
	s->p = (struct proc_one){.pid = getpid(), .live = getpid()};
	s->p.fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(procfs_read_stat(s->p.fd, &s->p.stat, NULL), 0);
	assert_int_equal(pagemap_open(&s->table, s->p.fd, PAGEMAP_BY_TABLE, NULL), 0);
	s->limits.max_process = s->limits.max_total = UINT64_MAX;
	s->limits.until = UINT64_MAX;
	s->copy->limits = &s->limits;
	copy_begin(s->copy, s->p.live, s->p.fd);
}

static void self_close(struct self *s)
{
	copy_done(s->copy);
	free(s->copy);
	pagemap_done(&s->table);
	(void)close(s->p.fd);
}

static void arguments_by_the_table(void **state)
{
	struct mem_proc head = {0};
	struct self s;

	(void)state;
	if (unit_emulated())
		unit_skip("the emulator's own memory");
	self_open(&s);
	psinfo_args(&s.p, &s.table, s.copy, &head);
	assert_string_not_equal(head.args, "");
	self_close(&s);
}

/* Pages of ours that are called as secret memory is. */
struct hidden {
	struct self self;
	struct memtable table;
	struct runs runs;
	struct memplan plan;
	struct memmap map;
	char *p;
	int fd;
};

enum { HIDDEN_PAGES = 4 };

static void hidden_open(struct hidden *h)
{
	const size_t n = HIDDEN_PAGES * (size_t)getpagesize();

	*h = (struct hidden){.table = MEMTABLE_INIT, .fd = memfd_create("table", MFD_CLOEXEC)};
	h->p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	h->map = (struct memmap){.start = (uintptr_t)h->p,
		.end = (uintptr_t)h->p + n,
		.flags = MEM_R | MEM_W,
		.kind = MEM_DELETED,
		.nameless = true,
		.hidden = true};
	self_open(&h->self);
	assert_int_equal(memtable_open(&h->table, h->fd, NULL), 0);
	h->runs = (struct runs){.table = &h->table, .left = RUNS_MAX};
	h->self.copy->runs = &h->runs;
	h->self.limits.live = true;
	h->plan = (struct memplan){&h->self.table, h->self.copy, NULL, -1, UINT32_MAX};
}

static void hidden_close(struct hidden *h)
{
	assert_int_equal(munmap(h->p, HIDDEN_PAGES * (size_t)getpagesize()), 0);
	memtable_done(&h->table);
	self_close(&h->self);
	close(h->fd);
}

/* A file of somebody's may be called as secret memory is: its server would be asked. */
static void what_is_not_there_is_not_tried(void **state)
{
	unsigned char there = 0;
	struct hidden h;

	(void)state;
	if (unit_emulated())
		unit_skip("the emulator's own memory");
	hidden_open(&h);
	h.self.table.share = 0; /* the mapping before it has used up its own */
	assert_int_equal(memplan_map(&h.plan, &h.map, NULL), 0);
	assert_int_equal(h.runs.last.fate, MEM_NOT_PRESENT);
	assert_int_equal(mincore(h.p, 1, &there), 0);
	assert_int_equal(there & 1, 0);
	hidden_close(&h);
}

/* What can be read is not secret, though nothing is behind its first page. */
static void a_guard_makes_no_secret(void **state)
{
	const size_t page = (size_t)getpagesize();
	struct hidden h;
	bool guarded;

	(void)state;
	if (unit_emulated())
		unit_skip("the emulator's own memory");
	hidden_open(&h);
	memset(h.p, 1, HIDDEN_PAGES * page);
	guarded = madvise(h.p, page, GUARD_INSTALL) == 0;
	assert_int_equal(memplan_map(&h.plan, &h.map, NULL), 0);
	assert_int_equal(h.runs.last.fate, MEM_DUMPED);
	assert_int_equal(h.runs.last.end - h.runs.last.start, (HIDDEN_PAGES - guarded) * page);
	hidden_close(&h);
	if (!guarded)
		unit_skip("this kernel has no guard pages");
}

/* A line that cannot be read is counted, one that comes again is not. */
static void lines_that_are_none(void **state)
{
	static const char text[] = "1000-2000 rw-p 00000000 00:00 0 \n"
				   "1000-2000 rw-p 00000000 00:00 0 \n"
				   "nonsense\n"
				   "3000-4000 r--p 00000000 00:00 0 \n";
	char dir[] = "/tmp/maps.XXXXXX", name[40];
	own_free struct memmaps *m = calloc(1, sizeof(*m));
	struct memdevs devs;
	struct memmap map;
	FILE *f;
	own_fd int fd = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/maps", dir);
	f = fopen(name, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	memdevs_init(&devs);
	m->devs = &devs;
	assert_int_equal(memmaps_open(m, fd, NULL), 0);
	assert_int_equal(memmaps_next(m, &map, NULL), 1);
	assert_int_equal(memmaps_next(m, &map, NULL), 1);
	assert_int_equal(map.start, 0x3000);
	assert_int_equal(memmaps_next(m, &map, NULL), 0);
	assert_int_equal(m->damaged, 1);
	memmaps_done(m);
	memdevs_done(&devs);
	assert_int_equal(unlink(name) | rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_maps),
		cmocka_unit_test(names_do_not_make_memory),
		cmocka_unit_test(mounted_nowhere),
		cmocka_unit_test(mounted_in_memory),
		cmocka_unit_test(flags_by_address),
		cmocka_unit_test(flags_of_what_is_mapped),
		cmocka_unit_test(fates),
		cmocka_unit_test(two_ways_agree),
		cmocka_unit_test(tables_have_limits),
		cmocka_unit_test(arguments_by_the_table),
		cmocka_unit_test(what_is_not_there_is_not_tried),
		cmocka_unit_test(a_guard_makes_no_secret),
		cmocka_unit_test(lines_that_are_none),
	};

	return cmocka_run_group_tests_name("memmaps", tests, NULL, NULL);
}
