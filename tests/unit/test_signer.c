/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "io.h"
#include "own.h"
#include "run.h"
#include "sign.h"
#include "signer.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RUN "20260131T100000Z-0123456789abcdef"
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct run run;
static int writer; /* its end */

static int setup(void **state)
{
	struct err e = ERR_INIT;
	int pair[2];

	(void)state;
	run = (struct run){.run_id = RUN, .spool_dir = -1};
	if (wire_pair(pair, &e) < 0 || sign_generate(&run.key, &e) < 0)
		return -1;
	sign_public(run.key, run.signer);
	run.sign_sock = pair[0];
	writer = pair[1];
	return fcntl(pair[0], F_SETFL, O_NONBLOCK);
}

static int teardown(void **state)
{
	(void)state;
	sign_free(run.key);
	if (run.sign_sock >= 0)
		close(run.sign_sock);
	close(writer);
	return 0;
}

/* 0 and a good signature over the text, or what the engine says to it. */
static int ask(struct wire_msg m, int fd, const void *text, size_t n)
{
	struct err e = ERR_INIT;
	size_t len;
	int rc;

	assert_int_equal(wire_send(writer, &m, fd, NULL), 0);
	rc = signer_serve(&run, &e);
	if (rc < 0)
		return rc;
	assert_int_equal(wire_recv(writer, &m, NULL, false, NULL), 1);
	assert_int_equal(m.type, WIRE_SIGNED);
	(void)wire_part(&m, 0, &len);
	assert_int_equal(len, SEAL_SIG);
	return sign_verify(run.signer, text, n, (const uint8_t *)m.text, NULL);
}

static int ask_seal(const char *line)
{
	struct wire_msg m = {.type = WIRE_SIGN};

	wire_puts(&m, 0, line);
	return ask(m, -1, line, strlen(line));
}

static int ask_sums(const char *text, uint64_t claimed)
{
	own_fd int fd = io_spool(-1, NULL);
	struct wire_msg m = {.type = WIRE_SIGN, .a = claimed};

	assert_int_equal(io_pwrite(fd, text, strlen(text), 0), 0);
	return ask(m, fd, text, strlen(text));
}

static void seals_in_their_order(void **state)
{
	(void)state;
	assert_int_equal(ask_seal("{\"seal\":1,\"run\":\"" RUN "\",\"seq\":0,\"offset\":0}"), 0);
	assert_int_equal(ask_seal("{\"seal\":1,\"run\":\"" RUN "\",\"seq\":1,\"offset\":9}"), 0);
	assert_int_equal(run.seals, 2);
	assert_int_equal(
		ask_seal("{\"seal\":1,\"run\":\"" RUN "\",\"seq\":1,\"offset\":9}"), -EPROTO);
	assert_int_equal(
		ask_seal("{\"seal\":1,\"run\":\"" RUN "\",\"seq\":3,\"offset\":9}"), -EPROTO);
	assert_int_equal(
		ask_seal("{\"seal\":1,\"run\":\"other\",\"seq\":2,\"offset\":9}"), -EPROTO);
	assert_int_equal(
		ask_seal("{\"seal\":1,\"run\":\"" RUN "\",\"seq\":2,\"offset\":9}\n{}"), -EPROTO);
	assert_int_equal(ask_seal(""), -EPROTO);
	assert_int_equal(run.seals, 2);
}

static void sums_once(void **state)
{
	static const char text[] = HEX "  begin.json\n" HEX "  manifest.json\n";

	(void)state;
	assert_int_equal(ask_sums(text, sizeof(text) - 1), 0);
	assert_int_equal(ask_sums(text, sizeof(text) - 1), -EPROTO);
}

/* Signatures are over raw bytes: what is signed as sums must not be worth anything else. */
static void sums_and_nothing_else(void **state)
{
	static const char *const bad[] = {
		"{\"seal\":1,\"run\":\"other\",\"seq\":0,\"offset\":0,\"length\":1,\"sha256\":"
		"\"\"}",
		HEX "  other.tar.zst\n",
		HEX "  begin.json.tar.zst\n",
		HEX " *begin.json\n",
		HEX "  begin.json\nno end",
		"",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ask_sums(bad[i], strlen(bad[i])), -EPROTO);
		(void)teardown(state);
		(void)setup(state);
	}
	assert_int_equal(ask_sums(HEX "  begin.json\n", 1000), -EPROTO);
	assert_int_equal(ask_sums(HEX "  begin.json\n", UINT64_MAX), -EPROTO);
}

static void a_descriptor_of_another_kind(void **state)
{
	static const char *const paths[] = {"/dev/null", "/", "/proc/self/mem"};
	int ends[2];

	for (size_t i = 0; i < 3; i++) {
		own_fd int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_true(ask((struct wire_msg){.type = WIRE_SIGN, .a = 100}, fd, "", 0) < 0);
		(void)teardown(state);
		(void)setup(state);
	}
	assert_int_equal(pipe(ends), 0); /* one that would block */
	assert_true(ask((struct wire_msg){.type = WIRE_SIGN, .a = 100}, ends[0], "", 0) < 0);
	close(ends[0]);
	close(ends[1]);
}

static void nothing_to_do(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(signer_serve(&run, &e), 0);
	assert_int_equal(ask((struct wire_msg){.type = WIRE_FINISH}, -1, "", 0), -EPROTO);
	close(writer);
	assert_int_equal(signer_serve(&run, &e), 0);
	assert_int_equal(run.sign_sock, -1); /* or poll would not rest */
	writer = dup(0);
}

static void requests_whose_answers_nobody_reads(void **state)
{
	struct wire_msg m = {.type = WIRE_SIGN};
	int rc = 0;

	(void)state;
	for (unsigned i = 0; rc == 0 && i < 100000; i++) {
		struct err e = ERR_INIT;
		char line[128];

		snprintf(line, sizeof(line),
			"{\"seal\":1,\"run\":\"%s\",\"seq\":%u,\"offset\":", RUN, i);
		m.len[0] = 0;
		wire_puts(&m, 0, line);
		assert_int_equal(wire_send(writer, &m, -1, NULL), 0);
		rc = signer_serve(&run, &e);
	}
	assert_int_equal(rc, -EAGAIN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(seals_in_their_order),
		TEST(sums_once),
		TEST(sums_and_nothing_else),
		TEST(a_descriptor_of_another_kind),
		TEST(nothing_to_do),
		TEST(requests_whose_answers_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
