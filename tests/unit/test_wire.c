/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "err.h"
#include "own.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

static size_t open_files(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Padding makes room for a second descriptor: whoever leaks those can be starved of them. */
static void surplus_descriptors_are_closed(void **state)
{
	struct wire_msg m = {.type = WIRE_FD};
	struct iovec io = {&m, offsetof(struct wire_msg, text)};
	struct err e = ERR_INIT;
	struct wire_msg got;
	int pair[2], fd = -1;
	size_t before;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user cuts control messages in its own way");
	assert_int_equal(wire_pair(pair, &e), 0);
	before = open_files();
	for (size_t n = 1; n <= 20; n++) {
		char control[CMSG_SPACE(20 * sizeof(int))] = {0};
		struct msghdr h = {.msg_iov = &io,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = CMSG_SPACE(n * sizeof(int))};
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
		assert_true(sendmsg(pair[0], &h, 0) > 0);
		assert_int_equal(wire_recv(pair[1], &got, &fd, true, &e), n == 1 ? 1 : -EBADMSG);
		if (n == 1)
			close(fd);
		assert_int_equal(open_files(), before);
		assert_true(sendmsg(pair[0], &h, 0) > 0); /* and where none is wanted */
		(void)!wire_recv(pair[1], &got, NULL, true, &e);
		assert_int_equal(open_files(), before);
	}
	close(pair[0]);
	close(pair[1]);
}

static void text_that_does_not_fit_is_cut(void **state)
{
	struct wire_msg m = {.type = WIRE_GAP}, got;
	char text[WIRE_TEXT + 100];
	struct err e = ERR_INIT;
	int pair[2];
	size_t n;

	(void)state;
	memset(text, 'x', sizeof(text));
	wire_puts(&m, 0, "first");
	wire_put(&m, 1, text, sizeof(text));
	wire_puts(&m, 2, "no room");
	assert_int_equal(wire_pair(pair, &e), 0);
	assert_int_equal(wire_send(pair[0], &m, -1, &e), 0);
	assert_int_equal(wire_recv(pair[1], &got, NULL, true, &e), 1);
	(void)wire_part(&got, 1, &n);
	assert_int_equal(n, WIRE_TEXT - 5);
	(void)wire_part(&got, 2, &n);
	assert_int_equal(n, 0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(surplus_descriptors_are_closed),
		cmocka_unit_test(text_that_does_not_fit_is_cut),
		cmocka_unit_test(last_words_arrive),
		cmocka_unit_test(descriptors_travel),
		cmocka_unit_test(malformed_messages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
