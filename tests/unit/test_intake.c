/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "own.h"
#include "press.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int setup(void **state)
{
	static struct press p;

	press_open(&p, -1, 0);
	(void)fcntl(p.channel[0], F_SETFL, O_NONBLOCK);
	*state = &p;
	return 0;
}

static int teardown(void **state)
{
	press_done(*state);
	return 0;
}

static void assert_rows(struct press *p, enum ledger_list list, const char *part, bool there)
{
	own_free char *text = press_rows(p, list);

	if (!strstr(text, part) == there)
		print_message("%s in %s\n", part, text);
	assert_int_equal(strstr(text, part) != NULL, there);
}

static void assert_cut_off(struct press *p, const char *why)
{
	assert_true(p->in.ended);
	assert_int_equal(p->in.code, EPROTO);
	assert_false(p->in.open);
	assert_rows(p, LEDGER_GAPS, why, true);
	/* and is not heard any more */
	assert_int_equal(press_say(p, press_begin("process/9/late", 0)), 0);
	assert_false(p->in.open);
}

static void a_member_arrives(void **state)
{
	struct press *p = *state;
	struct wire_msg m;

	memcpy(p->shared->slot[3] + 10, "hello", 5);
	assert_int_equal(press_say(p, press_begin("process/1/stat", 5)), 0);
	assert_int_equal(press_say(p, press_data(3, 10, 3, false)), 0);
	assert_int_equal(press_say(p, press_data(3, 13, 2, true)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(p->ledger.artifacts, 1);
	assert_int_equal(p->ledger.gaps, 0);
	assert_rows(p, LEDGER_SUMS,
		"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  "
		"process/1/stat\n",
		true);
	assert_int_equal(wire_recv(p->channel[1], &m, NULL, false, NULL), 1);
	assert_int_equal(m.type, WIRE_CREDIT);
	assert_int_equal(m.a, 3);
}

/* The worker knows nothing of folders: names it gives and is told have none. */
static void a_member_in_a_folder(void **state)
{
	struct press *p = *state;
	struct wire_msg gap = {.type = WIRE_GAP, .kind = GAP_CHANGED};
	char longest[INTAKE_MEMBER + 1] = "process/";
	struct err e = ERR_INIT;

	assert_int_equal(ledger_enter(&p->ledger, "containers/web/", &e), 0);
	assert_int_equal(press_say(p, press_begin("process/1/stat", 1)), 0);
	assert_string_equal(intake_member(&p->in), "process/1/stat");
	wire_puts(&gap, 0, "process/1/stat");
	assert_int_equal(press_say(p, gap), 0);
	assert_true(p->in.partial);
	memcpy(p->shared->slot[0], "x", 1);
	assert_int_equal(press_say(p, press_data(0, 0, 1, false)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_rows(p, LEDGER_SUMS, "  containers/web/process/1/stat\n", true);
	assert_rows(p, LEDGER_GAPS, "\"member\":\"containers/web/process/1/stat\"", true);
	assert_rows(p, LEDGER_ARTIFACTS, "\"status\":\"partial\"", true);
	/* a name that is not too long by itself */
	memset(longest + 8, 'x', sizeof(longest) - 9);
	assert_int_equal(press_say(p, press_begin(longest, 1)), 0);
	assert_cut_off(p, "begin");
}

/* Each as the only thing a worker says, without and with an open member. */
static void out_of_turn(void **state)
{
	static const struct wire_msg bad[] = {
		{.type = 0},
		{.type = WIRE_CREDIT},
		{.type = WIRE_FINISH},
		{.type = UINT32_MAX},
		{.type = WIRE_GAP, .kind = GAP_KINDS},
		{.type = WIRE_DATA, .a = WIRE_SLOTS},
		{.type = WIRE_DATA, .a = UINT64_MAX},
		{.type = WIRE_DATA, .b = WIRE_SLOT + 1},
		{.type = WIRE_DATA, .b = 1, .c = WIRE_SLOT},
		{.type = WIRE_DATA, .b = UINT64_MAX, .c = 2},
		{.type = WIRE_DATA, .c = 11},
		{.type = WIRE_DATA, .c = UINT64_MAX},
		{.type = WIRE_BEGIN},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (int open = 0; open < 2; open++) {
			struct press *p = *state;

			if (open)
				assert_int_equal(press_say(p, press_begin("process/1/x", 10)), 0);
			assert_int_equal(press_say(p, bad[i]), 0);
			assert_cut_off(p, "broke the protocol");
			assert_int_equal(p->ledger.artifacts, open);
			(void)teardown(state);
			(void)setup(state);
		}
}

static void data_and_end_need_a_member(void **state)
{
	struct press *p = *state;

	assert_int_equal(press_say(p, press_data(0, 0, 1, false)), 0);
	assert_cut_off(p, "(data)");
	(void)teardown(state);
	(void)setup(state);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_cut_off(p, "(end)");
}

static void names_are_checked(void **state)
{
	static const char *const bad[] = {"", "/etc/passwd", "process/../x", "process/",
		"network/x", "begin.json", "manifest.json", "process/a b", "process/\n",
		"process//x"};
	char longest[INTAKE_MEMBER + 2] = "process/";
	struct press *p = *state;

	memset(longest + 8, 'a', sizeof(longest) - 9);
	for (size_t i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		const char *name = i < sizeof(bad) / sizeof(bad[0]) ? bad[i] : longest;

		assert_int_equal(press_say(p, press_begin(name, 1)), 0);
		assert_cut_off(p, "broke the protocol");
		(void)teardown(state);
		(void)setup(state);
	}
	longest[INTAKE_MEMBER] = '\0';
	assert_int_equal(press_say(p, press_begin(longest, 0)), 0);
	assert_true(p->in.open);
}

static void a_name_comes_once(void **state)
{
	struct press *p = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(press_say(p, press_begin("process/1/x", 0)), 0);
		assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	}
	assert_int_equal(p->ledger.artifacts, 1);
	assert_int_equal(p->in.code, EPROTO);
}

static void the_engine_has_names_of_its_own(void **state)
{
	struct press *p = *state;

	p->in.dumper = WIRE_ENGINE;
	assert_int_equal(press_say(p, press_begin("begin.json", 0)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(press_say(p, press_begin("process/1/x", 0)), 0);
	assert_cut_off(p, "not a name this dumper may use");
}

static void short_members_are_padded(void **state)
{
	struct press *p = *state;

	assert_int_equal(press_say(p, press_begin("process/1/x", 200000)), 0);
	assert_int_equal(press_say(p, press_data(0, 0, 100, false)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(p->ledger.member_bytes, 200000);
	assert_rows(p, LEDGER_GAPS, "\"kind\":\"changed\"", true);
	assert_rows(p, LEDGER_GAPS, "zeros from byte 100 on", true);
	assert_rows(p, LEDGER_ARTIFACTS, "\"status\":\"partial\"", true);
}

static void a_dumper_may_end_in_the_middle(void **state)
{
	struct press *p = *state;
	struct wire_msg done = {.type = WIRE_DONE, .code = EIO};

	wire_puts(&done, 0, "why\x1b[31m\xff");
	assert_int_equal(press_say(p, press_begin("process/1/x", 10)), 0);
	assert_int_equal(press_say(p, done), 0);
	assert_true(p->in.ended);
	assert_int_equal(p->in.code, EIO);
	assert_string_equal(p->in.why, "why\x1b[31m\xff");
	assert_int_equal(p->ledger.artifacts, 1);
	assert_rows(p, LEDGER_GAPS, "ended in the middle", true);
}

static void over_the_size_limit(void **state)
{
	struct press *p = *state;

	p->in.max_bytes = 1000;
	assert_int_equal(press_say(p, press_begin("process/1/x", 600)), 0);
	assert_int_equal(press_say(p, press_data(0, 0, 600, false)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(press_say(p, press_begin("process/1/y", 401)), 0);
	assert_int_equal(press_say(p, press_data(0, 0, 401, true)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(p->ledger.artifacts, 1);
	assert_rows(p, LEDGER_GAPS, "--max-size", true);
	assert_int_equal(press_say(p, press_begin("process/1/z", 400)), 0);
	assert_null(p->in.discard);
	p->in.dumper = WIRE_ENGINE; /* its own members always fit */
	p->in.open = false;
}

static void what_is_to_stay_free_on_the_disk(void **state)
{
	struct press *p = *state;
	own_fd int disk = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	p->in.disk_fd = disk;
	assert_int_equal(press_say(p, press_begin("process/1/x", 600)), 0);
	assert_null(p->in.discard); /* nobody looks */
	assert_int_equal(press_say(p, press_data(0, 0, 600, false)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	p->in.reserve = UINT64_MAX;
	assert_int_equal(press_say(p, press_begin("process/1/y", 1)), 0);
	assert_int_equal(press_say(p, press_data(0, 0, 1, true)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(p->ledger.artifacts, 1);
	assert_rows(p, LEDGER_GAPS, "stay free on the disk", true);
}

/* What would be padded for years does not go in at all. */
static void absurd_sizes_are_left_out(void **state)
{
	static const uint64_t sizes[] = {UINT64_MAX, 1ULL << 63, (1ULL << 44) + 1};
	struct press *p = *state;

	for (size_t i = 0; i < 3; i++) {
		char name[] = "process/1/0";

		name[10] = (char)('0' + i);
		assert_int_equal(press_say(p, press_begin(name, sizes[i])), 0);
		assert_int_equal(press_say(p, press_data(0, 0, 100, false)), 0);
		assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	}
	assert_int_equal(p->ledger.artifacts, 0);
	assert_false(p->in.ended);
	assert_int_equal(p->ledger.gap_count[GAP_OVER_BUDGET], 3);
}

static void more_members_than_a_bundle_may_have(void **state)
{
	struct press *p = *state;

	p->ledger.artifacts = 1500000 - 16;
	assert_int_equal(press_say(p, press_begin("process/1/x", 0)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_int_equal(p->ledger.artifacts, 1500000 - 16);
	assert_false(p->in.ended);
	assert_rows(p, LEDGER_GAPS, "more members than a bundle may have", true);
	p->in.dumper = WIRE_ENGINE;
	assert_int_equal(press_say(p, press_begin("collector/log.jsonl", 0)), 0);
	assert_null(p->in.discard);
}

static void a_worker_that_takes_no_credit_is_cut_off(void **state)
{
	struct press *p = *state;

	assert_int_equal(press_say(p, press_begin("process/1/x", 10)), 0);
	for (int i = 0; i < 100000 && !p->in.ended; i++)
		assert_int_equal(press_say(p, press_data(0, 0, 0, true)), 0);
	assert_cut_off(p, "credits not taken");
}

static int count_alive(void *arg, struct err *e)
{
	(void)e;
	++*(int *)arg;
	return 0;
}

static void padding_shows_signs_of_life(void **state)
{
	struct press *p = *state;
	int calls = 0;

	p->in.alive = count_alive;
	p->in.alive_arg = &calls;
	assert_int_equal(press_say(p, press_begin("process/1/x", 1 << 20)), 0);
	assert_int_equal(press_say(p, (struct wire_msg){.type = WIRE_END}), 0);
	assert_in_range(calls, 16, 17);
}

static void gaps_and_findings_of_any_bytes(void **state)
{
	struct press *p = *state;
	struct wire_msg m = {.type = WIRE_GAP, .kind = GAP_STALLED, .code = -1};
	char text[WIRE_TEXT];

	memset(text, 0xff, sizeof(text));
	wire_puts(&m, 0, "process/1/x\"\n\\");
	wire_put(&m, 1, text, 5000);
	wire_puts(&m, 2, "\x01\x7f\xc3");
	assert_int_equal(press_say(p, m), 0);
	m = (struct wire_msg){.type = WIRE_FINDING};
	wire_put(&m, 0, text, sizeof(text));
	assert_int_equal(press_say(p, m), 0);
	assert_int_equal(p->ledger.gaps, 1);
	assert_int_equal(p->ledger.findings, 1);
	assert_false(p->in.ended);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_member_arrives),
		TEST(a_member_in_a_folder),
		TEST(out_of_turn),
		TEST(data_and_end_need_a_member),
		TEST(names_are_checked),
		TEST(a_name_comes_once),
		TEST(the_engine_has_names_of_its_own),
		TEST(short_members_are_padded),
		TEST(a_dumper_may_end_in_the_middle),
		TEST(over_the_size_limit),
		TEST(what_is_to_stay_free_on_the_disk),
		TEST(absurd_sizes_are_left_out),
		TEST(more_members_than_a_bundle_may_have),
		TEST(a_worker_that_takes_no_credit_is_cut_off),
		TEST(padding_shows_signs_of_life),
		TEST(gaps_and_findings_of_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
