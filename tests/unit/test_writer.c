/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "channel.h"
#include "io.h"
#include "own.h"
#include "press.h"
#include "text.h"
#include "verify.h"
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The writer in a thread; the test is engine and worker. */
struct desk {
	struct writer_spec spec;
	pthread_t writer, signer;
	int rc, control, sign;
	struct sign_key *key;
	struct channel channel;
	struct wire_shared *shared;
	int sock; /* the worker's end */
};

static void *write_all(void *arg)
{
	struct desk *d = arg;

	d->rc = writer_main(&d->spec);
	close(d->spec.control);
	close(d->spec.sign_sock);
	return NULL;
}

static void *sign_all(void *arg)
{
	struct desk *d = arg;
	struct wire_msg m;
	int fd;

	while (wire_recv(d->sign, &m, &fd, true, NULL) > 0) {
		struct wire_msg answer = {.type = WIRE_SIGNED};
		own_fd int sums = fd;
		uint8_t sig[SEAL_SIG];
		char text[65536];
		size_t n;
		const char *line = wire_part(&m, 0, &n);

		if (sums >= 0) {
			n = m.a;
			if (n > sizeof(text) || io_pread(sums, text, n, 0) != (ssize_t)n)
				abort();
			line = text;
		}
		if (sign_bytes(d->key, line, n, sig, NULL) < 0)
			abort();
		wire_put(&answer, 0, sig, sizeof(sig));
		(void)!wire_send(d->sign, &answer, -1, NULL);
	}
	return NULL;
}

static int setup(void **state)
{
	static struct desk d;
	struct err e = ERR_INIT;
	int control[2], sign[2];

	d = (struct desk){.sock = -1};
	assert_int_equal(hash_setup(&e), 0);
	assert_int_equal(wire_pair(control, &e) | wire_pair(sign, &e), 0);
	assert_int_equal(sign_generate(&d.key, &e), 0);
	d.control = control[0];
	d.sign = sign[0];
	d.spec = (struct writer_spec){.control = control[1],
		.sign_sock = sign[1],
		.out_fd = memfd_create("bundle", MFD_CLOEXEC),
		.level = 1,
		.run = PRESS_RUN};
	sign_public(d.key, d.spec.signer);
	for (int i = 0; i < LEDGER_LISTS; i++)
		d.spec.spool[i] = io_spool(-1, &e);
	assert_int_equal(pthread_create(&d.signer, NULL, sign_all, &d), 0);
	assert_int_equal(pthread_create(&d.writer, NULL, write_all, &d), 0);
	*state = &d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;

	close(d->control);
	pthread_join(d->writer, NULL);
	pthread_join(d->signer, NULL);
	close(d->sign);
	close(d->spec.out_fd);
	for (int i = 0; i < LEDGER_LISTS; i++)
		close(d->spec.spool[i]);
	sign_free(d->key);
	if (d->sock >= 0)
		close(d->sock);
	if (d->shared)
		munmap(d->shared, sizeof(*d->shared));
	return 0;
}

static void tell(struct desk *d, struct wire_msg m, int fd)
{
	assert_int_equal(wire_send(d->control, &m, fd, NULL), 0);
}

/* The next message that is no progress. */
static struct wire_msg hear(struct desk *d)
{
	struct pollfd p = {.fd = d->control, .events = POLLIN};
	struct wire_msg m;

	do {
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(wire_recv(d->control, &m, NULL, true, NULL), 1);
	} while (m.type == WIRE_PROGRESS);
	return m;
}

static void open_channel(struct desk *d, unsigned dumper)
{
	int pair[2], mem = memfd_create("channel", MFD_CLOEXEC);

	if (d->sock >= 0)
		close(d->sock);
	if (d->shared)
		munmap(d->shared, sizeof(*d->shared));
	assert_int_equal(wire_pair(pair, NULL), 0);
	assert_int_equal(ftruncate(mem, sizeof(struct wire_shared)), 0);
	(void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
	d->sock = pair[0];
	d->shared = mmap(NULL, sizeof(*d->shared), PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
	assert_true(d->shared != MAP_FAILED);
	tell(d, (struct wire_msg){.type = WIRE_CHANNEL, .kind = dumper}, pair[1]);
	tell(d, (struct wire_msg){.type = WIRE_CHANNEL_DATA, .kind = dumper}, mem);
	close(pair[1]);
	close(mem);
	channel_init(&d->channel, d->sock, d->shared, -1);
}

static struct wire_msg close_channel(struct desk *d, bool keep)
{
	struct wire_msg m = {.type = WIRE_CLOSE, .kind = keep};

	wire_puts(&m, 0, "closed");
	tell(d, m, -1);
	m = hear(d);
	assert_int_equal(m.type, WIRE_CLOSED);
	return m;
}

static void put_begin(struct desk *d)
{
	own_buf struct buf b = BUF_INIT(4096);

	buf_addf(&b, "{\"format\":\"taphos/1\",\"run_id\":\"%s\",\"signer\":{\"public_key\":\"",
		PRESS_RUN);
	text_hex(&b, d->spec.signer, SEAL_KEY);
	buf_adds(&b, "\"},\"target\":{}}\n");
	open_channel(d, WIRE_ENGINE);
	assert_int_equal(sink_blob(&d->channel.sink, "begin.json", b.data, b.len, NULL), 0);
	assert_int_equal(channel_done(&d->channel, 0, NULL, NULL), 0);
	assert_int_equal(close_channel(d, false).code, 0);
}

static struct verify_report verified(struct desk *d)
{
	own_fd int spool = io_spool(-1, NULL), sums = io_spool(-1, NULL);
	static const struct verify_ops none;
	struct verify_request rq = {
		.fd = d->spec.out_fd, .spool_fd = spool, .sums_fd = sums, .ops = &none};
	struct verify_report report;
	struct err e = ERR_INIT;

	lseek(d->spec.out_fd, 0, SEEK_SET);
	assert_int_equal(verify_run(&rq, &report, &e), 0);
	return report;
}

static struct wire_msg finish(struct desk *d, const char *reason)
{
	struct wire_msg m = {.type = WIRE_STATUS, .kind = press_dumper("process")};

	wire_puts(&m, 0, "ok");
	tell(d, m, -1);
	m = (struct wire_msg){.type = WIRE_FINISH};
	wire_puts(&m, 0, reason);
	wire_puts(&m, 1, "\"run_id\":\"" PRESS_RUN "\"");
	tell(d, m, -1);
	m = hear(d);
	assert_int_equal(m.type, WIRE_FINISHED);
	return m;
}

/* More than fits into the slots, in pieces of odd sizes. */
static void from_a_sink_to_a_sealed_bundle(void **state)
{
	struct desk *d = *state;
	own_free char *bytes = malloc(5 << 20);
	struct verify_report r;
	struct wire_msg m;

	memset(bytes, 'x', 5 << 20);
	put_begin(d);
	open_channel(d, press_dumper("process"));
	assert_int_equal(sink_begin(&d->channel.sink, "process/big", 5 << 20, NULL), 0);
	for (size_t at = 0; at < 5 << 20; at += 12345) {
		size_t n = (5 << 20) - at < 12345 ? (5 << 20) - at : 12345;

		assert_int_equal(sink_write(&d->channel.sink, bytes + at, n, NULL), 0);
	}
	assert_int_equal(sink_end(&d->channel.sink, NULL), 0);
	for (int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "process/%d/small", i);
		assert_int_equal(sink_blob(&d->channel.sink, name, bytes, (size_t)i, NULL), 0);
	}
	assert_int_equal(channel_done(&d->channel, 0, NULL, NULL), 0);
	m = close_channel(d, false);
	assert_int_equal(m.code, 0);
	assert_int_equal(m.a, 101);
	assert_int_equal(m.c, 0);
	m = finish(d, "");
	assert_int_equal(m.b, 102);
	r = verified(d);
	assert_int_equal(r.verdict, VERIFY_SEALED);
	assert_int_equal(r.members, 102 + 4);
	assert_int_equal(r.file_bytes, m.a);
}

static void a_member_goes_on_in_the_next_worker(void **state)
{
	struct desk *d = *state;
	struct wire_msg m;
	char member[64];

	put_begin(d);
	open_channel(d, press_dumper("process"));
	assert_int_equal(sink_begin(&d->channel.sink, "process/x", 10, NULL), 0);
	assert_int_equal(sink_write(&d->channel.sink, "hello", 5, NULL), 0);
	assert_int_equal(sink_gapf(&d->channel.sink, GAP_STALLED, "", NULL, "x"), 0); /* flushes */
	m = close_channel(d, true);
	assert_int_equal(m.d, 5);
	wire_string(&m, 0, member, sizeof(member));
	assert_string_equal(member, "process/x");
	open_channel(d, press_dumper("process"));
	assert_int_equal(sink_write(&d->channel.sink, "world", 5, NULL), 0);
	assert_int_equal(sink_end(&d->channel.sink, NULL), 0);
	assert_int_equal(channel_done(&d->channel, 0, NULL, NULL), 0);
	m = close_channel(d, false);
	assert_int_equal(m.a, 1);
	assert_int_equal(m.c, 1);
	(void)finish(d, "");
	assert_int_equal(verified(d).verdict, VERIFY_SEALED);
}

/* It would wait for a credit for ever, and the engine would take the output for stuck. */
static void who_is_cut_off_hears_it(void **state)
{
	struct desk *d = *state;
	struct pollfd p;
	struct wire_msg m;
	int rc;

	put_begin(d);
	open_channel(d, press_dumper("process"));
	m = press_begin("../../etc/passwd", 1);
	assert_int_equal(wire_send(d->sock, &m, -1, NULL), 0);
	p = (struct pollfd){.fd = d->sock, .events = POLLIN};
	assert_int_equal(poll(&p, 1, 10000), 1);
	rc = wire_recv(d->sock, &m, NULL, false, NULL);
	assert_int_equal(rc, 0);
	m = close_channel(d, false);
	assert_int_equal(m.code, EPROTO);
	assert_int_equal(m.c, 1);
	(void)finish(d, "");
	assert_int_equal(verified(d).verdict, VERIFY_SEALED);
}

static void a_worker_that_vanishes(void **state)
{
	struct desk *d = *state;
	struct wire_msg m;

	put_begin(d);
	open_channel(d, press_dumper("process"));
	assert_int_equal(sink_begin(&d->channel.sink, "process/x", 10, NULL), 0);
	close(d->sock);
	d->sock = -1;
	m = close_channel(d, false);
	assert_int_equal(m.code, ECANCELED);
	assert_int_equal(m.a, 1); /* padded */
	assert_int_equal(m.c, 1);
	m = finish(d, "stopped");
	assert_int_equal(verified(d).verdict, VERIFY_SEALED);
}

static void without_an_engine_it_ends(void **state)
{
	struct desk *d = *state;

	put_begin(d);
	close(d->control);
	pthread_join(d->writer, NULL);
	assert_int_equal(d->rc, 1);
	assert_in_range(verified(d).verdict, VERIFY_INTERRUPTED, VERIFY_NOTHING);
	assert_int_equal(pthread_create(&d->writer, NULL, sign_all, d), 0); /* for teardown */
	d->control = dup(0);
}

static void a_message_that_makes_no_sense_ends_it(void **state)
{
	struct desk *d = *state;
	struct wire_msg m;

	tell(d, (struct wire_msg){.type = WIRE_FINISHED}, -1);
	m = hear(d);
	assert_int_equal(m.type, WIRE_FAILED);
	assert_int_equal(m.code, EPROTO);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(from_a_sink_to_a_sealed_bundle),
		TEST(a_member_goes_on_in_the_next_worker),
		TEST(who_is_cut_off_hears_it),
		TEST(a_worker_that_vanishes),
		TEST(without_an_engine_it_ends),
		TEST(a_message_that_makes_no_sense_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
