/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "worker.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int tell_uid(void *arg)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u", (unsigned)getuid());

	(void)arg;
	return write(1, text, (size_t)n) != n;
}

static int gather(const void *p, size_t n, void *arg)
{
	strncat(arg, p, n < 16 ? n : 16);
	return 0;
}

static unsigned long uid_of_worker(void)
{
	struct worker_spec spec = {
		.name = "uid",
		.main = tell_uid,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
	};
	struct err why = ERR_INIT;
	struct timespec now;
	char text[64] = "";

	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_int_equal(
		worker_pipe(&spec, (uint64_t)(now.tv_sec + 10) * 1000000000ULL, gather, text, &why),
		0);
	return strtoul(text, NULL, 10);
}

/* A user that a container knows could use up what the kernel allows it. */
static void each_worker_is_a_user_of_its_own(void **state)
{
	unsigned long one, two;

	(void)state;
	if (geteuid() != 0)
		skip();
	one = uid_of_worker();
	two = uid_of_worker();
	assert_in_range(one, 0x70000000, 0x7fffffff);
	assert_in_range(two, 0x70000000, 0x7fffffff);
	assert_int_not_equal(one, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_worker_is_a_user_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
