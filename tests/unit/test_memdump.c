/* SPDX-License-Identifier: Apache-2.0 */
/* The memory dumper over tables made by hand; this test is the process that is read live. */
#include "unit.h"

#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "membench.h"
#include "memcore.h"
#include "memkit.h"
#include "memlive.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, ALL = 16 * PAGE };

static void add_plain(struct memkit *k, int pid)
{
	struct mem_proc p = memkit_proc(pid);
	struct mem_note note = {.head.type = MEM_NOTE,
		.kind = GAP_UNREADABLE,
		.error = EPERM,
		.where = "registers"};
	struct mem_map text = {.start = 0x10000,
		.end = 0x14000,
		.ino = 9,
		.kind = MEM_PRIVATE,
		.flags = MEM_R | MEM_X};
	const char elf[] = {'\x7f', 'E', 'L', 'F', 2, 1, 1};
	char page[2 * PAGE] = "page";

	p.frozen = 1;
	p.stopped_ns = 5000000;
	p.resumed_ns = 7500000;
	memkit_add(k, &p, sizeof(p), NULL, 0);
	memkit_thread(k, pid, 0);
	memkit_add(k, &note, sizeof(note), "traced by another", 18);
	memkit_map_as(k, &text, "/bin/\xff victim");
	memkit_bytes(k, 0x10000, page, PAGE);
	memkit_run(k, 0x11000, 0x12000, MEM_AS_FILE, 0);
	memkit_bytes(k, 0x12000, page, PAGE);
	memkit_run(k, 0x13000, 0x14000, MEM_FAILED, EFAULT);
	text = (struct mem_map){.start = 0x20000, .end = 0x28000, .flags = MEM_R | MEM_X};
	memkit_map_as(k, &text, "");
	memcpy(page + PAGE, elf, sizeof(elf));
	memkit_bytes(k, 0x20000, page, sizeof(page));
	memcpy(page, "MZ", 3);
	memkit_bytes(k, 0x22000, page, PAGE);
	memkit_run(k, 0x23000, 0x24000, MEM_SECRET, 0);
	memkit_run(k, 0x24000, 0x26000, MEM_ZERO, 0);
	memkit_run(k, 0x26000, 0x27000, MEM_LEFT_OUT, 0);
	memkit_run(k, 0x27000, 0x28000, MEM_NOT_PRESENT, 0);
	memkit_map(k, 0x30000, 0x31000, MEM_SPECIAL, "[vvar]");
	memkit_run(k, 0x30000, 0x31000, MEM_PROTECTED, 0);
	text = (struct mem_map){
		.start = 0x31000, .end = 0x32000, .kind = MEM_SPECIAL, .flags = MEM_X};
	memkit_map_as(k, &text, "[vsyscall]");
	memkit_run(k, 0x31000, 0x32000, MEM_PROTECTED, 0);
	memkit_map(k, 0x32000, 0x34000, MEM_SPECIAL, "socket:[41]");
	memkit_run(k, 0x32000, 0x34000, MEM_FAILED, EFAULT);
	memkit_end(k);
}

static void what_is_staged_and_what_is_not(void **state)
{
	struct membench *b = *state;
	own_free char *core = NULL, *findings = NULL;
	json_t *doc, *map, *totals;

	add_plain(&b->kit, 41);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	core = membench_member(b, "memory/41.core", NULL);
	assert_string_equal(membench_core_at(core, 0x12000), "page");
	assert_null(membench_core_at(core, 0x11000));
	assert_null(membench_core_at(core, 0x23000));
	doc = membench_document(b, "memory/41.json");
	assert_int_equal(membench_number(doc, "stopped_for_us"), 2500);
	assert_string_equal(membench_word(doc, "core"), "memory/41.core");
	map = json_array_get(json_object_get(doc, "mappings"), 0);
	assert_string_equal(membench_word(map, "perms"), "r-xp");
	assert_string_equal(membench_word(map, "name_b64"), "L2Jpbi//IHZpY3RpbQ==");
	membench_check_run(doc, 0, 0, "0x10000 0x11000 dumped");
	membench_check_run(doc, 0, 1, "0x11000 0x12000 as_file");
	membench_check_run(doc, 0, 3, "0x13000 0x14000 failed");
	membench_check_run(doc, 1, 0, "0x20000 0x23000 dumped");
	membench_check_run(doc, 1, 1, "0x23000 0x24000 secret_memory");
	membench_check_run(doc, 2, 0, "0x30000 0x31000 protected");
	assert_string_equal(membench_gap_of_run(doc, 0, 3), "unreadable");
	assert_string_equal(membench_gap_of_run(doc, 2, 0), "special_file");
	assert_string_equal(membench_gap_of_run(doc, 3, 0), "special_file");
	assert_string_equal(membench_gap_of_run(doc, 4, 0), "special_file");
	totals = json_object_get(doc, "totals");
	assert_int_equal(membench_number(totals, "dumped"), 5 * PAGE);
	assert_int_equal(membench_number(totals, "zero"), 2 * PAGE);
	assert_int_equal(membench_number(totals, "unlisted"), 0);
	totals = json_object_get(doc, "finding_counts");
	assert_int_equal(membench_number(totals, "executable_anonymous"), 1);
	assert_int_equal(membench_number(totals, "elf_in_anonymous"), 1);
	assert_int_equal(membench_number(totals, "pe_in_anonymous"), 0);
	assert_int_equal(membench_number(totals, "text_differs_from_file"), 1);
	json_decref(doc);
	assert_true(membench_gap_says(b,
		"secret_memory member=memory/41.core where=process 41: 4096 bytes "
		"in 1 places, the first at 23000-24000"));
	assert_true(membench_gap_says(
		b, "unreadable member=memory/41.core where=process 41: 4096 bytes"));
	assert_true(membench_gap_says(b, "by_profile member="));
	assert_true(membench_gap_says(b, "process 41: registers errno=1 why=traced by another"));
	assert_true(membench_gap_says(
		b, "not_present member=memory/41.core where=process 41: 4096 bytes"));
	assert_true(membench_gap_says(
		b, "special_file member=memory/41.core where=process 41: 8192 bytes"));
	assert_int_equal(b->out.gaps, 7); /* what the kernel keeps of [vvar] is none */
	findings = membench_member(b, "findings.txt", NULL);
	assert_non_null(strstr(findings, "process 41 (victim): an ELF file in memory without a "
					 "file: 1, the first at 21000"));
}

static void without_content_there_is_only_the_list(void **state)
{
	struct membench *b = *state;
	json_t *doc;

	b->options[3].b = true;
	add_plain(&b->kit, 41);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	assert_null(membench_member(b, "memory/41.core", NULL));
	doc = membench_document(b, "memory/41.json");
	assert_true(json_is_null(json_object_get(doc, "core")));
	assert_string_equal(membench_word(doc, "no_core"), "maps_only");
	assert_false(membench_gap_says(b, "not_present"));
	json_decref(doc);
}

/* What is small comes all the same. */
static void without_time_there_is_no_content(void **state)
{
	struct membench *b = *state;
	json_t *doc;

	b->dump.until_ns = 1;
	add_plain(&b->kit, 41);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	doc = membench_document(b, "memory/41.json");
	membench_check_run(doc, 0, 0, "0x10000 0x11000 over_budget");
	membench_check_run(doc, 1, 0, "0x20000 0x23000 over_budget");
	assert_int_equal(json_array_size(json_object_get(doc, "threads")), 1);
	json_decref(doc);
	assert_true(membench_gap_says(b, "over_budget member="));
}

/* It ends in the middle of a core: zeros from there on, and one word for all of them. */
static void time_ends_in_a_core(void **state)
{
	struct membench *b = *state;
	own_memcore struct memcore core = {.live = MEMLIVE_INIT};
	own_memscan struct memscan scan = MEMSCAN_INIT;
	own_free char *bytes = NULL;
	struct memlog log = {0};
	struct elfcore plan;
	const struct memlog_entry *fate;
	unsigned at = 0;

	add_plain(&b->kit, 41);
	assert_int_equal(memscan_open(&scan, b->kit.fd, NULL), 0);
	assert_int_equal(memlog_open(&log, b->dump.spool_fd, false, NULL), 0);
	assert_int_equal(memcore_init(&core, &b->dump, &b->out.sink, &scan, &log), 0);
	assert_int_equal(memlog_proc(&log, 0, UINT64_MAX, NULL), 0);
	assert_int_equal(elfcore_plan(&plan, &scan, 0, UINT64_MAX, NULL), 0);
	b->dump.until_ns = 1;
	assert_int_equal(memcore_send(&core, "memory/41.core", &plan, 0, NULL), 0);
	bytes = membench_member(b, "memory/41.core", NULL);
	assert_string_equal(membench_core_at(bytes, 0x10000), "");
	fate = memlog_next(&log, 0, MEMLOG_FATE, &at);
	assert_int_equal(fate->what, MEM_OVER_BUDGET);
	assert_int_equal(fate->start, 0x10000);
	assert_null(memlog_next(&log, 0, MEMLOG_FATE, &at));
	memlog_done(&log);
}

static void the_bundles_limit_cuts_a_core(void **state)
{
	struct membench *b = *state;
	own_free char *core = NULL;
	json_t *doc;

	b->dump.max_bytes = 3 * PAGE;
	add_plain(&b->kit, 41);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	core = membench_member(b, "memory/41.core", NULL);
	assert_non_null(membench_core_at(core, 0x10000));
	assert_null(membench_core_at(core, 0x20000));
	doc = membench_document(b, "memory/41.json");
	membench_check_run(doc, 1, 0, "0x20000 0x22000 over_budget");
	json_decref(doc);
	assert_true(membench_gap_says(b, "over_budget member=memory/41.core"));
}

/* What is small is there, and of what is large the part that fits. */
static void what_fits_is_taken(void **state)
{
	enum { HEAP = 4 << 20, ROOM = 2 << 20, STACK = 8 * PAGE };
	const uint64_t heap = 0x10000000, stack = 0x70000000;
	struct membench *b = *state;
	own_free char *core = NULL, *bytes = malloc(HEAP);
	struct mem_proc p = memkit_proc(41);
	char end[64];
	json_t *doc;

	memset(bytes, 'h', HEAP);
	memkit_add(&b->kit, &p, sizeof(p), NULL, 0);
	memkit_thread(&b->kit, 41, 0);
	memkit_map(&b->kit, heap, heap + HEAP, MEM_ANON, "[heap]");
	memkit_bytes(&b->kit, heap, bytes, HEAP);
	memset(bytes, 's', STACK);
	memkit_map(&b->kit, stack, stack + STACK, MEM_ANON, "[stack]");
	memkit_bytes(&b->kit, stack, bytes, STACK);
	memkit_end(&b->kit);
	b->dump.max_bytes = ROOM;
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	core = membench_member(b, "memory/41.core", NULL);
	assert_int_equal(*membench_core_at(core, stack + STACK - 1), 's');
	assert_int_equal(*membench_core_at(core, heap + ROOM - (128 << 10)), 'h');
	assert_null(membench_core_at(core, heap + ROOM));
	doc = membench_document(b, "memory/41.json");
	assert_in_range(
		membench_number(json_object_get(doc, "totals"), "dumped"), ROOM - (80 << 10), ROOM);
	assert_true(membench_number(doc, "core_bytes") <= ROOM);
	membench_check_run(doc, 1, 0, "0x70000000 0x70008000 dumped");
	snprintf(end, sizeof(end), "0x%lx 0x10400000 over_budget",
		heap + (uint64_t)membench_number(json_object_get(doc, "totals"), "dumped") - STACK);
	membench_check_run(doc, 0, 1, end);
	json_decref(doc);
	assert_true(membench_gap_says(b, "over_budget member=memory/41.core"));
}

static void damage_costs_one_process(void **state)
{
	struct membench *b = *state;
	struct mem_proc p = memkit_proc(42);

	add_plain(&b->kit, 41);
	memkit_add(&b->kit, &p, sizeof(p), NULL, 0);
	memkit_run(&b->kit, 0x1000, 0x2000, MEM_ZERO, 0); /* of no mapping */
	memkit_end(&b->kit);
	add_plain(&b->kit, 41); /* its number again */
	add_plain(&b->kit, 43);
	/* and one that was not finished */
	memkit_add(&b->kit, &p, sizeof(p), NULL, 0);
	assert_int_equal(io_pwrite(b->kit.fd, &p, sizeof(p), (off_t)b->kit.table.end), 0);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	json_decref(membench_document(b, "memory/43.json"));
	assert_true(membench_gap_says(b, "refused member= where=memory of process 42"));
	assert_true(membench_gap_says(b, "refused member= where=memory of process 41"));
	assert_true(membench_gap_says(b, "stalled member= where=processes that were not listed"));
}

/* Its registers are its own, its memory is in the core of another. */
static void who_shares_is_referred(void **state)
{
	struct membench *b = *state;
	struct mem_proc p = memkit_proc(42);
	json_t *doc, *memory;

	add_plain(&b->kit, 41);
	p.memory_of = 41;
	memkit_add(&b->kit, &p, sizeof(p), NULL, 0);
	memkit_thread(&b->kit, 42, 0);
	memkit_regs(&b->kit, NT_PRSTATUS, 27 * 8, 'x');
	memkit_end(&b->kit);
	p.pid = 43;
	memkit_add(&b->kit, &p, sizeof(p), NULL, 0);
	memkit_end(&b->kit);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	doc = membench_document(b, "memory/42.json");
	memory = json_object_get(doc, "memory");
	assert_string_equal(membench_word(memory, "fate"), "elsewhere");
	assert_int_equal(membench_number(memory, "pid"), 41);
	assert_string_equal(membench_word(doc, "core"), "memory/42.core");
	json_decref(doc);
	doc = membench_document(b, "memory/43.json");
	assert_string_equal(membench_word(doc, "no_core"), "no registers were captured");
	json_decref(doc);
	doc = membench_document(b, "memory/41.json");
	assert_null(json_object_get(doc, "memory"));
	json_decref(doc);
	assert_false(membench_gap_says(b, "process 42"));
}

/* It had ended before anything was taken: nothing is missing. */
static void a_remark_is_no_gap(void **state)
{
	struct mem_note note = {.head.type = MEM_NOTE, .kind = MEM_REMARK, .where = "process"};
	struct mem_proc p = memkit_proc(42);
	struct membench *b = *state;
	json_t *doc;

	memkit_add(&b->kit, &p, sizeof(p), NULL, 0);
	memkit_add(&b->kit, &note, sizeof(note), "it had ended", 13);
	memkit_end(&b->kit);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	doc = membench_document(b, "memory/42.json");
	assert_string_equal(
		membench_word(json_array_get(json_object_get(doc, "notes"), 0), "kind"), "remark");
	json_decref(doc);
	assert_false(membench_gap_says(b, "process 42"));
}

/* ---- live */

static char *pages; /* ALL bytes of this test's own */

static void add_head(struct memkit *k)
{
	struct mem_proc p = memkit_proc((int)getpid());
	own_fd int self = open("/proc/self", O_PATH | O_CLOEXEC);
	struct procfs_stat st;

	assert_int_equal(procfs_read_stat(self, &st, NULL), 0);
	p.start_ticks = st.start_ticks;
	memkit_add(k, &p, sizeof(p), NULL, 0);
}

static void add_self(struct memkit *k, const char *auxv)
{
	own_fd int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
	uint64_t at = (uintptr_t)pages;
	char bytes[4096];
	ssize_t n = io_read(fd, bytes, sizeof(bytes));

	add_head(k);
	memkit_thread(k, (int)getpid(), 0);
	if (auxv)
		memkit_auxv(k, auxv, strlen(auxv));
	else
		memkit_auxv(k, bytes, (size_t)n);
	memkit_map(k, at, at + ALL, MEM_ANON, "");
	memkit_bytes(k, at, pages, PAGE); /* as it was when the target stood still */
	memkit_live(k, at + PAGE, at + ALL);
	memkit_end(k);
}

static void map_pages(void)
{
	pages = mmap(NULL, ALL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(pages, MAP_FAILED);
	for (unsigned i = 0; i < ALL / PAGE; i++)
		if (i != 5 && i != 6) /* never touched */
			snprintf(pages + i * PAGE, PAGE, "page %u", i);
	assert_int_equal(mprotect(pages + 9 * PAGE, 2 * PAGE, PROT_NONE), 0);
}

static void pages_that_are_read_now(void **state)
{
	struct membench *b = *state;
	uint64_t at;
	own_free char *core = NULL;
	char name[64], want[128];
	json_t *doc, *totals;

	if (unit_emulated())
		unit_skip("the emulator's own memory");
	map_pages();
	at = (uintptr_t)pages;
	add_self(&b->kit, NULL);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	snprintf(name, sizeof(name), "memory/%d.core", (int)getpid());
	core = membench_member(b, name, NULL);
	assert_string_equal(membench_core_at(core, at), "page 0");
	assert_string_equal(membench_core_at(core, at + 4 * PAGE), "page 4");
	assert_string_equal(membench_core_at(core, at + 5 * PAGE), "");
	assert_string_equal(membench_core_at(core, at + 7 * PAGE), "page 7");
	assert_string_equal(membench_core_at(core, at + 10 * PAGE), "page 10");
	assert_string_equal(membench_core_at(core, at + 15 * PAGE), "page 15");
	snprintf(name, sizeof(name), "memory/%d.json", (int)getpid());
	doc = membench_document(b, name);
	snprintf(want, sizeof(want), "%#jx %#jx not_present", (uintmax_t)(at + 5 * PAGE),
		(uintmax_t)(at + 7 * PAGE));
	membench_check_run(doc, 0, 2, want);
	totals = json_object_get(doc, "totals");
	assert_int_equal(membench_number(totals, "dumped"), 14 * PAGE);
	assert_int_equal(membench_number(totals, "of_dumped_live"), 13 * PAGE);
	json_decref(doc);
	assert_true(membench_gap_says(b, "not_present member=memory/"));
	/* reading has brought none of them in */
	core = realloc(core, ALL / PAGE);
	assert_int_equal(mincore(pages, ALL, (void *)core), 0);
	assert_int_equal(core[5] & 1, 0);
	assert_int_equal(munmap(pages, ALL), 0);
}

/* A process that is gone, and left us what we shared. */
static struct mem_proc ended(void)
{
	struct mem_proc p;
	struct procfs_stat st;
	char name[32];
	pid_t child = fork();
	own_fd int fd = -1;

	if (!child)
		for (;;)
			(void)pause();
	snprintf(name, sizeof(name), "/proc/%d", (int)child);
	fd = open(name, O_PATH | O_CLOEXEC);
	assert_int_equal(procfs_read_stat(fd, &st, NULL), 0);
	p = memkit_proc((int)child);
	p.start_ticks = st.start_ticks;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	return p;
}

/* Shared memory that did not fit the staging area: the one it is to be read from has ended. */
static void shared_memory_is_read_from_who_is_left(void **state)
{
	struct mem_map map = {.kind = MEM_SHMEM, .flags = MEM_R | MEM_W | MEM_MAY_SHARE};
	struct mem_run run = {.head.type = MEM_RUN, .fate = MEM_ELSEWHERE};
	struct membench *b = *state;
	own_free char *core = NULL;
	struct mem_proc gone;
	char *shared, name[64];
	struct stat st;

	if (unit_emulated() || geteuid() != 0)
		unit_skip("needs root, and the emulator has its own memory");
	shared = mmap(NULL, ALL, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	snprintf(shared, PAGE, "still here");
	snprintf(shared + ALL - PAGE, PAGE, "and here");
	map.start = (uintptr_t)shared;
	map.end = map.start + ALL;
	snprintf(name, sizeof(name), "/proc/self/map_files/%jx-%jx", (uintmax_t)map.start,
		(uintmax_t)map.end);
	assert_int_equal(stat(name, &st), 0);
	map.ino = st.st_ino;
	map.dev_major = major(st.st_dev);
	map.dev_minor = minor(st.st_dev);
	gone = ended();
	memkit_add(&b->kit, &gone, sizeof(gone), NULL, 0);
	memkit_map_as(&b->kit, &map, "/dev/zero (deleted)");
	memkit_live(&b->kit, map.start, map.end);
	memkit_end(&b->kit);
	add_head(&b->kit);
	memkit_map_as(&b->kit, &map, "/dev/zero (deleted)");
	run.start = map.start;
	run.end = map.end;
	run.offset = (uint64_t)gone.pid;
	memkit_add(&b->kit, &run, sizeof(run), NULL, 0);
	memkit_end(&b->kit);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	snprintf(name, sizeof(name), "memory/%d.core", gone.pid);
	core = membench_member(b, name, NULL);
	assert_string_equal(membench_core_at(core, map.start), "still here");
	assert_string_equal(membench_core_at(core, map.end - PAGE), "and here");
	snprintf(name, sizeof(name), "memory/%d.core", gone.pid);
	assert_false(membench_gap_says(b, name));
	assert_int_equal(munmap(shared, ALL), 0);
}

/* In a PID namespace where somebody else has our number, and other bytes at the same address: 0,
 * 1: his were read, 2: there is no such namespace. */
static int reads_by_our_number(int proc_fd, const struct mem_proc *p)
{
	int pid = p->pid;
	struct clone_args same = {.set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	struct memlive l = MEMLIVE_INIT;
	char got[PAGE] = "";
	struct memlive_bad bad;
	pid_t other = (pid_t)syscall(SYS_clone3, &same, sizeof(same));

	if (other < 0)
		return 2;
	if (!other) {
		snprintf(pages, PAGE, "somebody else's");
		for (;;)
			(void)pause();
	}
	(void)usleep(50000);
	if (memlive_open(&l, proc_fd, p, NULL, 0, NULL) < 0 ||
		memlive_read(&l, (uintptr_t)pages, got, PAGE, &bad) != PAGE)
		return 3;
	memlive_close(&l);
	return strcmp(got, "page 0") != 0;
}

static void numbers_of_another_namespace(void **state)
{
	own_fd int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int self = open("/proc/self", O_PATH | O_CLOEXEC);
	struct mem_proc p = memkit_proc((int)getpid());
	struct procfs_stat st;
	int status = 0;
	pid_t child;

	(void)state;
	if (unit_emulated() || geteuid() != 0)
		unit_skip("needs root");
	assert_int_equal(procfs_read_stat(self, &st, NULL), 0);
	p.start_ticks = st.start_ticks;
	map_pages();
	child = fork();
	if (!child) {
		pid_t first = unshare(CLONE_NEWPID) < 0 ? -1 : fork();

		if (!first)
			_exit(reads_by_our_number(proc_fd, &p));
		_exit(first < 0 || waitpid(first, &status, 0) < 0 ? 2 : WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(munmap(pages, ALL), 0);
	if (WEXITSTATUS(status) == 2)
		unit_skip("no PID namespace in which numbers are chosen");
	assert_int_equal(status, 0);
}

static void another_program_is_not_read(void **state)
{
	struct membench *b = *state;
	char name[64];
	own_free char *core = NULL;

	if (unit_emulated())
		unit_skip("the emulator's own memory");
	map_pages();
	add_self(&b->kit, "16 bytes of auxv");
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	snprintf(name, sizeof(name), "memory/%d.core", (int)getpid());
	core = membench_member(b, name, NULL);
	assert_string_equal(membench_core_at(core, (uintptr_t)pages), "page 0");
	assert_string_equal(membench_core_at(core, (uintptr_t)pages + PAGE), "");
	assert_true(membench_gap_says(b, "vanished member=memory/"));
	assert_int_equal(munmap(pages, ALL), 0);
}

static void mapped_files_have_digests(void **state)
{
	struct membench *b = *state;
	struct mem_map m = {.kind = MEM_PRIVATE, .flags = MEM_R};
	uint8_t sum[HASH_LEN];
	char path[128], hex[HASH_HEX], *at;
	json_t *doc, *row;
	struct stat st;
	int fd;

	if (unit_emulated())
		unit_skip("the emulator's own memory");
	snprintf(path, sizeof(path), "%s/mapped", b->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "content", 7), 7);
	assert_int_equal(fstat(fd, &st), 0);
	at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	m.start = (uintptr_t)at;
	m.end = m.start + PAGE;
	m.ino = st.st_ino;
	add_head(&b->kit);
	memkit_map_as(&b->kit, &m, path);
	memkit_run(&b->kit, m.start, m.end, MEM_AS_FILE, 0);
	m.start += 0x10000000;
	m.end += 0x10000000;
	m.ino++;
	memkit_map_as(&b->kit, &m, "/not/there");
	memkit_run(&b->kit, m.start, m.end, MEM_AS_FILE, 0);
	memkit_end(&b->kit);
	membench_collect(b);
	assert_int_equal(b->rc, 0);
	doc = membench_document(b, "memory/files.json");
	row = json_array_get(json_object_get(doc, "files"), 0);
	hash_of("content", 7, sum);
	hash_hex(sum, hex);
	assert_string_equal(membench_word(row, "name"), path);
	assert_string_equal(membench_word(row, "sha256"), hex);
	assert_int_equal(membench_number(row, "size"), 7);
	assert_int_equal(membench_number(row, "with_pages_left_out"), 1);
	row = json_array_get(json_object_get(doc, "files"), 1);
	assert_string_equal(membench_word(row, "sha256"), "");
	assert_true(*membench_word(row, "not_read"));
	json_decref(doc);
	assert_true(
		membench_gap_says(b, "vanished member=memory/files.json where=digests of 1 files"));
	(void)close(fd);
	assert_int_equal(munmap(at, PAGE), 0);
}

/* ---- a worker that got stuck, and the one after it */

static struct {
	uint64_t stop, done; /* bytes of the core until nothing goes on; bytes it has */
	const struct sink_ops *real;
} choke;

static void *choked_room(void *ctx, size_t *ret_room, struct err *e)
{
	char *to = choke.real->room(ctx, ret_room, e);

	if (choke.done >= choke.stop)
		return NULL;
	if (*ret_room > 5000) /* blocks end within pages */
		*ret_room = 5000;
	if (*ret_room > choke.stop - choke.done)
		*ret_room = (size_t)(choke.stop - choke.done);
	return to;
}

static int choked_commit(void *ctx, size_t n, struct err *e)
{
	choke.done += n;
	return choke.real->commit(ctx, n, e);
}

static void begin_choking(struct membench *b, struct sink_ops *ops, uint64_t stop)
{
	*ops = *b->out.sink.ops;
	choke.real = b->out.sink.ops;
	choke.done = 0;
	choke.stop = stop;
	ops->room = choked_room;
	ops->commit = choked_commit;
	b->out.sink.ops = ops;
}

/* The next one goes on with the core of this process. */
static void follow(struct membench *b, uint64_t stop)
{
	assert_int_equal(b->rc, -EPIPE);
	b->dump.resume = (struct dumper_resume){
		.again = true, .item = b->out.item, .member_done = choke.done};
	snprintf(b->dump.resume.member, sizeof(b->dump.resume.member), "memory/%d.core",
		(int)getpid());
	choke.stop = stop;
	b->out.sink.spool_end = SINK_NOTES;
	membench_collect(b);
}

/* Two of its runs kept a worker each: it is left alone then. */
static void who_holds_his_lock_is_left_alone(void **state)
{
	struct membench *b = *state;
	own_free char *core = NULL;
	struct sink_ops ops;
	char name[64], want[128];
	uint64_t at;
	json_t *doc;

	if (unit_emulated())
		unit_skip("the emulator's own memory");
	map_pages();
	at = (uintptr_t)pages;
	add_head(&b->kit);
	memkit_map(&b->kit, at, at + ALL, MEM_ANON, "");
	memkit_bytes(&b->kit, at, pages, PAGE);
	memkit_live(&b->kit, at + PAGE, at + 3 * PAGE);
	memkit_live(&b->kit, at + 3 * PAGE, at + 5 * PAGE);
	memkit_live(&b->kit, at + 11 * PAGE, at + ALL);
	memkit_end(&b->kit);
	begin_choking(b, &ops, PAGE + 2 * PAGE + 100);
	membench_collect(b);
	follow(b, PAGE + 4 * PAGE + 100);
	follow(b, UINT64_MAX);
	assert_int_equal(b->rc, 0);
	snprintf(name, sizeof(name), "memory/%d.core", (int)getpid());
	core = membench_member(b, name, NULL);
	assert_string_equal(membench_core_at(core, at + PAGE), "page 1");
	assert_string_equal(membench_core_at(core, at + 3 * PAGE), "page 3");
	assert_int_equal(membench_core_at(core, at + 11 * PAGE)[0], 0);
	snprintf(name, sizeof(name), "memory/%d.json", (int)getpid());
	doc = membench_document(b, name);
	snprintf(want, sizeof(want), "%#jx %#jx failed", (uintmax_t)(at + 11 * PAGE),
		(uintmax_t)(at + ALL));
	membench_check_run(doc, 0, 5, want);
	json_decref(doc);
	assert_true(membench_gap_says(b, "stalled member=memory/"));
	assert_int_equal(munmap(pages, ALL), 0);
}

static void whoever_gets_stuck_is_followed(void **state)
{
	struct membench *b = *state;
	struct sink_ops ops;
	own_free char *core = NULL;
	char name[64], want[128];
	uint64_t at;
	json_t *doc;

	if (unit_emulated())
		unit_skip("the emulator's own memory");
	map_pages();
	at = (uintptr_t)pages;
	begin_choking(b, &ops, PAGE + 3 * PAGE + 100); /* within the third page of the run */
	add_self(&b->kit, NULL);
	membench_collect(b);
	assert_int_equal(b->rc, -EPIPE);
	assert_true(b->out.left > 0);

	follow(b, UINT64_MAX);
	snprintf(name, sizeof(name), "memory/%d.core", (int)getpid());
	assert_int_equal(b->rc, 0);
	core = membench_member(b, name, NULL);
	assert_string_equal(membench_core_at(core, at + PAGE), "page 1");
	assert_int_equal(membench_core_at(core, at + 4 * PAGE)[0], 0);
	snprintf(name, sizeof(name), "memory/%d.json", (int)getpid());
	doc = membench_document(b, name);
	snprintf(want, sizeof(want), "%#jx %#jx failed", (uintmax_t)(at + 3 * PAGE + 100),
		(uintmax_t)(at + ALL));
	membench_check_run(doc, 0, 2, want);
	json_decref(doc);
	assert_true(membench_gap_says(b, "stalled member=memory/"));
	assert_int_equal(munmap(pages, ALL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_staged_and_what_is_not, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			without_content_there_is_only_the_list, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			without_time_there_is_no_content, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			time_ends_in_a_core, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			the_bundles_limit_cuts_a_core, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			damage_costs_one_process, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			pages_that_are_read_now, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			shared_memory_is_read_from_who_is_left, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			another_program_is_not_read, membench_setup, membench_teardown),
		cmocka_unit_test(numbers_of_another_namespace),
		cmocka_unit_test_setup_teardown(
			who_shares_is_referred, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			a_remark_is_no_gap, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			what_fits_is_taken, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			mapped_files_have_digests, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			whoever_gets_stuck_is_followed, membench_setup, membench_teardown),
		cmocka_unit_test_setup_teardown(
			who_holds_his_lock_is_left_alone, membench_setup, membench_teardown),
	};

	if (hash_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
