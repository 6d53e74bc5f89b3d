/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "elffile.h"
#include "elfmade.h"
#include "fakeproc.h"
#include "goinfo.h"
#include "io.h"
#include "own.h"
#include "pkgdb.h"
#include "programs.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GUARD "0123456789abcdef"
#define MODULES(text) GUARD text GUARD

static void reads_our_own_build_id(void **state)
{
	own_fd int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char ours[VERSION_BUILD_ID], theirs[VERSION_BUILD_ID] = "";
	uint8_t id[32];
	struct elffile f;
	int len;

	(void)state;
	if (unit_emulated())
		unit_skip("/proc/self/exe is the emulator");
	version_build_id(ours);
	assert_int_equal(elffile_open(fd, &f, NULL), 0);
	len = elffile_note(&f, "GNU", NT_GNU_BUILD_ID, id, sizeof(id));
	assert_int_equal(len, 20);
	for (int i = 0; i < len; i++)
		snprintf(theirs + 2 * i, 3, "%02x", id[i]);
	assert_string_equal(theirs, ours);
	assert_int_equal(elffile_note(&f, "GNU", NT_GNU_BUILD_ID, id, 19), -E2BIG);
	assert_int_equal(elffile_note(&f, "Nobody", 1, id, sizeof(id)), -ENOENT);
}

static void check_go(const struct elfmade *how, struct goinfo *ret, int expected)
{
	own_fd int fd = elfmade(how);
	struct elffile f;
	struct err e = ERR_INIT;
	char id[16] = "";

	assert_int_equal(elffile_open(fd, &f, NULL), 0);
	assert_int_equal(elffile_note(&f, "Go", 4, id, sizeof(id)), 12);
	assert_string_equal(id, "first/second");
	assert_int_equal(elffile_note(&f, "GNU", NT_GNU_BUILD_ID, id, sizeof(id)), 4);
	*ret = (struct goinfo){0};
	assert_int_equal(goinfo_read(&f, ret, &e), expected);
}

static void reads_both_layouts_of_go(void **state)
{
	static const char text[] = MODULES("path\tgithub.com/x/cmd/d\n"
					   "mod\tgithub.com/x\tv1.2.3\th1:abc=\n"
					   "dep\tgithub.com/y\tv9.9.9\th1:def=\n"
					   "build\tvcs=git\nbuild\tvcs.revision=0123abcd\n"
					   "build\tvcs.time=2023-01-01T00:00:00Z\n"
					   "build\tvcs.modified=false\n");

	(void)state;
	for (int addresses = 0; addresses < 2; addresses++) {
		struct goinfo g;

		check_go(&(struct elfmade){"go1.21.0", text, addresses}, &g, 0);
		assert_string_equal(g.version, "go1.21.0");
		assert_string_equal(g.path, "github.com/x/cmd/d");
		assert_string_equal(g.module, "github.com/x");
		assert_string_equal(g.module_version, "v1.2.3");
		assert_string_equal(g.revision, "0123abcd");
		assert_string_equal(g.time, "2023-01-01T00:00:00Z");
		assert_string_equal(g.modified, "false");
	}
}

static void what_go_does_not_say_is_empty(void **state)
{
	static const char version[] =
		"go1.21.0-0123456789012345678901234567890123456789012345678901234567890";
	char text[600] = MODULES("mod\t");
	struct goinfo g;

	(void)state;
	check_go(&(struct elfmade){NULL, NULL, false}, &g, -ENOENT);
	check_go(&(struct elfmade){"go1.19", "", false}, &g, 0);
	assert_string_equal(g.version, "go1.19");
	assert_string_equal(g.module, "");
	/* what does not fit is left out */
	memset(text + 20, 'm', 300);
	memcpy(text + 320, "\tv1\n" GUARD, 21);
	check_go(&(struct elfmade){"go1.19", text, false}, &g, 0);
	assert_string_equal(g.module, "");
	assert_string_equal(g.module_version, "v1");
	check_go(&(struct elfmade){version, "", false}, &g, -E2BIG);
	assert_string_equal(g.version, "");
}

static void refuses_what_is_no_program(void **state)
{
	own_fd int fd = memfd_create("x", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		.e_phnum = 3,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phoff = UINT64_MAX - 4};
	struct elffile f;

	(void)state;
	assert_int_equal(elffile_open(fd, &f, &e), -ENOEXEC);
	assert_string_equal(e.text, "not a 64-bit little-endian ELF file");
	assert_int_equal(io_write(fd, &head, sizeof(head)), 0);
	assert_int_equal(elffile_open(fd, &f, &e), -ENOEXEC);
	head.e_phentsize = 8;
	assert_int_equal(io_pwrite(fd, &head, sizeof(head), 0), 0);
	assert_int_equal(elffile_open(fd, &f, &e), -ENOEXEC);
	assert_string_equal(e.text, "its ELF tables make no sense");
}

/* --- a host's root of our own --- */

struct node {
	char root[64];
	int fd;
};

/* Makes the folders on the way. */
static int create(const struct node *n, const char *path)
{
	char at[512];
	int fd;

	snprintf(at, sizeof(at), "%s", path);
	for (char *p = at; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdirat(n->fd, at, 0700);
		*p = '/';
	}
	fd = openat(n->fd, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void put(const struct node *n, const char *path, const char *text)
{
	own_fd int fd = create(n, path);

	assert_int_equal(io_write(fd, text, strlen(text)), 0);
}

static void put_program(const struct node *n, const char *path, const char *go)
{
	own_fd int to = create(n, path);
	own_fd int from = elfmade(&(struct elfmade){go, "", false});
	char bytes[4096];
	ssize_t len = pread(from, bytes, sizeof(bytes), 0);

	assert_true(len > 0);
	assert_int_equal(io_write(to, bytes, (size_t)len), 0);
}

static int setup(void **state)
{
	struct node *n = calloc(1, sizeof(*n));

	*state = n;
	snprintf(n->root, sizeof(n->root), "/tmp/test_programs.XXXXXX");
	if (!mkdtemp(n->root))
		return -1;
	n->fd = open(n->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return n->fd < 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct node *n = *state;
	int rc = nftw(n->root, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	close(n->fd);
	free(n);
	return rc;
}

/* --- packages --- */

static void make_dpkg(const struct node *n)
{
	put(n, "var/lib/dpkg/status",
		"Package: runc\nStatus: deinstall ok config-files\nVersion: 0.1\n\n"
		"Package: runc\nStatus: install ok installed\nArchitecture: amd64\n"
		"Version: 1.1.5+ds1-1\nDescription: x\n Version: 7\n\n"
		"Package: acme\nStatus: install ok installed\nArchitecture: arm64\n"
		"Version: 2\n\n"
		"Package: acme\nStatus: install ok installed\nArchitecture: amd64\n"
		"Version: 3");
	put(n, "var/lib/dpkg/info/runc.list", "/.\n/usr\n/usr/sbin\n/usr/sbin/runc\n");
	put(n, "var/lib/dpkg/info/runc.md5sums", "/usr/sbin/dockerd\n");
	put(n, "var/lib/dpkg/info/acme:amd64.list", "/.\n/bin/crun\n/usr/bin/dockerd2\n");
}

static void finds_owners_in_dpkg(void **state)
{
	const struct node *n = *state;
	struct pkgdb_owner runc = {0}, dockerd = {0}, crun = {0};
	const struct pkgdb_question q[] = {{"/usr/sbin/runc", &runc},
		{"/usr/sbin/dockerd", &dockerd}, {"/usr/bin/crun", &crun}};

	make_dpkg(n);
	assert_int_equal(pkgdb_owners(n->fd, q, 3, NULL), 0);
	assert_int_equal(runc.kind, PKGDB_DPKG);
	assert_string_equal(runc.name, "runc");
	assert_string_equal(runc.version, "1.1.5+ds1-1");
	assert_string_equal(runc.architecture, "amd64");
	assert_int_equal(dockerd.kind, PKGDB_NONE);
	assert_int_equal(crun.kind, PKGDB_NONE); /* /bin is no link here */
	assert_int_equal(symlinkat("usr/bin", n->fd, "bin"), 0);
	assert_int_equal(pkgdb_owners(n->fd, q + 2, 1, NULL), 0);
	assert_string_equal(crun.name, "acme");
	assert_string_equal(crun.version, "3"); /* of that architecture */
}

/* Lines of every length, the sought one among them, and one without an end. */
static void finds_lines_of_any_length(void **state)
{
	const struct node *n = *state;
	own_buf struct buf list = BUF_INIT(1 << 20), path = BUF_INIT(512);

	make_dpkg(n);
	assert_int_equal(symlinkat("usr/bin", n->fd, "bin"), 0);
	for (unsigned len = 1; len < 200; len++) {
		buf_adds(&list, len % 2 ? "/usr/bin/" : "/bin/");
		buf_fill(&list, 'x', len);
		buf_adds(&list, len < 199 ? "\n" : "");
	}
	put(n, "var/lib/dpkg/info/runc.list", buf_str(&list));
	for (unsigned len = 1; len < 200; len++) {
		struct pkgdb_owner owner = {0};

		buf_clear(&path);
		buf_adds(&path, "/usr/bin/");
		buf_fill(&path, 'x', len);
		assert_int_equal(pkgdb_owners(n->fd,
					 &(struct pkgdb_question){buf_str(&path), &owner}, 1, NULL),
			0);
		assert_string_equal(owner.name, "runc");
	}
}

static void finds_owners_in_apk(void **state)
{
	const struct node *n = *state;
	struct pkgdb_owner runc = {0}, crun = {0};
	const struct pkgdb_question q[] = {{"/usr/bin/runc", &runc}, {"/usr/bin/crun", &crun}};

	put(n, "lib/apk/db/installed",
		"C:Q1\nP:runc\nV:1.1.12-r3\nA:x86_64\nF:usr\nF:usr/bin\nR:runc\na:0:0:755\n\n"
		"P:other\nV:1\nF:usr\nR:bin/x\n");
	assert_int_equal(pkgdb_owners(n->fd, q, 2, NULL), 0);
	assert_int_equal(runc.kind, PKGDB_APK);
	assert_string_equal(runc.name, "runc");
	assert_string_equal(runc.version, "1.1.12-r3");
	assert_string_equal(runc.architecture, "x86_64");
	assert_int_equal(crun.kind, PKGDB_NONE);
}

static void a_node_without_databases(void **state)
{
	const struct node *n = *state;
	struct pkgdb_owner runc = {0};
	struct err e = ERR_INIT;

	assert_int_equal(
		pkgdb_owners(n->fd, &(struct pkgdb_question){"/usr/bin/runc", &runc}, 1, &e), 0);
	assert_int_equal(runc.kind, PKGDB_NONE);
}

static void a_database_that_cannot_be_read(void **state)
{
	const struct node *n = *state;
	struct pkgdb_owner runc = {0};
	struct err e = ERR_INIT;

	put(n, "var/lib/dpkg/info/runc.list", "/usr/bin/runc\n");
	assert_int_equal(
		pkgdb_owners(n->fd, &(struct pkgdb_question){"/usr/bin/runc", &runc}, 1, &e),
		-ENOENT);
	assert_non_null(strstr(e.text, "var/lib/dpkg/status"));
	assert_string_equal(runc.name, "runc"); /* what was found stays */
	assert_string_equal(runc.version, "");
}

/* --- programs --- */

static struct program *find(struct programs *all, const char *path)
{
	for (unsigned i = 0; i < all->count; i++)
		if (!strcmp(all->program[i].path, path))
			return &all->program[i];
	return NULL;
}

static void add_process(struct fakeproc *p, pid_t pid, const char *ns, const char *exe)
{
	char link[32];

	fakeproc_add(p, &(struct fakeproc_row){pid, 1, 1, ns, "0::/\n", NULL, NULL});
	snprintf(link, sizeof(link), "%d/exe", (int)pid);
	assert_int_equal(symlinkat(exe, p->fd, link), 0);
}

static void finds_what_is_installed_and_what_runs(void **state)
{
	const struct node *n = *state;
	own_free struct programs *all = calloc(1, sizeof(*all));
	struct fakeproc proc;
	struct target_host host = {.root_fd = n->fd};
	struct err e = ERR_INIT;
	struct program *p;
	char exe[256], below[256];

	make_dpkg(n);
	put_program(n, "usr/sbin/runc", "go1.19");
	put(n, "usr/bin/crun", "#!/bin/sh\n");
	assert_int_equal(mkfifoat(n->fd, "usr/bin/podman", 0600), 0);
	assert_int_equal(symlinkat("crun", n->fd, "usr/bin/youki"), 0);
	put_program(n, "opt/k/containerd", "go1.20");
	put_program(n, "opt/k/dockerd", "go1.21");
	/* as /proc names them, and the same file where the host's root has that name */
	snprintf(exe, sizeof(exe), "%s/opt/k/containerd", n->root);
	snprintf(below, sizeof(below), "%s", exe + 1);
	close(create(n, below));
	assert_int_equal(unlinkat(n->fd, below, 0), 0);
	assert_int_equal(linkat(n->fd, "opt/k/containerd", n->fd, below, 0), 0);
	fakeproc_init(&proc);
	host.proc_fd = proc.fd;
	add_process(&proc, 1, "host", "/sbin/init");
	add_process(&proc, 7, "host", exe);
	add_process(&proc, 8, "host", exe);
	add_process(&proc, 9, "container", exe);
	snprintf(exe, sizeof(exe), "%s/opt/k/dockerd", n->root);
	add_process(&proc, 10, "host", exe);
	assert_int_equal(programs_find(&host, all, &e), 0);
	fakeproc_done(&proc);

	assert_int_equal(all->count, 4);
	p = find(all, "/usr/sbin/runc");
	assert_non_null(p);
	assert_int_equal(p->processes, 0);
	assert_string_equal(p->package.version, "1.1.5+ds1-1");
	assert_string_equal(p->go.version, "go1.19");
	assert_string_equal(p->go_id, "first/second");
	assert_int_equal(p->id_len, 4);
	p = find(all, "/usr/bin/crun");
	assert_non_null(p);
	assert_int_equal(p->id_len, 0);
	assert_int_equal(p->size, 10);
	snprintf(exe, sizeof(exe), "%s/opt/k/containerd", n->root);
	p = find(all, exe);
	assert_non_null(p);
	assert_int_equal(p->processes, 2);
	assert_int_equal(p->pid[1] + p->pid[0], 15);
	assert_false(p->replaced);
	snprintf(exe, sizeof(exe), "%s/opt/k/dockerd", n->root);
	p = find(all, exe);
	assert_non_null(p);
	assert_true(p->replaced); /* the host has no such file */
}

/* Whatever a worker left in the shared memory. */
static void makes_an_answer_safe(void **state)
{
	own_free struct programs *all = malloc(sizeof(*all));

	(void)state;
	memset(all, 0xff, sizeof(*all));
	all->truncated = false;
	programs_make_safe(all);
	assert_int_equal(all->count, PROGRAMS_MAX);
	assert_true(all->truncated);
	for (unsigned i = 0; i < PROGRAMS_MAX; i++) {
		assert_int_equal(strlen(all->program[i].path), sizeof(all->program[i].path) - 1);
		assert_in_range(all->program[i].id_len, 0, PROGRAMS_ID);
		assert_in_range(all->program[i].package.kind, 0, PKGDB_KINDS - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_our_own_build_id),
		cmocka_unit_test(reads_both_layouts_of_go),
		cmocka_unit_test(what_go_does_not_say_is_empty),
		cmocka_unit_test(refuses_what_is_no_program),
		cmocka_unit_test_setup_teardown(finds_owners_in_dpkg, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_lines_of_any_length, setup, teardown),
		cmocka_unit_test_setup_teardown(finds_owners_in_apk, setup, teardown),
		cmocka_unit_test_setup_teardown(a_node_without_databases, setup, teardown),
		cmocka_unit_test_setup_teardown(a_database_that_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			finds_what_is_installed_and_what_runs, setup, teardown),
		cmocka_unit_test(makes_an_answer_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
