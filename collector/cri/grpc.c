/* SPDX-License-Identifier: Apache-2.0 */
/* grpc - unary calls over HTTP/2 on a connected socket. */
#include "grpc.h"
#include "now.h"
#include "own.h"
#include "reply.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
	CHATTER = 256 << 10, /* bytes that may come beside an answer's own: pings, settings */
	READ_SIZE = 16 << 10,
	DETAIL = 160, /* bytes of the library's words */
	ACKS_MAX = 64,
	TIMEOUT_MAX_MS = 99999999, /* grpc-timeout has eight digits */
};

/* The call that runs. */
struct answer {
	struct reply reply;
	int32_t stream;
	bool done;
	size_t received; /* bytes of any kind */
	uint32_t reset;	 /* why the stream ended, NGHTTP2_NO_ERROR */
	struct err err;	 /* what a callback found wrong */
};

struct grpc {
	int sock;
	int broken; /* the error after which the connection is of no use, 0 */
	nghttp2_session *session;
	const uint8_t *out; /* to be sent, the session's */
	size_t out_len;
	struct buf body; /* the request with its prefix */
	size_t body_sent;
	struct answer a;
	char detail[DETAIL]; /* what the library did not like */
};

/* ---- what the server sends */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags, void *arg)
{
	struct answer *a = &((struct grpc *)arg)->a;

	(void)session;
	(void)namelen;
	(void)flags;
	/* not what a server would like to push */
	if (frame->hd.type != NGHTTP2_HEADERS || frame->hd.stream_id != a->stream)
		return 0;
	if (reply_header(&a->reply, (const char *)name, (const char *)value, valuelen, &a->err) < 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *p,
	size_t n, void *arg)
{
	struct answer *a = &((struct grpc *)arg)->a;

	(void)session;
	(void)flags;
	if (stream != a->stream || reply_data(&a->reply, p, n, &a->err) == 0)
		return 0;
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
	struct answer *a = &((struct grpc *)arg)->a;

	(void)session;
	if (stream == a->stream) {
		a->done = true;
		a->reset = code;
	}
	return 0;
}

/* The library tells what it did not like: the first of it, made fit for one line. */
static int on_error(nghttp2_session *session, int code, const char *msg, size_t n, void *arg)
{
	struct grpc *g = arg;
	own_buf struct buf text = BUF_INIT(DETAIL * 4);

	(void)session;
	(void)code;
	if (g->detail[0])
		return 0;
	text_escape(&text, msg, n < DETAIL ? n : DETAIL);
	snprintf(g->detail, sizeof(g->detail), "%s", buf_str(&text));
	return 0;
}

/* ---- what we send */

static ssize_t give_body(nghttp2_session *session, int32_t stream, uint8_t *to, size_t room,
	uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct grpc *g = arg;
	size_t n = g->body.len - g->body_sent;

	(void)session;
	(void)stream;
	(void)source;
	if (n > room)
		n = room;
	memcpy(to, g->body.data + g->body_sent, n);
	g->body_sent += n;
	if (g->body_sent == g->body.len)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){
		.name = (uint8_t *)name,
		.value = (uint8_t *)value,
		.namelen = strlen(name),
		.valuelen = strlen(value),
	};
}

static uint64_t left_ms(uint64_t deadline_ns)
{
	uint64_t now = now_ns();

	return now < deadline_ns ? (deadline_ns - now + 999999) / 1000000 : 0;
}

struct timeout {
	char text[24];
};

/* For the header of that name. */
static struct timeout timeout_text(uint64_t deadline_ns)
{
	uint64_t ms = left_ms(deadline_ns);
	struct timeout t;

	snprintf(t.text, sizeof(t.text), "%um",
		(unsigned)(ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS));
	return t;
}

static int submit(struct grpc *g, const struct grpc_call *c, struct err *e)
{
	const nghttp2_data_provider body = {.read_callback = give_body};
	const struct timeout timeout = timeout_text(c->deadline_ns);
	const nghttp2_nv h[] = {
		header(":method", "POST"),
		header(":scheme", "http"),
		header(":path", c->method),
		header(":authority", "localhost"),
		header("content-type", "application/grpc"),
		header("te", "trailers"),
		header("user-agent", "taphos"),
		header("grpc-timeout", timeout.text),
		header("containerd-namespace", c->in ? c->in : ""),
	};
	size_t count = sizeof(h) / sizeof(h[0]) - (c->in ? 0 : 1);

	g->a.stream = nghttp2_submit_request(g->session, NULL, h, count, &body, NULL);
	if (g->a.stream < 0)
		return err_set(e, EPROTO, "%s", nghttp2_strerror(g->a.stream));
	return 0;
}

static int frame_body(struct grpc *g, const struct buf *request, struct err *e)
{
	size_t n = request->len;
	const unsigned char prefix[REPLY_PREFIX] = {0, (unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};

	buf_clear(&g->body);
	g->body_sent = 0;
	(void)buf_add(&g->body, prefix, REPLY_PREFIX);
	(void)buf_add(&g->body, buf_str(request), n);
	if (buf_check(request, e) < 0)
		return err_wrap(e, -ENOSPC, "a request");
	return buf_check(&g->body, e);
}

/* ---- the connection */

/* Hands the kernel what it takes now. */
static int send_some(struct grpc *g, struct err *e)
{
	for (;;) {
		ssize_t n;

		if (!g->out_len) {
			n = nghttp2_session_mem_send(g->session, &g->out);
			if (n <= 0)
				return n ? err_set(e, EPROTO, "%s", nghttp2_strerror((int)n)) : 0;
			g->out_len = (size_t)n;
		}
		n = send(g->sock, g->out, g->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		/* it closed, but what it said before may still be there: reading tells */
		if (n < 0)
			n = (ssize_t)g->out_len;
		g->out += n;
		g->out_len -= (size_t)n;
	}
}

static int wait_for(struct grpc *g, uint64_t deadline_ns, struct err *e)
{
	struct pollfd p = {.fd = g->sock, .events = POLLIN};
	uint64_t ms = left_ms(deadline_ns);

	if (!ms)
		return err_set(e, ETIMEDOUT, "no %s in time",
			g->a.received ? "whole answer" : "answer at all");
	if (g->out_len)
		p.events |= POLLOUT;
	if (poll(&p, 1, ms < INT_MAX ? (int)ms : INT_MAX) < 0 && errno != EINTR)
		return err_errno(e, "wait for the server");
	return 0;
}

static int feed(struct grpc *g, const uint8_t *p, size_t n, struct err *e)
{
	ssize_t rc;

	g->a.received += n;
	if (g->a.received > g->a.reply.out->max + CHATTER)
		return err_set(e, EPROTO, "the server talks without end");
	rc = nghttp2_session_mem_recv(g->session, p, n);
	if (g->a.err.code)
		return err_set(e, g->a.err.code, "%s", g->a.err.text);
	if (rc == NGHTTP2_ERR_NOMEM)
		return err_set(e, ENOMEM, "no memory for an answer");
	if (rc < 0 && !g->a.done)
		return err_set(e, EPROTO, "not HTTP/2 as it should be: %s",
			g->detail[0] ? g->detail : nghttp2_strerror((int)rc));
	return 0;
}

static int receive(struct grpc *g, struct err *e)
{
	uint8_t bytes[READ_SIZE];
	ssize_t n = recv(g->sock, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return err_errno(e, "read from the server");
	if (n <= 0)
		return err_set(e, ECONNRESET, "the server closed the connection before it %s",
			g->a.received ? "had answered" : "said anything");
	return feed(g, bytes, (size_t)n, e);
}

static int converse(struct grpc *g, uint64_t deadline_ns, struct err *e)
{
	int rc = 0;

	while (!rc && !g->a.done) {
		rc = send_some(g, e);
		if (!rc && !g->out_len && !nghttp2_session_want_read(g->session))
			return err_set(e, EPROTO, "not HTTP/2 as it should be: %s",
				g->detail[0] ? g->detail : "the session ended");
		if (!rc)
			rc = wait_for(g, deadline_ns, e);
		if (!rc)
			rc = receive(g, e);
	}
	return rc;
}

/* ---- a call as a whole */

static int call(struct grpc *g, const struct grpc_call *c, struct buf *answer, struct err *e)
{
	int rc;

	buf_clear(answer);
	g->a = (struct answer){.reply = REPLY_INIT(answer)};
	rc = frame_body(g, c->request, e);
	if (!rc)
		rc = submit(g, c, e);
	if (!rc)
		rc = converse(g, c->deadline_ns, e);
	if (!rc)
		return reply_judge(
			&g->a.reply, g->a.reset ? nghttp2_http2_strerror(g->a.reset) : NULL, e);
	g->broken = -rc;
	return rc;
}

int grpc_call(struct grpc *g, const struct grpc_call *c, struct buf *answer, struct err *e)
{
	int rc;

	if (g->broken)
		return err_set(e, g->broken, "%s: the connection failed before", c->method);
	rc = call(g, c, answer, e);
	return rc < 0 ? err_wrap(e, rc, "%s", c->method) : 0;
}

/* ---- its life */

static int new_session(struct grpc *g)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *option = NULL;
	int rc = -ENOMEM;

	if (!nghttp2_session_callbacks_new(&cb) && !nghttp2_option_new(&option)) {
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
		nghttp2_session_callbacks_set_error_callback2(cb, on_error);
		nghttp2_option_set_max_outbound_ack(option, ACKS_MAX);
		nghttp2_option_set_max_reserved_remote_streams(option, 0);
		nghttp2_option_set_no_closed_streams(option, 1);
		if (!nghttp2_session_client_new2(&g->session, cb, g, option))
			rc = 0;
	}
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(cb);
	return rc;
}

static int introduce(struct grpc *g)
{
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, READ_SIZE},
	};

	return nghttp2_submit_settings(
		g->session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
}

int grpc_open(int sock, struct grpc **ret, struct err *e)
{
	struct grpc *g = calloc(1, sizeof(*g));

	if (!g) {
		(void)close(sock);
		return err_set(e, ENOMEM, "no memory");
	}
	g->sock = sock;
	g->body = BUF_INIT(GRPC_REQUEST_MAX + REPLY_PREFIX);
	if (new_session(g) < 0 || introduce(g)) {
		grpc_close(g);
		return err_set(e, ENOMEM, "no memory");
	}
	*ret = g;
	return 0;
}

void grpc_close(struct grpc *g)
{
	if (!g)
		return;
	nghttp2_session_del(g->session);
	buf_done(&g->body);
	(void)close(g->sock);
	free(g);
}
