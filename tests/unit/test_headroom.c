/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of cgroups made of plain files. */
#include "unit.h"

#include "headroom.h"
#include "io.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1ULL << 20)

struct tree {
	char top[64];
	int fd;
};

/* Makes the folders on the way. */
static void put(const struct tree *t, const char *path, const char *text)
{
	char at[256];
	own_fd int fd = -1;

	snprintf(at, sizeof(at), "%s/%s", t->top, path);
	for (char *p = at + strlen(t->top) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(at, 0755);
		*p = '/';
	}
	fd = open(at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, strlen(text)), 0);
}

static int up(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));

	snprintf(t->top, sizeof(t->top), "/tmp/headroom.XXXXXX");
	assert_non_null(mkdtemp(t->top));
	t->fd = open(t->top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return 0;
}

static int down(void **state)
{
	struct tree *t = *state;
	char *words[] = {(char[]){"rm"}, (char[]){"-rf"}, t->top, NULL};
	pid_t pid = fork();

	if (!pid)
		_exit(execv("/bin/rm", words));
	waitpid(pid, NULL, 0);
	close(t->fd);
	free(t);
	return 0;
}

static void no_limit(void **state)
{
	struct tree *t = *state;

	assert_true(headroom(t->fd, t->fd) == UINT64_MAX);
	put(t, "self/cgroup", "0::/a/b\n");
	assert_true(headroom(t->fd, t->fd) == UINT64_MAX);
	put(t, "sys/fs/cgroup/a/b/memory.max", "max\n");
	put(t, "sys/fs/cgroup/a/b/memory.current", "1048576\n");
	assert_true(headroom(t->fd, t->fd) == UINT64_MAX);
}

static void the_least_of_all_levels(void **state)
{
	struct tree *t = *state;

	put(t, "self/cgroup", "1:name=systemd:/elsewhere\n0::/a/b\n");
	put(t, "sys/fs/cgroup/a/b/memory.max", "104857600\n");
	put(t, "sys/fs/cgroup/a/b/memory.current", "10485760\n");
	assert_int_equal(headroom(t->fd, t->fd), 90 * MIB);
	put(t, "sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 5242880\nx 2\n");
	assert_int_equal(headroom(t->fd, t->fd), 95 * MIB);
	put(t, "sys/fs/cgroup/a/b/memory.high", "52428800\n");
	assert_int_equal(headroom(t->fd, t->fd), 45 * MIB);
	put(t, "sys/fs/cgroup/a/memory.max", "83886080\n");
	put(t, "sys/fs/cgroup/a/memory.current", "73400320\n");
	assert_int_equal(headroom(t->fd, t->fd), 10 * MIB);
	put(t, "sys/fs/cgroup/a/memory.current", "99999999\n");
	assert_int_equal(headroom(t->fd, t->fd), 0);
}

static void the_first_version(void **state)
{
	struct tree *t = *state;

	put(t, "self/cgroup", "4:cpu,memory:/c\n3:pids:/d\n0::/\n");
	put(t, "sys/fs/cgroup/memory/c/memory.limit_in_bytes", "9223372036854771712\n");
	put(t, "sys/fs/cgroup/memory/memory.limit_in_bytes", "20971520\n");
	put(t, "sys/fs/cgroup/memory/memory.usage_in_bytes", "10485760\n");
	put(t, "sys/fs/cgroup/memory/memory.stat",
		"inactive_file 1\ntotal_inactive_file 5242880\n");
	assert_int_equal(headroom(t->fd, t->fd), 15 * MIB);
	put(t, "sys/fs/cgroup/memory/c/memory.limit_in_bytes", "1048576\n");
	assert_int_equal(headroom(t->fd, t->fd), MIB);
}

/* In a namespace of cgroups the path begins at its root; what lies above is not there. */
static void in_a_namespace(void **state)
{
	struct tree *t = *state;

	put(t, "self/cgroup", "0::/\n");
	put(t, "sys/fs/cgroup/unified/memory.max", "1048576\n");
	put(t, "sys/fs/cgroup/unified/memory.current", "0\n");
	assert_int_equal(headroom(t->fd, t->fd), MIB);
	put(t, "self/cgroup", "0::/../other\n");
	assert_true(headroom(t->fd, t->fd) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_limit, up, down),
		cmocka_unit_test_setup_teardown(the_least_of_all_levels, up, down),
		cmocka_unit_test_setup_teardown(the_first_version, up, down),
		cmocka_unit_test_setup_teardown(in_a_namespace, up, down),
	};

	return cmocka_run_group_tests_name("headroom", tests, NULL, NULL);
}
