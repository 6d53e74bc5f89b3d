/* SPDX-License-Identifier: Apache-2.0 */
/* inroot against openat2 itself, over a tree of links, good and evil. */
#include "unit.h"

#include "inroot.h"
#include "io.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *const dirs[] = {"a", "a/b", "a/b/c", "etc"};
static const char *const files[] = {"a/f", "a/b/c/g", "etc/passwd", "top"};
static const struct {
	const char *at, *to;
} links[] = {
	{"abs", "/a/b"},
	{"up", "../../../a"},
	{"a/rel", "b/c"},
	{"a/chain", "../abs/c"},
	{"loop", "loop2"},
	{"loop2", "loop"},
	{"pw", "/etc/passwd"},
	{"host", "/proc/self/root"},
	{"dangling", "nowhere/x"},
	{"a/dots", "./../a/./b/../b"},
};
static const char *const paths[] = {"a/f", "/a/f", "abs/c/g", "up/f", "a/rel/g", "a/chain/g",
	"loop/x", "pw", "host/etc/passwd", "dangling", "dangling/y", "../../etc/passwd", "a/../top",
	"a/f/x", "a", "a/", ".", "/", "..", "a/dots/c/g", "nowhere", "a//b///c/g", "etc/passwd",
	"abs/../f", "up/../top"};

static int by_kernel(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;

	/* a rename anywhere on the system while it climbs ".." is EAGAIN */
	for (int i = 0; i < 100; i++) {
		fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return (int)fd;
}

static void make_tree(int top)
{
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		assert_int_equal(mkdirat(top, dirs[i], 0755), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		own_fd int fd = openat(top, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		assert_true(fd >= 0);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		assert_int_equal(symlinkat(links[i].to, top, links[i].at), 0);
}

static void same_as_the_kernel(int top, const char *path, int flags)
{
	own_fd int want = by_kernel(top, path, flags);
	int want_errno = errno;
	own_fd int got = inroot_open(top, path, flags);
	int got_errno = errno;
	struct stat a, b;

	if ((want < 0) != (got < 0) || (want < 0 && want_errno != got_errno))
		fail_msg("%s: the kernel says %d (%s), we %d (%s)", path, want,
			want < 0 ? strerror(want_errno) : "", got,
			got < 0 ? strerror(got_errno) : "");
	if (want < 0)
		return;
	assert_int_equal(fstat(want, &a), 0);
	assert_int_equal(fstat(got, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_equal(a.st_dev, b.st_dev);
}

static void agrees_with_openat2(void **state)
{
	char dir[] = "/tmp/taphos-inroot-XXXXXX", command[64];
	own_fd int top = -1;

	(void)state;
	if (io_probe_openat2() < 0)
		unit_skip("no openat2 to compare with");
	assert_non_null(mkdtemp(dir));
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_tree(top);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		same_as_the_kernel(top, paths[i], O_RDONLY | O_NOFOLLOW);
		same_as_the_kernel(top, paths[i], O_PATH | O_NOFOLLOW);
	}
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
}

static void limits_depth_and_length(void **state)
{
	own_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_free char *path = malloc(20000);

	(void)state;
	memset(path, 'x', 19999);
	path[19999] = '\0';
	assert_int_equal(inroot_open(root, path, O_RDONLY), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	path[300] = '\0'; /* one name of 300 bytes */
	assert_int_equal(inroot_open(root, path, O_RDONLY), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_openat2),
		cmocka_unit_test(limits_depth_and_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
