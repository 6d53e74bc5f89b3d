/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "io.h"
#include "own.h"
#include "publish.h"
#include "sign.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char sha[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char *const names[] = {"b", "b.partial", "b.sha256", "b.sig"};
static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test_publish.XXXXXX");
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++)
		(void)unlink(names[i]);
	(void)unlink("default.tar.zst.partial");
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static bool there(const char *name)
{
	return access(name, F_OK) == 0;
}

static struct publish *opened(const char *output)
{
	struct err e = ERR_INIT;
	struct publish *p;

	assert_int_equal(publish_open(output, "default.tar.zst", &p, &e), 0);
	return p;
}

static void from_partial_to_its_name(void **state)
{
	struct err e = ERR_INIT;
	struct sign_key *key;
	uint8_t public[SEAL_KEY], sig[SEAL_SIG];
	char line[128];
	struct publish *p = opened("b");
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(sign_generate(&key, &e), 0);
	sign_public(key, public);
	assert_true(there("b.partial"));
	assert_false(there("b"));
	assert_false(publish_is_whole(p));
	assert_string_equal(publish_path(p), "b.partial");
	assert_int_equal(io_write(publish_fd(p), "x", 1), 0);
	assert_int_equal(publish_finish(p, sha, key, &e), 0);
	assert_true(publish_is_whole(p));
	assert_string_equal(publish_path(p), "b");
	assert_false(there("b.partial"));
	assert_int_equal(stat("b", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	fd = open("b.sha256", O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read(fd, line, sizeof(line)), 64 + 2 + 1 + 1);
	assert_memory_equal(line, sha, 64);
	assert_memory_equal(line + 64, "  b\n", 4);
	close(fd);
	fd = open("b.sig", O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read(fd, sig, sizeof(sig)), SEAL_SIG);
	close(fd);
	assert_int_equal(sign_verify(public, line, 68, sig, &e), 0);
	publish_free(p);
	sign_free(key);
}

static void nothing_is_overwritten(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		int fd = open(names[i], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		struct err e = ERR_INIT;
		struct publish *p;

		close(fd);
		assert_int_equal(publish_open("b", "default", &p, &e), -EEXIST);
		assert_non_null(strstr(e.text, names[i]));
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(there(names[k]), k == i);
		assert_int_equal(unlink(names[i]), 0);
		assert_int_equal(symlink("/nowhere", names[i]), 0);
		assert_int_equal(publish_open("b", "default", &p, &e), -EEXIST);
		assert_int_equal(unlink(names[i]), 0);
	}
}

static void a_name_taken_meanwhile(void **state)
{
	struct err e = ERR_INIT;
	struct publish *p = opened("b");
	int fd = open("b", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	(void)state;
	assert_int_equal(io_write(fd, "theirs", 6), 0);
	close(fd);
	assert_int_equal(publish_finish(p, sha, NULL, &e), -EEXIST);
	assert_true(publish_is_whole(p));
	assert_string_equal(publish_path(p), "b.partial");
	assert_int_equal(stat("b", &st), 0);
	assert_int_equal(st.st_size, 6);
	publish_discard(p); /* never what is whole */
	assert_true(there("b.partial"));
	publish_free(p);
}

static void a_file_beside_it_fails(void **state)
{
	struct err e = ERR_INIT;
	struct publish *p = opened("b");

	(void)state;
	assert_int_equal(mkdir("b.sha256", 0700), 0);
	assert_int_equal(publish_finish(p, sha, NULL, &e), -EEXIST);
	assert_non_null(strstr(e.text, "b.sha256"));
	assert_string_equal(publish_path(p), "b"); /* the bundle has its name all the same */
	assert_true(there("b"));
	assert_false(there("b.partial"));
	publish_free(p);
	assert_int_equal(rmdir("b.sha256"), 0);
}

static void what_is_left_when_it_ends_early(void **state)
{
	struct publish *p = opened("b");

	(void)state;
	publish_free(p);
	assert_true(there("b.partial"));
	assert_int_equal(unlink("b.partial"), 0);
	p = opened("b");
	publish_discard(p);
	publish_free(p);
	assert_false(there("b.partial"));
}

static void folders_and_names(void **state)
{
	static const char *const folder[] = {NULL, ".", "./"};
	char longest[300];
	struct err e = ERR_INIT;
	struct publish *p;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		p = opened(folder[i]);
		assert_true(there("default.tar.zst.partial"));
		publish_discard(p);
		publish_free(p);
	}
	assert_int_equal(publish_open("nowhere/b", "default", &p, &e), -ENOENT);
	assert_int_equal(publish_open("nowhere/", "default", &p, &e), -ENOENT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(publish_open(longest, "default", &p, &e), -ENAMETOOLONG);
	p = opened(".");
	assert_false(publish_streams(p));
	publish_free(p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(from_partial_to_its_name),
		TEST(nothing_is_overwritten),
		TEST(a_name_taken_meanwhile),
		TEST(a_file_beside_it_fails),
		TEST(what_is_left_when_it_ends_early),
		TEST(folders_and_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
