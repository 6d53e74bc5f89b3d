/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "engine.h"
#include "memberlist.h"
#include "progress.h"
#include "result.h"
#include "term.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static void assert_cell(const char *text, unsigned width, const char *expect)
{
	own_buf struct buf b = BUF_INIT(4096);

	term_cell(&b, text, width);
	assert_string_equal(buf_str(&b), expect);
}

static void cells_have_their_width(void **state)
{
	(void)state;
	assert_cell("abc", 5, "abc  ");
	assert_cell("abcde", 5, "abcde");
	assert_cell("abcdef", 5, "abcd\xe2\x80\xa6");
	assert_cell("a\nb", 0, "a\\nb");
	assert_cell("\x1b[31m", 6, "\\x1b[\xe2\x80\xa6");
	assert_cell("\xe6\xbc\xa2\xe5\xad\x97x", 4, "\xe6\xbc\xa2\xe2\x80\xa6 ");
	assert_cell("e\xcc\x81t\xc3\xa9", 3, "e\xcc\x81t\xc3\xa9");
	assert_cell("", 2, "  ");
}

static void stage_lines_say_what_was_added(void **state)
{
	struct progress p = {.before = {.bytes = 1024, .artifacts = 2, .gaps = 1}};
	struct engine_progress now = {.stage = "filesystem",
		.step = 3,
		.steps = 9,
		.bytes = 4096,
		.artifacts = 5,
		.gaps = 2,
		.elapsed_ms = 61500,
		.stage_done = true,
		.status = "partial"};
	own_buf struct buf b = BUF_INIT(4096);

	(void)state;
	progress_stage(&b, &p, &now);
	assert_string_equal(
		buf_str(&b), "[3/9] filesystem: partial, 3 artifacts, 3.0 KiB, 1 gap, 1 min 1 s");
}

static void bars_fit_any_width(void **state)
{
	struct engine_progress now = {
		.stage = "process", .step = 2, .steps = 4, .bytes = 5, .elapsed_ms = 1200};

	(void)state;
	for (unsigned width = 1; width < 120; width++) {
		own_buf struct buf b = BUF_INIT(4096);
		unsigned columns = 0;

		progress_bar(&b, &now, width);
		for (const char *s = buf_str(&b); *s; s++)
			columns += (*s & 0xc0) != 0x80;
		assert_int_equal(columns, width);
	}
}

/* A terminal hands on what was written when it comes to it: to be called when the other end is
 * closed, which is told behind the last byte. */
static size_t drain(int fd, char *ret, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) > 0) {
		ssize_t got = read(fd, ret + n, size - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	ret[n] = '\0';
	return n;
}

static int open_terminal(int *ret_master)
{
	struct winsize size = {.ws_row = 24, .ws_col = 60};
	int slave;

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(*ret_master >= 0);
	assert_int_equal(grantpt(*ret_master), 0);
	assert_int_equal(unlockpt(*ret_master), 0);
	slave = open(ptsname(*ret_master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	return slave;
}

static void a_terminal_gets_one_line_ten_times_a_second(void **state)
{
	struct engine_progress now = {.stage = "process", .step = 1, .steps = 4};
	struct progress p;
	char text[65536];
	int master, slave = open_terminal(&master);
	unsigned drawn = 0;

	(void)state;
	setenv("TERM", "xterm", 1);
	assert_int_equal(term_width(slave), 60);
	progress_init(&p, slave);
	assert_true(p.live);
	for (now.elapsed_ms = 0; now.elapsed_ms < 1000; now.elapsed_ms++)
		progress_show(&now, &p);
	progress_done(&p);
	setenv("TERM", "dumb", 1);
	assert_false(term_is_live(slave));
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	assert_false(term_has_colour(slave));
	close(slave);
	drain(master, text, sizeof(text));
	for (char *s = text; (s = strstr(s, "process")); s++)
		drawn++;
	assert_int_equal(drawn, 10);
	assert_null(strchr(text, '\n'));
	assert_string_equal(text + strlen(text) - 4, "\r\033[K");
	close(master);
}

/* ^S on the terminal: the run goes on. */
static void a_stopped_terminal_does_not_hold_up(void **state)
{
	struct engine_progress now = {.stage = "process", .stage_done = true, .status = "failed"};
	struct progress p;
	int master, slave = open_terminal(&master);

	(void)state;
	setenv("TERM", "xterm", 1);
	progress_init(&p, slave);
	assert_int_equal(tcflow(slave, TCOOFF), 0);
	alarm(5);
	for (now.elapsed_ms = 0; now.elapsed_ms < 100000; now.elapsed_ms += 100)
		progress_show(&now, &p);
	alarm(0);
	assert_int_equal(tcflow(slave, TCOON), 0);
	close(slave);
	close(master);
}

static void a_full_pipe_does_not_hold_up(void **state)
{
	struct engine_progress now = {.stage = "process", .stage_done = true, .status = "ok"};
	struct progress p;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	progress_init(&p, fd[1]);
	assert_false(p.live);
	alarm(5);
	for (now.elapsed_ms = 0; now.elapsed_ms < 10000; now.elapsed_ms++)
		progress_show(&now, &p);
	alarm(0);
	close(fd[0]);
	close(fd[1]);
}

static const struct engine_result sample = {
	.bundle = "/tmp/my case/x.tar.zst",
	.run_id = "R",
	.sha256 = "aa",
	.signer = "bb",
	.run_key = true,
	.verdict = "partial",
	.pod = "shop/web",
	.containers = 2,
	.artifacts = 12,
	.gaps = 1,
	.bytes = 2048,
	.duration_ms = 4200,
	.frozen_us = 12034,
};

static void the_json_result_is_a_contract(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);

	(void)state;
	result_json(&b, &sample, EXIT_PARTIAL);
	assert_string_equal(buf_str(&b),
		"{\"bundle\":\"/tmp/my case/x.tar.zst\",\"sha256\":\"aa\",\"run_id\":\"R\","
		"\"signer\":\"bb\",\"verdict\":\"partial\",\"pod\":\"shop/web\","
		"\"containers\":2,\"artifacts\":12,\"gaps\":1,"
		"\"bytes\":2048,\"duration_ms\":4200,\"frozen_ms\":12.034,\"exit\":3}\n");
}

/* The output was lost: nobody counted. */
static void what_is_not_known_is_null(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);
	struct engine_result lost = sample;

	(void)state;
	lost.sha256[0] = lost.pod[0] = '\0';
	lost.artifacts = lost.gaps = lost.bytes = 0;
	lost.verdict = "interrupted";
	result_json(&b, &lost, EXIT_PARTIAL);
	assert_string_equal(buf_str(&b),
		"{\"bundle\":\"/tmp/my case/x.tar.zst\",\"sha256\":null,\"run_id\":\"R\","
		"\"signer\":\"bb\",\"verdict\":\"interrupted\",\"pod\":null,"
		"\"containers\":2,\"artifacts\":null,\"gaps\":null,"
		"\"bytes\":null,\"duration_ms\":4200,\"frozen_ms\":12.034,\"exit\":3}\n");
}

static void the_summary_says_what_to_do(void **state)
{
	own_buf struct buf b = BUF_INIT(65536);
	struct engine_result streamed = sample;

	(void)state;
	result_text(&b, &sample, NULL);
	assert_string_equal(buf_str(&b),
		"taphos: partial: 12 artifacts, 2.0 KiB in 4.2 s, 1 gap\n"
		"  gaps      taphos inspect '/tmp/my case/x.tar.zst'\n"
		"  signer    bb\n"
		"            a key made for this run: note its fingerprint now\n"
		"  verify    taphos verify '/tmp/my case/x.tar.zst'\n");
	snprintf(streamed.bundle, sizeof(streamed.bundle), "-");
	streamed.run_key = false;
	streamed.gaps = 0;
	buf_clear(&b);
	result_text(&b, &streamed, "k.pem");
	assert_string_equal(buf_str(&b),
		"taphos: partial: 12 artifacts, 2.0 KiB in 4.2 s, no gaps\n"
		"  signer    bb\n");
	streamed.verdict = "interrupted";
	streamed.sha256[0] = '\0';
	streamed.artifacts = 0;
	buf_clear(&b);
	result_text(&b, &streamed, "k.pem");
	assert_string_equal(buf_str(&b),
		"taphos: interrupted after 4.2 s: 'taphos verify' says what is there\n"
		"  signer    bb\n");
}

static void many_members_are_added_up(void **state)
{
	own_buf struct buf out = BUF_INIT(1 << 16);
	struct memberlist l;

	(void)state;
	memberlist_begin(&l);
	memberlist_add(&l, "begin.json", 10);
	for (int i = 0; i < 500; i++) {
		char name[64];

		snprintf(name, sizeof(name), "process/%d/maps", i);
		memberlist_add(&l, name, 1024);
		snprintf(name, sizeof(name), "logs/%d.log", i);
		memberlist_add(&l, name, 1);
	}
	memberlist_text(&l, &out);
	memberlist_done(&l);
	assert_non_null(strstr(buf_str(&out), "        10 B  begin.json\n"));
	assert_non_null(strstr(buf_str(&out), "     500 KiB  process/*/* (500)\n"));
	assert_non_null(strstr(buf_str(&out), "         1 B  logs/0.log\n"));
	assert_non_null(strstr(buf_str(&out), "       406 B  others (406)\n"));
	assert_non_null(strstr(buf_str(&out), "  1001 members in all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_have_their_width),
		cmocka_unit_test(stage_lines_say_what_was_added),
		cmocka_unit_test(bars_fit_any_width),
		cmocka_unit_test(a_terminal_gets_one_line_ten_times_a_second),
		cmocka_unit_test(a_stopped_terminal_does_not_hold_up),
		cmocka_unit_test(a_full_pipe_does_not_hold_up),
		cmocka_unit_test(the_json_result_is_a_contract),
		cmocka_unit_test(what_is_not_known_is_null),
		cmocka_unit_test(the_summary_says_what_to_do),
		cmocka_unit_test(many_members_are_added_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
