/* SPDX-License-Identifier: Apache-2.0 */
/* test_ahead - two threads that ask a directory from both ends say what one would. */
#include "unit.h"

#include "ahead.h"
#include "own.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FILES = 1500, ROUNDS = 20, ROUNDS_MAX = 2000 };

struct folder {
	int fd;
	char path[32];
	struct ahead_block block;
	char dirents[128 << 10] __attribute__((aligned(8)));
};

static bool is_excluded(const void *arg, const char *name)
{
	(void)arg;
	return !strcmp(name, "f7");
}

static void make(struct folder *f)
{
	char name[32];
	struct statx x;
	ssize_t n;

	snprintf(f->path, sizeof(f->path), "/tmp/taphos-ahead-XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(
			close(openat(f->fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	}
	assert_int_equal(fchdir(f->fd), 0);
	(void)setxattr("f8", "user.taphos", "x", 1, 0);
	n = getdents64(f->fd, f->dirents, sizeof(f->dirents));
	assert_true(n > 0);
	assert_int_equal(statx(f->fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &x), 0);
	f->block = (struct ahead_block){
		.dirents = f->dirents,
		.len = (size_t)n,
		.dir_fd = f->fd,
		.mount_id = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0,
		.dev = makedev(x.stx_dev_major, x.stx_dev_minor),
		.skip = is_excluded,
	};
}

static void clear(struct folder *f)
{
	char name[32];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(unlinkat(f->fd, name, 0), 0);
	}
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(close(f->fd), 0);
}

static void compare(const struct folder *f, const char *name, const struct ahead_one *one)
{
	struct statx x;

	if (!one->asked)
		return;
	assert_false(is_excluded(NULL, name));
	assert_int_equal(one->error, 0);
	assert_int_equal(statx(f->fd, name, AHEAD_FLAGS, AHEAD_WANT, &x), 0);
	assert_int_equal(one->x.stx_ino, x.stx_ino);
	assert_int_equal(one->no_xattrs, llistxattr(name, NULL, 0) == 0);
}

/* How many were known when they were wanted. */
static size_t walk(struct folder *f, struct ahead *a)
{
	size_t number = 0, known = 0;

	ahead_start(a, &f->block);
	for (size_t at = 0; at < f->block.len; number++) {
		const struct dirent64 *d = (const void *)(f->dirents + at);
		const struct ahead_one *one = ahead_get(a, number);

		compare(f, d->d_name, one);
		known += one->asked;
		at += d->d_reclen;
	}
	ahead_stop(a);
	return known;
}

static void both_ends_meet(void **state)
{
	static struct folder f;
	struct ahead *a = ahead_new();
	size_t known = 0;

	(void)state;
	assert_non_null(a);
	make(&f);
	/* on a busy machine the other thread may come to run late */
	for (int i = 0; i < ROUNDS_MAX && (i < ROUNDS || !known); i++)
		known += walk(&f, a);
	assert_true(known);
	ahead_free(a);
	clear(&f);
}

static void stopped_in_the_middle(void **state)
{
	static struct folder f;
	struct ahead *a = ahead_new();

	(void)state;
	assert_non_null(a);
	make(&f);
	for (int i = 0; i < ROUNDS; i++) {
		ahead_start(a, &f.block);
		(void)ahead_get(a, 0);
		ahead_stop(a);
		assert_false(ahead_get(a, FILES - 1)->asked); /* nothing of the block before */
	}
	ahead_free(a);
	clear(&f);
}

static void nobody_asks(void **state)
{
	(void)state;
	ahead_start(NULL, NULL);
	assert_false(ahead_get(NULL, 5)->asked);
	ahead_stop(NULL);
	ahead_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_meet),
		cmocka_unit_test(stopped_in_the_middle),
		cmocka_unit_test(nobody_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
