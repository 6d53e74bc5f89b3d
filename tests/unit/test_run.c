/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "run.h"

#include <jansson.h>
#include <signal.h>
#include <string.h>

/* Every line is whole, also where the log is full, and the last one says what is missing. */
static void a_full_log_says_so(void **state)
{
	struct run r = {.log = BUF_INIT(1 << 20)};
	char noise[400];
	unsigned lines = 0;
	json_t *last = NULL;

	(void)state;
	memset(noise, 0xff, sizeof(noise) - 1);
	noise[sizeof(noise) - 1] = '\0';
	for (int i = 0; i < 5000; i++)
		run_log(&r, "warn", "gap", "%s", noise);
	run_log_end(&r);
	assert_false(r.log.failed);
	assert_in_range(r.log.len, 1 << 19, 1 << 20);
	for (const char *line = buf_str(&r.log), *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		json_decref(last);
		last = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(last);
		lines++;
	}
	assert_in_range(lines, 100, 4999);
	assert_non_null(
		strstr(json_string_value(json_object_get(last, "text")), "lines were left out"));
	assert_int_equal(lines - 1 + r.log_left_out, 5000);
	json_decref(last);
	buf_done(&r.log);
}

static void a_log_with_room(void **state)
{
	struct run r = {.log = BUF_INIT(1 << 20)};

	(void)state;
	run_log(&r, "info", "a", "b");
	run_log_end(&r);
	assert_non_null(strstr(buf_str(&r.log), "all dumpers have ended"));
	buf_done(&r.log);
}

/* What nohup or a script's background job ignores does not stop a run. */
static void ignored_signals_stay_so(void **state)
{
	struct sigaction sa;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	run_catch_signals();
	assert_int_equal(sigaction(SIGHUP, NULL, &sa), 0);
	assert_true(sa.sa_handler == SIG_IGN);
	assert_false(run_stopped());
	assert_int_equal(raise(SIGTERM), 0);
	assert_true(run_stopped());
	assert_int_equal(sigaction(SIGTERM, NULL, &sa), 0);
	assert_true(sa.sa_handler == SIG_DFL); /* the second one ends it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_log_says_so),
		cmocka_unit_test(a_log_with_room),
		cmocka_unit_test(ignored_signals_stay_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
