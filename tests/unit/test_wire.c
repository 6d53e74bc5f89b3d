/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "err.h"
#include "own.h"
#include "wire.h"

#include <errno.h>
#include <unistd.h>

static void say(int sock, const char *text)
{
	struct wire_msg m = {.type = WIRE_FINDING};

	wire_puts(&m, 0, text);
	assert_int_equal(wire_send(sock, &m, -1, NULL), 0);
}

static void hear(int sock, const char *text)
{
	struct wire_msg m;
	char got[64];

	assert_int_equal(wire_recv(sock, &m, NULL, false, NULL), 1);
	wire_string(&m, 0, got, sizeof(got));
	assert_string_equal(got, text);
}

/* The kernel says "connection reset" before it hands out what the peer had said. */
static void last_words_arrive(void **state)
{
	struct err e = ERR_INIT;
	struct wire_msg m;
	int pair[2];

	(void)state;
	assert_int_equal(wire_pair(pair, &e), 0);
	say(pair[0], "first");
	say(pair[0], "last");
	say(pair[1], "never read");
	close(pair[0]);
	hear(pair[1], "first");
	hear(pair[1], "last");
	assert_int_equal(wire_recv(pair[1], &m, NULL, false, &e), 0);
	close(pair[1]);
}

static void descriptors_travel(void **state)
{
	struct wire_msg m = {.type = WIRE_FD, .kind = 7}, got;
	struct err e = ERR_INIT;
	own_fd int fd = -1;
	int pair[2];

	(void)state;
	assert_int_equal(wire_pair(pair, &e), 0);
	assert_int_equal(wire_recv(pair[1], &got, NULL, false, &e), -EAGAIN);
	assert_int_equal(wire_send(pair[0], &m, pair[0], &e), 0);
	assert_int_equal(wire_recv(pair[1], &got, &fd, true, &e), 1);
	assert_int_equal(got.kind, 7);
	assert_true(fd > pair[1]);
	close(pair[0]);
	close(pair[1]);
}

static void malformed_messages_are_refused(void **state)
{
	struct wire_msg m = {.type = WIRE_FINDING}, got;
	struct err e = ERR_INIT;
	int pair[2];

	(void)state;
	assert_int_equal(wire_pair(pair, &e), 0);
	m.len[0] = 5; /* and no text */
	assert_int_equal(write(pair[0], &m, offsetof(struct wire_msg, text)),
		offsetof(struct wire_msg, text));
	assert_int_equal(wire_recv(pair[1], &got, NULL, false, &e), -EBADMSG);
	assert_int_equal(write(pair[0], "x", 1), 1);
	assert_int_equal(wire_recv(pair[1], &got, NULL, false, &e), -EBADMSG);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_words_arrive),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(malformed_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
