/* SPDX-License-Identifier: Apache-2.0 */
/* Core files from tables made by hand, held against readelf, gdb and the kernel's own layout. */
#include "unit.h"

#include "elfcore.h"
#include "io.h"
#include "memkit.h"
#include "own.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

enum { PAGE = 4096, KIB = 1024 };

/* The core file, in memory. */
struct made {
	struct elfcore plan;
	struct memscan scan;
	int stage, fd;
	uint64_t size;
	unsigned runs;
};

static int put(void *arg, const void *p, uint64_t n, struct err *e)
{
	struct made *m = arg;

	(void)e;
	if (p)
		assert_int_equal(io_pwrite(m->fd, p, n, (off_t)m->size), 0);
	m->size += n;
	return ftruncate(m->fd, (off_t)m->size) < 0 ? -errno : 0;
}

static int put_run(
	void *arg, const struct mem_map *map, const struct mem_run *r, uint64_t at, struct err *e)
{
	struct made *m = arg;
	size_t n = (size_t)(r->end - r->start);
	own_free char *p = malloc(n);

	assert_true(at > 0);
	assert_true(map->start <= r->start && r->end <= map->end);
	m->runs++;
	if (io_pread(m->stage, p, n, (off_t)r->offset) != (ssize_t)n)
		return err_set(e, EIO, "staged bytes");
	return put(m, p, n, e);
}

static int make(struct made *m, struct memkit *k, uint64_t limit)
{
	struct elfcore_to to = {.bytes = put, .run = put_run};
	int rc;

	*m = (struct made){.stage = k->stage, .fd = memfd_create("core", MFD_CLOEXEC)};
	to.arg = m;
	assert_true(m->fd >= 0);
	rc = memscan_open(&m->scan, k->fd, NULL);
	assert_int_equal(rc, 0);
	rc = elfcore_plan(&m->plan, &m->scan, 0, limit, NULL);
	if (rc == 0)
		rc = elfcore_write(&m->plan, &m->scan, &to, NULL);
	if (rc == 0)
		assert_int_equal(m->size, m->plan.size);
	return rc;
}

static void made_done(struct made *m, struct memkit *k)
{
	memscan_done(&m->scan);
	(void)close(m->fd);
	memkit_close(k);
}

static void at(const struct made *m, uint64_t offset, void *p, size_t n)
{
	assert_int_equal(io_pread(m->fd, p, n, (off_t)offset), n);
}

static Elf64_Phdr phdr(const struct made *m, unsigned i)
{
	Elf64_Phdr p;

	at(m, sizeof(Elf64_Ehdr) + i * sizeof(p), &p, sizeof(p));
	return p;
}

static void check_segment(const struct made *m, unsigned i, const uint64_t want[3])
{
	Elf64_Phdr p = phdr(m, i);

	assert_int_equal(p.p_vaddr, want[0]);
	assert_int_equal(p.p_memsz, want[1]);
	assert_int_equal(p.p_filesz, want[2]);
	assert_int_equal(p.p_offset % PAGE, 0);
}

/* What a program prints of the core; NULL: no such program. The caller frees it. */
static char *ask(const struct made *m, const char *program, const char *args)
{
	char command[512], *text = calloc(1, 1 << 20);
	size_t n = 0, got;
	FILE *f;

	snprintf(command, sizeof(command), "command -v %s >/dev/null || exit 0; %s %s 2>&1",
		program, program, args);
	snprintf(command + strlen(command), sizeof(command) - strlen(command), " /proc/%d/fd/%d",
		(int)getpid(), m->fd);
	f = popen(command, "re");
	assert_non_null(f);
	while ((got = fread(text + n, 1, (1 << 20) - 1 - n, f)) > 0)
		n += got;
	(void)pclose(f);
	if (n)
		return text;
	free(text);
	return NULL;
}

static void expect(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strstr(text, *words)) {
			fputs(text, stderr);
			fail_msg("no \"%s\" in it", *words);
		}
}

static void add_victim(struct memkit *k)
{
	struct mem_proc p = memkit_proc(41);
	struct mem_map text = {.start = 0x400000,
		.end = 0x404000,
		.offset = 0x1000,
		.ino = 7,
		.kind = MEM_PRIVATE,
		.flags = MEM_R | MEM_X};
	uint64_t auxv[4] = {AT_PAGESZ, PAGE, AT_NULL, 0};
	char page[PAGE];

	memkit_add(k, &p, sizeof(p), NULL, 0);
	memkit_thread(k, 41, 0);
	memkit_regs(k, NT_PRSTATUS, 27 * 8, 0x11);
	memkit_regs(k, NT_PRFPREG, 512, 0);
	memkit_regs(k, NT_SIGINFO, 128, 0);
	memkit_thread(k, 42, 0);
	memkit_regs(k, NT_PRSTATUS, 27 * 8, 0x22);
	memkit_thread(k, 43, 0); /* no registers */
	memkit_auxv(k, auxv, sizeof(auxv));
	memkit_map_as(k, &text, "/bin/victim (deleted)");
	memkit_run(k, 0x400000, 0x404000, MEM_AS_FILE, 0);
	memkit_map(k, 0x600000, 0x640000, MEM_ANON, "[heap]");
	memset(page, 'A', PAGE);
	memcpy(page, "planted", 8);
	memkit_bytes(k, 0x600000, page, PAGE);
	memkit_run(k, 0x601000, 0x602000, MEM_ZERO, 0);
	memset(page, 'B', PAGE);
	memkit_bytes(k, 0x602000, page, PAGE);
	memkit_run(k, 0x603000, 0x640000, MEM_NOT_PRESENT, 0);
	memkit_end(k);
}

static void mappings_become_segments(void **state)
{
	struct memkit k;
	struct made m;
	Elf64_Ehdr h;
	char byte[3];

	(void)state;
	memkit_open(&k);
	add_victim(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	at(&m, 0, &h, sizeof(h));
	assert_int_equal(h.e_type, ET_CORE);
	assert_int_equal(h.e_machine, EM_X86_64);
	assert_int_equal(h.e_phnum, 4);
	assert_int_equal(phdr(&m, 0).p_type, PT_NOTE);
	check_segment(&m, 1, (uint64_t[]){0x400000, 0x4000, 0});
	check_segment(&m, 2, (uint64_t[]){0x600000, 0x3000, 0x3000});
	check_segment(&m, 3, (uint64_t[]){0x603000, 0x3d000, 0});
	assert_int_equal(phdr(&m, 1).p_type, PT_LOAD);
	assert_int_equal(phdr(&m, 2).p_type, PT_LOAD);
	assert_int_equal(phdr(&m, 3).p_type, PT_NULL);
	assert_int_equal(phdr(&m, 1).p_flags, PF_R | PF_X);
	assert_int_equal(phdr(&m, 2).p_flags, PF_R | PF_W);
	at(&m, phdr(&m, 2).p_offset + 100, &byte[0], 1);
	at(&m, phdr(&m, 2).p_offset + PAGE, &byte[1], 1);
	at(&m, phdr(&m, 2).p_offset + 2 * PAGE, &byte[2], 1);
	assert_memory_equal(byte, ((char[]){'A', 0, 'B'}), 3);
	assert_int_equal(m.plan.threads, 3);
	assert_int_equal(m.plan.bare, 1);
	assert_int_equal(m.plan.dumped, 2 * PAGE);
	assert_int_equal(m.plan.bridged, PAGE);
	made_done(&m, &k);
}

static void notes_are_the_kernels(void **state)
{
#ifdef __x86_64__
	struct elf_prstatus status;
	struct elf_prpsinfo info;
	struct memkit k;
	struct made m;
	uint64_t from;

	memkit_open(&k);
	add_victim(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	from = phdr(&m, 0).p_offset + sizeof(Elf64_Nhdr) + 8;
	at(&m, from, &status, sizeof(status));
	assert_int_equal(status.pr_pid, 41);
	assert_int_equal(status.pr_sid, 41);
	assert_int_equal(status.pr_utime.tv_sec, 250 / sysconf(_SC_CLK_TCK));
	assert_int_equal(status.pr_reg[0], 0x1111111111111111);
	assert_int_equal(status.pr_reg[26], 0x1111111111111111);
	from += sizeof(status) + sizeof(Elf64_Nhdr) + 8 + 128 + sizeof(Elf64_Nhdr) + 8;
	at(&m, from, &info, sizeof(info));
	assert_int_equal(info.pr_sname, 'S');
	assert_int_equal(info.pr_state, 1);
	assert_int_equal(info.pr_uid, 1000);
	assert_int_equal(info.pr_pid, 41);
	assert_string_equal(info.pr_fname, "victim");
	assert_string_equal(info.pr_psargs, "victim --all");
	made_done(&m, &k);
#endif
	(void)state;
}

static void readelf_reads_it(void **state)
{
	static const char *const words[] = {"CORE (Core file)", "NT_PRSTATUS (prstatus structure)",
		"NT_PRPSINFO", "NT_AUXV", "NT_FILE (mapped files)", "NT_FPREGSET", "NT_SIGINFO",
		NULL};
	struct memkit k;
	struct made m;
	char *text;

	(void)state;
	memkit_open(&k);
	add_victim(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	text = ask(&m, "readelf", "-W -h -l -n");
	if (text) {
		expect(text, words);
		assert_null(strstr(text, "arning"));
	}
	free(text);
	made_done(&m, &k);
}

static void gdb_reads_it(void **state)
{
	static const char *const words[] = {"* 1", "LWP 41", "LWP 42", "0x1111111111111111",
		"\"planted\"", "0x601000:\t0", "annot access memory at address 0x603000",
		"0x404000     0x4000     0x1000 /bin/victim (deleted)", NULL};
	struct memkit k;
	struct made m;
	char *text;

	(void)state;
	memkit_open(&k);
	add_victim(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	text = unit_emulated() ? NULL
			       : ask(&m, "gdb",
					 "-nx -batch -ex 'info threads' -ex 'p $rip' "
					 "-ex 'info proc mappings' "
					 "-ex 'x/s 0x600000' -ex 'x/gd 0x601000' "
					 "-ex 'x/b 0x603000' -c");
	if (text) {
		expect(text, words);
		assert_null(strstr(text, "LWP 43"));
	}
	free(text);
	made_done(&m, &k);
}

/* One thread, which knows itself by another number. */
static void arm64_has_sizes_of_its_own(void **state)
{
	struct mem_proc p = memkit_proc(4100);
	struct mem_thread t = {.head.type = MEM_THREAD, .tid = 4100, .ns_tid = 7};
	struct memkit k;
	struct made m;
	Elf64_Nhdr n;
	int32_t pid;
	char *text;

	(void)state;
	p.machine = EM_AARCH64;
	memkit_open(&k);
	memkit_add(&k, &p, sizeof(p), NULL, 0);
	memkit_add(&k, &t, sizeof(t), NULL, 0);
	memkit_regs(&k, NT_PRSTATUS, 34 * 8, 0x11);
	memkit_regs(&k, NT_ARM_TLS, 16, 0x22);
	memkit_end(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	at(&m, phdr(&m, 0).p_offset, &n, sizeof(n));
	assert_int_equal(n.n_descsz, 392);
	at(&m, phdr(&m, 0).p_offset + sizeof(n) + 8 + 32, &pid, sizeof(pid));
	assert_int_equal(pid, 7);
	at(&m, phdr(&m, 0).p_offset + sizeof(n) + 8 + 392, &n, sizeof(n));
	assert_int_equal(n.n_descsz, 136);
	at(&m, phdr(&m, 0).p_offset + 2 * (sizeof(n) + 8) + 392 + 24, &pid, sizeof(pid));
	assert_int_equal(pid, 7);
	text = ask(&m, "readelf", "-W -h -l -n");
	if (text) {
		expect(text, (const char *const[]){"AArch64", "NT_ARM_TLS", NULL});
		assert_null(strstr(text, "arning"));
	}
	free(text);
	made_done(&m, &k);
}

static void the_thread_with_a_signal_is_first(void **state)
{
	struct mem_proc p = memkit_proc(41);
	struct memkit k;
	struct made m;
	int32_t pid;

	(void)state;
	memkit_open(&k);
	memkit_add(&k, &p, sizeof(p), NULL, 0);
	memkit_thread(&k, 40, 0);
	memkit_regs(&k, NT_PRSTATUS, 27 * 8, 1);
	memkit_thread(&k, 41, 0);
	memkit_regs(&k, NT_PRSTATUS, 27 * 8, 2);
	memkit_thread(&k, 44, 11);
	memkit_regs(&k, NT_PRSTATUS, 27 * 8, 3);
	memkit_end(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	assert_int_equal(m.plan.segments, 0);
	at(&m, phdr(&m, 0).p_offset + sizeof(Elf64_Nhdr) + 8 + 32, &pid, sizeof(pid));
	assert_int_equal(pid, 44);
	made_done(&m, &k);
}

static void many_segments_need_a_section(void **state)
{
	enum { MANY = 70000 };
	struct mem_proc p = memkit_proc(41);
	char page[PAGE] = "x", *text;
	struct memkit k;
	struct made m;
	Elf64_Ehdr h;
	Elf64_Shdr s;

	(void)state;
	memkit_open(&k);
	memkit_add(&k, &p, sizeof(p), NULL, 0);
	memkit_thread(&k, 41, 0);
	memkit_regs(&k, NT_PRSTATUS, 27 * 8, 1);
	for (uint64_t i = 0; i < MANY; i++) {
		memkit_map(&k, (1 + 2 * i) * PAGE, (2 + 2 * i) * PAGE, MEM_ANON, "");
		if (i == MANY - 1)
			memkit_bytes(&k, (1 + 2 * i) * PAGE, page, PAGE);
		else
			memkit_run(&k, (1 + 2 * i) * PAGE, (2 + 2 * i) * PAGE, MEM_ZERO, 0);
	}
	memkit_end(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	at(&m, 0, &h, sizeof(h));
	assert_int_equal(h.e_phnum, PN_XNUM);
	assert_int_equal(h.e_shnum, 1);
	at(&m, h.e_shoff, &s, sizeof(s));
	assert_int_equal(s.sh_info, MANY + 1);
	check_segment(&m, MANY, (uint64_t[]){(2ULL * MANY - 1) * PAGE, PAGE, PAGE});
	text = ask(&m, "readelf", "-W -h");
	if (text)
		expect(text, (const char *const[]){"65535 (70001)", NULL});
	free(text);
	made_done(&m, &k);
}

static void zeros_are_bridged_only_while_they_are_few(void **state)
{
	struct mem_proc p = memkit_proc(41);
	char page[PAGE] = "x";
	uint64_t to = 0x100000;
	struct memkit k;
	struct made m;

	(void)state;
	memkit_open(&k);
	memkit_add(&k, &p, sizeof(p), NULL, 0);
	memkit_map(&k, to, to + 400 * 17 * PAGE + PAGE + 128 * KIB, MEM_ANON, "");
	memkit_bytes(&k, to, page, PAGE);
	memkit_run(&k, to + PAGE, to + PAGE + 128 * KIB, MEM_ZERO, 0); /* too long */
	to += PAGE + 128 * KIB;
	for (unsigned i = 0; i < 400; i++, to += 17 * PAGE) {
		memkit_bytes(&k, to, page, PAGE);
		memkit_run(&k, to + PAGE, to + 17 * PAGE, MEM_ZERO, 0);
	}
	memkit_end(&k);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	check_segment(&m, 1, (uint64_t[]){0x100000, PAGE, PAGE});
	check_segment(&m, 2, (uint64_t[]){0x100000 + PAGE, 128 * KIB, 0});
	assert_int_equal(m.plan.dumped, 401 * PAGE);
	assert_true(m.plan.bridged <= m.plan.dumped + KIB * KIB);
	assert_true(m.plan.bridged >= m.plan.dumped + KIB * KIB - 64 * KIB);
	made_done(&m, &k);
}

static void a_limit_ends_the_bytes_not_the_map(void **state)
{
	struct memkit k;
	struct made m;

	(void)state;
	memkit_open(&k);
	add_victim(&k);
	assert_int_equal(make(&m, &k, PAGE + 100), 0);
	assert_int_equal(m.plan.dumped, PAGE);
	assert_int_equal(m.runs, 1);
	check_segment(&m, 2, (uint64_t[]){0x600000, PAGE, PAGE});
	check_segment(&m, 3, (uint64_t[]){0x601000, PAGE, 0});
	check_segment(&m, 4, (uint64_t[]){0x602000, 0x3e000, 0});
	assert_int_equal(phdr(&m, 4).p_type, PT_NULL);
	made_done(&m, &k);
}

static void add_narrow(struct memkit *k, uint64_t end)
{
	struct mem_proc p = memkit_proc(41);
	char page[PAGE] = "narrow";

	p.machine = EM_386;
	p.uid = 100000;
	memkit_add(k, &p, sizeof(p), NULL, 0);
	memkit_thread(k, 41, 0);
	memkit_regs(k, NT_PRSTATUS, 17 * 4, 0x11);
	memkit_map(k, 0x8048000, end, MEM_ANON, "/x");
	memkit_bytes(k, 0x8048000, page, PAGE);
	memkit_run(k, 0x8049000, end, MEM_ZERO, 0);
	memkit_end(k);
}

static void a_32_bit_program_has_a_file_of_its_class(void **state)
{
	static const char *const words[] = {
		"LWP 41", "0x11111111", "\"narrow\"", "victim --all", NULL};
	Elf32_Ehdr h;
	struct memkit k;
	struct made m;
	char *text;

	(void)state;
	memkit_open(&k);
	add_narrow(&k, 0xf7000000);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	at(&m, 0, &h, sizeof(h));
	assert_int_equal(h.e_ident[EI_CLASS], ELFCLASS32);
	assert_int_equal(h.e_machine, EM_386);
	assert_false(m.plan.foreign);
	text = ask(&m, "readelf", "-W -h -l -n");
	if (text)
		assert_null(strstr(text, "arning"));
	free(text);
	text = unit_emulated() ? NULL
			       : ask(&m, "gdb",
					 "-nx -batch -ex 'info threads' -ex 'p $eip' "
					 "-ex 'x/s 0x8048000' -c");
	if (text)
		expect(text, words);
	free(text);
	made_done(&m, &k);

	memkit_open(&k);
	add_narrow(&k, 0x7f0000000000);
	assert_int_equal(make(&m, &k, UINT64_MAX), 0);
	at(&m, 0, &h, sizeof(h));
	assert_int_equal(h.e_ident[EI_CLASS], ELFCLASS64);
	assert_true(m.plan.foreign);
	assert_int_equal(m.plan.bare, 1);
	assert_int_equal(m.plan.first_thread, 0);
	made_done(&m, &k);
}

/* Each of these is a table that no honest writer makes. */
static void a_table_without_sense_is_refused(void **state)
{
	struct mem_proc p = memkit_proc(41);

	(void)state;
	for (unsigned which = 0; which < 6; which++) {
		struct memkit k;
		struct made m;

		memkit_open(&k);
		memkit_add(&k, &p, sizeof(p), NULL, 0);
		if (which == 0) /* a set of nobody's */
			memkit_regs(&k, NT_PRSTATUS, 27 * 8, 1);
		if (which == 1) /* of no mapping */
			memkit_run(&k, 0x1000, 0x2000, MEM_ZERO, 0);
		memkit_map(&k, 0x10000, 0x20000, MEM_ANON, "");
		if (which == 2)
			memkit_run(&k, 0x10000, 0x21000, MEM_ZERO, 0);
		if (which == 3)
			memkit_run(&k, 0x10000, 0x10001, MEM_ZERO, 0);
		memkit_run(&k, 0x10000, 0x12000, MEM_ZERO, 0);
		if (which == 4)
			memkit_run(&k, 0x11000, 0x13000, MEM_ZERO, 0);
		if (which == 5)
			memkit_map(&k, 0x1f000, 0x30000, MEM_ANON, "");
		memkit_end(&k);
		assert_int_equal(make(&m, &k, UINT64_MAX), -EBADMSG);
		made_done(&m, &k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_become_segments),
		cmocka_unit_test(notes_are_the_kernels),
		cmocka_unit_test(readelf_reads_it),
		cmocka_unit_test(gdb_reads_it),
		cmocka_unit_test(arm64_has_sizes_of_its_own),
		cmocka_unit_test(the_thread_with_a_signal_is_first),
		cmocka_unit_test(many_segments_need_a_section),
		cmocka_unit_test(zeros_are_bridged_only_while_they_are_few),
		cmocka_unit_test(a_limit_ends_the_bytes_not_the_map),
		cmocka_unit_test(a_32_bit_program_has_a_file_of_its_class),
		cmocka_unit_test(a_table_without_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
