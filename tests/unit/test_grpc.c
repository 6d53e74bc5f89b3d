/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "grpc.h"
#include "grpckit.h"
#include "now.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SHORT_MS = 60, LONG_MS = 10000, ANSWER_MAX = 4 << 20 };

static const char method[] = "/test.Service/Method";

static int ask_for(struct grpc *g, const char *name, unsigned ms, struct buf *answer, struct err *e)
{
	own_buf struct buf request = BUF_INIT(100);
	const struct grpc_call call = {
		.method = name,
		.request = &request,
		.deadline_ns = now_ns() + ms * 1000000ULL,
	};

	assert_int_equal(buf_adds(&request, "what?"), 0);
	return grpc_call(g, &call, answer, e);
}

static int ask(struct grpc *g, unsigned ms, struct err *e)
{
	own_buf struct buf answer = BUF_INIT(ANSWER_MAX);

	return ask_for(g, method, ms, &answer, e);
}

/* What one call gets from a server that answers so. */
static int answered(const struct grpckit_reply *r, struct err *e)
{
	struct grpc *g;
	struct grpckit k;
	int rc;

	*e = ERR_INIT;
	grpckit_serve(&k, r, 1);
	assert_int_equal(grpc_open(k.client, &g, e), 0);
	rc = ask(g, LONG_MS, e);
	grpc_close(g);
	grpckit_done(&k);
	return rc;
}

static void an_answer_arrives(void **state)
{
	const struct grpckit_reply r = {.method = method, .body = "all\0of it", .len = 9};
	own_buf struct buf answer = BUF_INIT(ANSWER_MAX);
	struct err e = ERR_INIT;
	struct grpckit k;
	struct grpc *g;

	(void)state;
	grpckit_serve(&k, &r, 1);
	assert_int_equal(grpc_open(k.client, &g, &e), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_for(g, method, LONG_MS, &answer, &e), 0);
		assert_int_equal(answer.len, 9);
		assert_memory_equal(answer.data, "all\0of it", 9);
	}
	grpc_close(g);
	grpckit_done(&k);
	assert_int_equal(k.calls, 3);
	assert_int_equal(k.request_len, 10);
	assert_memory_equal(k.request, "\0\0\0\0\5what?", 10);
	assert_string_equal(k.method, method);
	assert_true(atoi(k.timeout) > LONG_MS / 2 && atoi(k.timeout) <= LONG_MS);
	assert_int_equal(k.timeout[strlen(k.timeout) - 1], 'm');
}

/* Larger than any window, and as large as what is taken. */
static void a_large_answer_arrives(void **state)
{
	own_buf struct buf body = BUF_INIT(ANSWER_MAX), answer = BUF_INIT(ANSWER_MAX);
	struct grpckit_reply r = {.method = method};
	struct err e = ERR_INIT;
	struct grpckit k;
	struct grpc *g;

	(void)state;
	for (uint32_t i = 0; i < ANSWER_MAX / sizeof(i); i++)
		assert_int_equal(buf_add(&body, &i, sizeof(i)), 0);
	r.body = body.data;
	r.len = body.len;
	grpckit_serve(&k, &r, 1);
	assert_int_equal(grpc_open(k.client, &g, &e), 0);
	assert_int_equal(ask_for(g, method, LONG_MS, &answer, &e), 0);
	assert_int_equal(answer.len, body.len);
	assert_memory_equal(answer.data, body.data, body.len);
	grpc_close(g);
	grpckit_done(&k);
}

static void an_empty_answer_is_one(void **state)
{
	const struct grpckit_reply r = {.method = method, .body = ""};
	struct err e;

	(void)state;
	assert_int_equal(answered(&r, &e), 0);
}

static void refusals_have_a_code(void **state)
{
	static const struct {
		const char *status;
		int code;
		const char *text;
	} cases[] = {
		{"5", ENOENT, "NOT_FOUND: no such thing"},
		{"12", ENOSYS, "UNIMPLEMENTED: no such thing"},
		{"7", EACCES, "PERMISSION_DENIED: no such thing"},
		{"16", EACCES, "UNAUTHENTICATED: no such thing"},
		{"14", EAGAIN, "UNAVAILABLE: no such thing"},
		{"13", EREMOTEIO, "INTERNAL: no such thing"},
		{"99", EREMOTEIO, "grpc status 99: no such thing"},
		{"x", EREMOTEIO, "grpc status 2147483647: no such thing"},
		{"-1", EREMOTEIO, "grpc status 2147483647: no such thing"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int only = 0; only < 2; only++) {
			const struct grpckit_reply r = {.method = method,
				.body = "",
				.status = cases[i].status,
				.message = "no such thing",
				.no_data = only};
			char want[128];

			snprintf(want, sizeof(want), "%s: %s", method, cases[i].text);
			assert_int_equal(answered(&r, &e), -cases[i].code);
			assert_string_equal(e.text, want);
		}
}

static void a_message_is_one_line(void **state)
{
	const struct grpckit_reply r = {
		.method = method, .body = "", .status = "5", .message = "a%0Ab%1b[31m%zz%4"};
	char long_message[1000];
	struct grpckit_reply longer = r;
	struct err e;

	(void)state;
	assert_int_equal(answered(&r, &e), -ENOENT);
	assert_string_equal(e.text, "/test.Service/Method: NOT_FOUND: a\\nb\\x1b[31m%zz%4");
	memset(long_message, 'x', sizeof(long_message) - 1);
	long_message[sizeof(long_message) - 1] = '\0';
	longer.message = long_message;
	assert_int_equal(answered(&longer, &e), -ENOENT);
	assert_true(strlen(e.text) < 220);
}

/* A refusal leaves the connection as it was. */
static void a_refusal_is_not_the_end(void **state)
{
	const struct grpckit_reply r = {.method = method, .body = "yes", .len = 3};
	own_buf struct buf answer = BUF_INIT(ANSWER_MAX);
	struct err e = ERR_INIT;
	struct grpckit k;
	struct grpc *g;

	(void)state;
	grpckit_serve(&k, &r, 1);
	assert_int_equal(grpc_open(k.client, &g, &e), 0);
	assert_int_equal(ask_for(g, "/test.Service/Other", LONG_MS, &answer, &e), -ENOSYS);
	assert_int_equal(ask_for(g, method, LONG_MS, &answer, &e), 0);
	grpc_close(g);
	grpckit_done(&k);
}

/* ---- answers that are none */

#define RAW(bytes) .method = method, .raw = (bytes), .len = sizeof(bytes) - 1

static void wrong_answers(void **state)
{
	static const struct {
		struct grpckit_reply reply;
		int code;
		const char *text;
	} cases[] = {
		{{.method = method, .body = "", .http = "404"}, EPROTO, "HTTP status 404"},
		{{.method = method, .body = "", .type = "text/html"}, EPROTO,
			"an answer that is not application/grpc"},
		{{.method = method, .body = "x", .len = 1, .no_trailers = true}, EPROTO,
			"an answer without a grpc-status"},
		{{.method = method, .no_data = true}, EPROTO, "an answer of 0 bytes ends after 0"},
		{{RAW("")}, EPROTO, "an answer of 0 bytes ends after 0"},
		{{RAW("\0\0\0\0")}, EPROTO, "an answer of 0 bytes ends after 0"},
		{{RAW("\0\0\0\0\4abc")}, EPROTO, "an answer of 4 bytes ends after 3"},
		{{RAW("\0\0\0\0\2abc")}, EPROTO, "more than one message in an answer"},
		{{RAW("\0\0\0\0\1a\0\0\0\0\1a")}, EPROTO, "more than one message in an answer"},
		{{RAW("\1\0\0\0\1a")}, EPROTO, "a compressed answer, which was not asked for"},
		{{RAW("\0\x40\0\0\0a")}, EFBIG,
			"an answer of 1073741824 bytes, over the limit of 4194304"},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[128];

		snprintf(want, sizeof(want), "%s: %s", method, cases[i].text);
		assert_int_equal(answered(&cases[i].reply, &e), -cases[i].code);
		assert_string_equal(e.text, want);
	}
}

/* ---- servers that do not speak as they should */

static int babbled(struct grpckit_babble b, unsigned ms, struct err *e)
{
	uint64_t start = now_ns(), took;
	struct grpc *g;
	int rc;

	*e = ERR_INIT;
	grpckit_babble(&b);
	assert_int_equal(grpc_open(b.client, &g, e), 0);
	rc = ask(g, ms, e);
	/* of no use afterwards: it fails at once and in the same way */
	assert_int_equal(ask(g, LONG_MS, NULL), rc);
	took = now_ns() - start;
	grpc_close(g);
	grpckit_hush(&b);
	assert_true(took < LONG_MS * 1000000ULL / 2);
	return rc;
}

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define ACK "\0\0\0\4\1\0\0\0\0"
#define PING                  \
	"\0\0\x8\6\0\0\0\0\0" \
	"12345678"
#define UNKNOWN                 \
	"\0\0\x8\xfa\0\0\0\0\0" \
	"12345678"
#define BYTES(text) .once = (text), .once_len = sizeof(text) - 1
#define AGAIN(text) .again = (text), .again_len = sizeof(text) - 1

static void silent(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(babbled((struct grpckit_babble){.stays = true}, SHORT_MS, &e), -ETIMEDOUT);
	assert_string_equal(e.text, "/test.Service/Method: no answer at all in time");
}

/* A byte now and then, each of them in order. */
static void slow(void **state)
{
	const struct grpckit_babble b = {BYTES(SETTINGS), AGAIN(UNKNOWN), .step = 1, .pause_ms = 4};
	struct err e;

	(void)state;
	assert_int_equal(babbled(b, SHORT_MS, &e), -ETIMEDOUT);
	assert_string_equal(e.text, "/test.Service/Method: no whole answer in time");
}

static void closes(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(babbled((struct grpckit_babble){0}, LONG_MS, &e), -ECONNRESET);
	assert_string_equal(e.text,
		"/test.Service/Method: the server closed the connection before it said anything");
	assert_int_equal(
		babbled((struct grpckit_babble){BYTES(SETTINGS)}, LONG_MS, &e), -ECONNRESET);
	assert_string_equal(e.text,
		"/test.Service/Method: the server closed the connection before it had answered");
}

static void speaks_something_else(void **state)
{
	const struct grpckit_babble http = {
		BYTES("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400")};
	struct err e;

	(void)state;
	assert_int_equal(babbled(http, LONG_MS, &e), -EPROTO);
	assert_non_null(strstr(e.text, "not HTTP/2 as it should be"));
}

static void breaks_the_protocol(void **state)
{
	static const struct grpckit_babble cases[] = {
		/* a frame of 16 MiB */
		{BYTES(SETTINGS "\xff\xff\xff\0\0\0\0\0\1"), .stays = true},
		/* data before headers */
		{BYTES(SETTINGS "\0\0\1\0\0\0\0\0\1x"), .stays = true},
		/* on a stream that was never opened */
		{BYTES(SETTINGS "\0\0\1\1\4\0\0\0\7\x88"), .stays = true},
		/* a pushed stream, which we do not allow */
		{BYTES(SETTINGS ACK "\0\0\5\5\4\0\0\0\1\0\0\0\2\x82"), .stays = true},
		/* headers that no HPACK encoder makes */
		{BYTES(SETTINGS "\0\0\4\1\4\0\0\0\1\xff\xff\xff\xff"), .stays = true},
		/* the end of a connection */
		{BYTES(SETTINGS "\0\0\x8\7\0\0\0\0\0\0\0\0\0\0\0\0\1"), .stays = true},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(babbled(cases[i], LONG_MS, &e), -EPROTO);
}

static void many_headers(void **state)
{
	own_buf struct buf bytes = BUF_INIT(4096);
	struct grpckit_babble b = {.stays = true};
	struct err e;

	(void)state;
	assert_int_equal(buf_add(&bytes, SETTINGS "\0\1\xf5\1\4\0\0\0\1\x88", 19), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_add(&bytes, "\0\1x\1y", 5), 0);
	b.once = bytes.data;
	b.once_len = bytes.len;
	assert_int_equal(babbled(b, LONG_MS, &e), -EPROTO);
	assert_string_equal(e.text, "/test.Service/Method: an answer with over 64 headers");
}

/* What never ends is cut off long before the deadline. */
static void endless(void **state)
{
	/* ":status: 200", then "x: y" without an index, again and again */
	static const char headers[] = SETTINGS "\0\0\1\1\0\0\0\0\1\x88";
	static const char more[] = "\0\0\5\x9\0\0\0\0\1\0\1x\1y";
	static const struct grpckit_babble cases[] = {
		{BYTES(SETTINGS), AGAIN(PING)},
		{BYTES(SETTINGS), AGAIN(UNKNOWN)},
		{BYTES(SETTINGS), AGAIN(SETTINGS)},
		{BYTES(headers), AGAIN(more)},
		/* one "103" after the other */
		{BYTES(SETTINGS), AGAIN("\0\0\5\1\4\0\0\0\1\x08\3"
					"103")},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(babbled(cases[i], LONG_MS, &e), -EPROTO);
}

/* As containerd sent it, then no more; 'after' follows. */
static int answered_once(const void *after, size_t n, bool stays)
{
	own_buf struct buf bytes = BUF_INIT(1 << 16);
	struct grpckit_babble b = {.stays = stays};
	struct err e = ERR_INIT;
	struct grpc *g;
	int rc;

	grpckit_load("../../fuzz/corpus/grpc/version", &bytes);
	assert_int_equal(buf_add(&bytes, after, n), 0);
	b.once = bytes.data;
	b.once_len = bytes.len;
	grpckit_babble(&b);
	assert_int_equal(grpc_open(b.client, &g, &e), 0);
	assert_int_equal(ask(g, LONG_MS, &e), 0);
	rc = ask(g, LONG_MS, &e);
	grpc_close(g);
	grpckit_hush(&b);
	return rc;
}

static void leaves_after_an_answer(void **state)
{
	static const char goaway[] = "\0\0\x8\7\0\0\0\0\0\0\0\0\1\0\0\0\0";

	(void)state;
	assert_int_equal(answered_once("", 0, false), -ECONNRESET);
	assert_int_equal(answered_once(goaway, sizeof(goaway) - 1, true), -EPROTO);
}

/* It does not read: what we send waits in vain. */
static void deaf(void **state)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX), answer = BUF_INIT(100);
	struct grpc_call call = {.method = method, .request = &request};
	struct err e = ERR_INIT;
	int fd[2], small = 1;
	struct grpc *g;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	assert_int_equal(buf_fill(&request, 'x', GRPC_REQUEST_MAX), 0);
	assert_int_equal(grpc_open(fd[0], &g, &e), 0);
	call.deadline_ns = now_ns() + SHORT_MS * 1000000ULL;
	assert_int_equal(grpc_call(g, &call, &answer, &e), -ETIMEDOUT);
	grpc_close(g);
	close(fd[1]);
}

static void a_deadline_that_has_passed(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(babbled((struct grpckit_babble){.stays = true}, 0, &e), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_arrives),
		cmocka_unit_test(a_large_answer_arrives),
		cmocka_unit_test(an_empty_answer_is_one),
		cmocka_unit_test(refusals_have_a_code),
		cmocka_unit_test(a_message_is_one_line),
		cmocka_unit_test(a_refusal_is_not_the_end),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(silent),
		cmocka_unit_test(slow),
		cmocka_unit_test(closes),
		cmocka_unit_test(speaks_something_else),
		cmocka_unit_test(breaks_the_protocol),
		cmocka_unit_test(many_headers),
		cmocka_unit_test(endless),
		cmocka_unit_test(leaves_after_an_answer),
		cmocka_unit_test(deaf),
		cmocka_unit_test(a_deadline_that_has_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
