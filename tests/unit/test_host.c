/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "host.h"
#include "procfs.h"

#include <errno.h>
#include <sys/stat.h>

static void finds_the_root_by_itself(void **state)
{
	own_host struct host h = HOST_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(host_open(NULL, &h, &e), 0);
	assert_int_equal(fstat(h.at.root_fd, &st), 0);
	assert_true(procfs_is_root(h.at.proc_fd));
	assert_true(h.root[0] == '/');
}

static void takes_the_given_root(void **state)
{
	own_host struct host h = HOST_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(host_open("/usr", &h, &e), 0);
	assert_string_equal(h.root, "/usr");
	assert_string_equal(h.proc, "/proc");
	host_close(&h);
	assert_int_equal(h.at.root_fd, -1);
	assert_int_equal(host_open("/nonexistent", &h, &e), -ENOENT);
	assert_string_equal(e.text, "open the host's root /nonexistent: No such file or directory");
	assert_int_equal(h.at.root_fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_root_by_itself),
		cmocka_unit_test(takes_the_given_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
