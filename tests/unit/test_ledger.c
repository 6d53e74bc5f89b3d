/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "ledger.h"
#include "io.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fd[LEDGER_LISTS];

static int setup(void **state)
{
	static struct ledger r;

	for (int i = 0; i < LEDGER_LISTS; i++)
		fd[i] = io_spool(-1, NULL);
	*state = &r;
	return ledger_open(&r, fd, NULL);
}

static int teardown(void **state)
{
	ledger_done(*state);
	for (int i = 0; i < LEDGER_LISTS; i++)
		close(fd[i]);
	return 0;
}

static int keep(const void *p, size_t n, void *arg, struct err *e)
{
	(void)e;
	return buf_add(arg, p, n);
}

static json_t *manifest(struct ledger *r, const char *reason)
{
	own_buf struct buf b = BUF_INIT(256 << 20);
	struct err e = ERR_INIT;
	json_error_t je;
	json_t *root;

	assert_int_equal(ledger_flush(r, &e), 0);
	assert_int_equal(ledger_manifest(r, "\"run_id\":\"x\"", reason, keep, &b, &e), 0);
	for (const char *line = buf_str(&b), *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_true(end - line <= 65536); /* docs/BUNDLE.md */
	}
	root = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
	if (!root)
		print_message("%s at %d\n", je.text, je.position);
	assert_non_null(root);
	return root;
}

static json_t *first(json_t *root, const char *list)
{
	return json_array_get(json_object_get(root, list), 0);
}

static void nothing_is_a_manifest_too(void **state)
{
	json_t *root = manifest(*state, "");

	assert_string_equal(json_string_value(json_object_get(root, "verdict")), "complete");
	assert_string_equal(json_string_value(json_object_get(root, "run_id")), "x");
	assert_int_equal(json_array_size(json_object_get(root, "artifacts")), 0);
	json_decref(root);
}

static void any_bytes_make_json(void **state)
{
	struct ledger *r = *state;
	unsigned char where[6000];
	struct ledger_gap g = {.kind = GAP_REFUSED,
		.dumper = "process",
		.member = "\"\\\n\x01\x7f\xff\xed\xa0\x80",
		.where = where,
		.where_len = sizeof(where),
		.code = INT32_MIN,
		.why = "\xc3\x28\xe2\x80\xae"};
	json_t *root;

	for (size_t i = 0; i < sizeof(where); i++)
		where[i] = (unsigned char)i;
	ledger_gap(r, &g);
	memset(where, '\x01', sizeof(where)); /* the longest form of all */
	ledger_gap(r, &g);
	ledger_finding(r, "x", (const char *)where, sizeof(where));
	ledger_finding(r, "x", "\xff", 1);
	root = manifest(r, "why \" not\xff");
	assert_int_equal(json_array_size(json_object_get(root, "gaps")), 2);
	assert_non_null(json_object_get(first(root, "gaps"), "where_b64"));
	assert_int_equal(json_array_size(json_object_get(root, "findings")), 2);
	assert_string_equal(json_string_value(json_object_get(root, "verdict")), "interrupted");
	json_decref(root);
}

static void too_many_are_counted(void **state)
{
	struct ledger *r = *state;
	struct ledger_gap g = {
		.kind = GAP_VANISHED, .dumper = "d", .member = "", .where = "", .why = ""};
	json_t *root;

	for (int i = 0; i < LEDGER_GAPS_MAX + 5; i++)
		ledger_gap(r, &g);
	g.kind = GAP_STALLED; /* another kind still has room */
	ledger_gap(r, &g);
	for (int i = 0; i < LEDGER_FINDINGS_MAX + 7; i++)
		ledger_finding(r, "d", "x", 1);
	root = manifest(r, "");
	assert_int_equal(r->gaps, LEDGER_GAPS_MAX + 6);
	assert_int_equal(json_array_size(json_object_get(root, "gaps")), LEDGER_GAPS_MAX + 1);
	assert_int_equal(json_array_size(json_object_get(root, "findings")), LEDGER_FINDINGS_MAX);
	assert_int_equal(json_integer_value(json_object_get(root, "gaps_not_listed")), 5);
	assert_int_equal(json_integer_value(json_object_get(root, "findings_not_listed")), 7);
	assert_int_equal(json_integer_value(
				 json_object_get(json_object_get(root, "gap_counts"), "vanished")),
		LEDGER_GAPS_MAX + 5);
	json_decref(root);
}

static void set_status(struct ledger_dumper *d, const char *status)
{
	snprintf(d->status, sizeof(d->status), "%s", status);
}

static void what_is_no_loss_is_no_gap(void **state)
{
	struct ledger *r = *state;
	struct ledger_gap g = {
		.kind = GAP_BY_PROFILE, .dumper = "d", .member = "", .where = "", .why = ""};

	ledger_gap(r, &g);
	g.kind = GAP_SPECIAL_FILE;
	ledger_gap(r, &g);
	assert_int_equal(r->gaps, 0);
	assert_string_equal(ledger_verdict(r, ""), "complete");
	set_status(ledger_row(r, "d"), "skipped");
	assert_string_equal(ledger_verdict(r, ""), "complete");
	set_status(ledger_row(r, "e"), "failed");
	assert_string_equal(ledger_verdict(r, ""), "partial");
	set_status(ledger_row(r, "e"), "ok");
	assert_string_equal(ledger_verdict(r, ""), "complete");
	g.kind = GAP_CHANGED;
	ledger_gap(r, &g);
	assert_string_equal(ledger_verdict(r, ""), "partial");
}

/* What is of one container of several says so; what is of all has no such field. */
static void a_row_for_each_folder(void **state)
{
	static const char *const bad[] = {"containers/web", "/", "../", "containers//", "a b/"};
	struct ledger *r = *state;
	struct ledger_gap g = {
		.kind = GAP_VANISHED, .dumper = "d", .member = "", .where = "", .why = ""};
	struct err e = ERR_INIT;
	struct ledger_dumper *all = ledger_row(r, "d");
	json_t *root;

	assert_int_equal(ledger_enter(r, "containers/web/", &e), 0);
	assert_ptr_not_equal(ledger_row(r, "d"), all);
	assert_ptr_equal(ledger_row(r, "d"), ledger_row(r, "d"));
	ledger_gap(r, &g);
	ledger_finding(r, "d", "x", 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ledger_enter(r, bad[i], &e), -EINVAL);
	assert_int_equal(ledger_enter(r, "", &e), 0);
	assert_ptr_equal(ledger_row(r, "d"), all);
	ledger_gap(r, &g);
	for (int i = 0; i < 2 * LEDGER_ROWS; i++) { /* no end, and no more memory */
		char folder[32];

		snprintf(folder, sizeof(folder), "f%d/", i);
		assert_int_equal(ledger_enter(r, folder, &e), 0);
		assert_non_null(ledger_row(r, "d"));
	}
	assert_int_equal(r->rows, LEDGER_ROWS);
	r->rows = 2;
	root = manifest(r, "");
	assert_null(json_object_get(json_array_get(json_object_get(root, "dumpers"), 0), "folder"));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(root, "dumpers"), 1), "folder")),
		"containers/web");
	assert_string_equal(json_string_value(json_object_get(first(root, "gaps"), "folder")),
		"containers/web");
	assert_null(json_object_get(json_array_get(json_object_get(root, "gaps"), 1), "folder"));
	assert_string_equal(json_string_value(json_object_get(first(root, "findings"), "folder")),
		"containers/web");
	json_decref(root);
}

static void a_full_spool_is_a_failure(void **state)
{
	struct ledger *r = *state;
	struct err e = ERR_INIT;
	uint8_t digest[HASH_LEN] = {0};
	int full = open("/dev/full", O_RDWR | O_CLOEXEC);

	r->fd[LEDGER_SUMS] = full;
	ledger_sum(r, "a", digest);
	assert_int_equal(ledger_flush(r, &e), -ENOSPC);
	assert_non_null(strstr(e.text, "No space left"));
	assert_int_equal(ledger_flush(r, &e), -ENOSPC); /* and stays one */
	close(full);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_a_manifest_too),
		TEST(any_bytes_make_json),
		TEST(too_many_are_counted),
		TEST(what_is_no_loss_is_no_gap),
		TEST(a_row_for_each_folder),
		TEST(a_full_spool_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
