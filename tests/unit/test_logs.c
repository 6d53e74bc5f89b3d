/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "dirsink.h"
#include "dumper.h"
#include "io.h"
#include "jsonx.h"
#include "own.h"
#include "target.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct dumper dumper_logs;

#define DOCKER "var/lib/docker/containers/c0ffee/"
#define POD "var/log/pods/ns_web_0-1/app/"

static char root[64];
static struct dirsink out;
static struct target target;

static char *full(const char *path)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s/%s", root, path);
	return text;
}

/* mtime: seconds; 0 leaves it. */
static void put(const char *path, const char *text, time_t mtime)
{
	struct timespec times[2] = {{mtime, 0}, {mtime, 0}};

	char *text_path = full(path);

	for (char *p = text_path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(text_path, 0700);
		*p = '/';
	}
	own_fd int fd = open(full(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, strlen(text)), 0);
	if (mtime)
		assert_int_equal(futimens(fd, times), 0);
}

static void add_log(const char *label, const char *path)
{
	struct target_file *f = &target.log[target.logs++];

	snprintf(f->label, sizeof(f->label), "%s", label);
	snprintf(f->path, sizeof(f->path), "%s", path);
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_logs.XXXXXX");
	if (!mkdtemp(root))
		return -1;
	memset(&target, 0, sizeof(target));
	put("out/.keep", "", 0);
	dirsink_init(&out, open(full("out"), O_PATH | O_DIRECTORY | O_CLOEXEC));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	close(out.dir_fd);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void run(uint64_t max)
{
	union option_value options[1] = {{.u = max}};
	own_fd int host_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct dump d = {.target = &target,
		.options = options,
		.proc_fd = -1,
		.host_fd = host_fd,
		.spool_fd = -1,
		.max_bytes = UINT64_MAX};
	struct err e = ERR_INIT;

	if (dumper_logs.run(&d, &out.sink, &e) < 0)
		fail_msg("%s", e.text);
}

static bool has(const char *name, const char *text)
{
	own_buf struct buf b = BUF_INIT(1 << 20);

	if (io_read_file(out.dir_fd, name, &b, NULL) < 0)
		return false;
	return strstr(buf_str(&b), text) != NULL;
}

static bool is_there(const char *name)
{
	return faccessat(out.dir_fd, name, F_OK, 0) == 0;
}

static void rotated_files_come_along(void **state)
{
	(void)state;
	put(DOCKER "c0ffee-json.log", "newest", 300);
	put(DOCKER "c0ffee-json.log.1", "older", 200);
	put(DOCKER "c0ffee-json.log.2.gz", "oldest", 100);
	put(DOCKER "config.v2.json", "no log", 0);
	put(DOCKER "c0ffee-json.logger", "no log", 0);
	add_log("json-file", DOCKER "c0ffee-json.log");
	run(1 << 20);
	assert_true(has("logs/json-file/c0ffee-json.log", "newest"));
	assert_true(has("logs/json-file/c0ffee-json.log.1", "older"));
	assert_true(has("logs/json-file/c0ffee-json.log.2.gz", "oldest"));
	assert_int_equal(out.members, 4); /* and the index */
	assert_int_equal(out.gaps, 0);
	assert_true(has("logs/index.json", "\"from_offset\":0"));
}

static void the_end_of_a_log_matters_most(void **state)
{
	(void)state;
	put(POD "0.log", "0123456789", 300);
	put(POD "0.log.20240101-000000", "abcdefghij", 200);
	put(POD "0.log.20230101-000000.gz", "klmnopqrst", 100);
	add_log("cri", POD "0.log");
	run(14);
	assert_true(has("logs/cri/0.log", "0123456789"));
	assert_true(has("logs/cri/0.log.20240101-000000", "ghij"));
	assert_false(has("logs/cri/0.log.20240101-000000", "f"));
	assert_false(is_there("logs/cri/0.log.20230101-000000.gz"));
	assert_int_equal(out.gaps, 2);
	assert_true(has("gaps.txt", "bytes 0 to 6 of 10 left out"));
}

static void links_between_log_places_are_followed(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("without openat2 (before Linux 5.6) links on the way are refused");
	put(DOCKER "c0ffee-json.log", "line", 0);
	put(DOCKER "c0ffee-json.log.1", "older", 0);
	put(DOCKER "config.v2.json", "{}", 0);
	put(POD ".keep", "", 0);
	put("var/log/containers/.keep", "", 0);
	assert_int_equal(symlink("/" DOCKER "c0ffee-json.log", full(POD "0.log")), 0);
	assert_int_equal(
		symlink("../pods/ns_web_0-1/app/0.log", full("var/log/containers/w.log")), 0);
	snprintf(target.state[target.states++].path, TARGET_PATH, DOCKER "config.v2.json");
	add_log("cri", "var/log/containers/w.log");
	add_log("json-file", DOCKER "c0ffee-json.log"); /* the same file: once */
	run(1 << 20);
	assert_true(has("logs/cri/c0ffee-json.log", "line"));
	assert_true(has("logs/cri/c0ffee-json.log.1", "older"));
	assert_int_equal(out.members, 3);
	assert_int_equal(out.gaps, 0);
}

/* A container with a mount of /var/log swaps its log for a link. */
static void links_elsewhere_are_refused(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("without openat2 (before Linux 5.6) links on the way are refused");
	put("etc/shadow", "root:x", 0);
	put(POD ".keep", "", 0);
	assert_int_equal(symlink("/etc/shadow", full(POD "0.log")), 0);
	assert_int_equal(symlink("/etc", full("var/log/pods/d")), 0);
	assert_int_equal(symlink("1.log", full(POD "1.log")), 0);
	add_log("cri", POD "0.log");
	add_log("cri", "var/log/pods/d/shadow");
	add_log("cri", POD "1.log"); /* to itself */
	run(1 << 20);
	assert_int_equal(out.members, 1);
	assert_int_equal(out.gaps, 3);
	assert_true(has("gaps.txt", "refused member= where=/etc/shadow errno=18"));
	assert_true(has("gaps.txt", "refused member= where=/var/log/pods/d/shadow errno=18"));
	assert_true(has("gaps.txt", "more than 8 links"));
}

static void only_regular_files_are_read(void **state)
{
	(void)state;
	put(POD ".keep", "", 0);
	assert_int_equal(mkfifo(full(POD "0.log"), 0600), 0);
	add_log("cri", POD "0.log");
	add_log("cri", POD "7.log");
	run(1 << 20);
	assert_true(has("gaps.txt", "special_file member= where=/" POD "0.log"));
	assert_true(has("gaps.txt", "not_present member= where=/" POD "7.log"));
	assert_int_equal(out.members, 1);
}

static void names_are_made_plain_and_unique(void **state)
{
	(void)state;
	put(POD "a b.log", "one", 300);
	put(POD "a\nb.log", "two", 200);
	put(POD "a b.log.\x1b[31m", "three", 100);
	add_log("cri", POD "a b.log");
	add_log("cri", POD "a\nb.log");
	run(1 << 20);
	assert_true(has("logs/cri/a_b.log", "one"));
	assert_true(has("logs/cri/a_b.log-2", "two"));
	assert_true(has("logs/cri/a_b.log.__31m", "three"));
	assert_true(has("logs/index.json", "a\\nb.log"));
}

static void a_huge_sparse_log_is_cut(void **state)
{
	(void)state;
	put(DOCKER "x.log", "", 0);
	assert_int_equal(truncate(full(DOCKER "x.log"), (off_t)1 << 40), 0);
	add_log("local", DOCKER "x.log");
	run(100000);
	assert_true(is_there("logs/local/x.log"));
	assert_int_equal(out.gaps, 1);
	assert_true(has("gaps.txt", "over_budget member=logs/local/x.log"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rotated_files_come_along),
		TEST(the_end_of_a_log_matters_most),
		TEST(links_between_log_places_are_followed),
		TEST(links_elsewhere_are_refused),
		TEST(only_regular_files_are_read),
		TEST(names_are_made_plain_and_unique),
		TEST(a_huge_sparse_log_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
