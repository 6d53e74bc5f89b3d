/* SPDX-License-Identifier: Apache-2.0 */
/* grpckit - servers to ask. */
#include "grpckit.h"
#include "io.h"

#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PREFIX = 5 };

static void must(bool good)
{
	if (!good)
		abort();
}

static void pair(int *client, int *server)
{
	int fd[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	*client = fd[0];
	*server = fd[1];
}

static nghttp2_nv header(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

static void copy(char *to, size_t size, const uint8_t *p, size_t n)
{
	snprintf(to, size, "%.*s", (int)n, (const char *)p);
}

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name,
	size_t namelen, const uint8_t *value, size_t valuelen, uint8_t flags, void *arg)
{
	struct grpckit *k = arg;

	(void)s;
	(void)frame;
	(void)flags;
	(void)namelen;
	if (!strcmp((const char *)name, ":path")) {
		copy(k->method, sizeof(k->method), value, valuelen);
		k->space[0] = '\0';
		k->request_len = 0;
	}
	if (!strcmp((const char *)name, "containerd-namespace"))
		copy(k->space, sizeof(k->space), value, valuelen);
	if (!strcmp((const char *)name, "grpc-timeout"))
		copy(k->timeout, sizeof(k->timeout), value, valuelen);
	return 0;
}

static int on_data(
	nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *p, size_t n, void *arg)
{
	struct grpckit *k = arg;

	(void)s;
	(void)flags;
	(void)stream;
	if (n > sizeof(k->request) - k->request_len)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	memcpy(k->request + k->request_len, p, n);
	k->request_len += n;
	return 0;
}

/* One byte of the answer as it is sent. */
static uint8_t byte_at(const struct grpckit_reply *r, size_t at)
{
	if (r->raw)
		return ((const uint8_t *)r->raw)[at];
	if (at >= PREFIX)
		return ((const uint8_t *)r->body)[at - PREFIX];
	return at ? (uint8_t)(r->len >> (8 * (PREFIX - 1 - at))) : 0;
}

static ssize_t give(nghttp2_session *s, int32_t stream, uint8_t *to, size_t room, uint32_t *flags,
	nghttp2_data_source *source, void *arg)
{
	struct grpckit *k = arg;
	const struct grpckit_reply *r = k->now;
	size_t all = r->len + (r->raw ? 0 : PREFIX), n = 0;
	nghttp2_nv trailer[] = {
		header("grpc-status", r->status ? r->status : "0"),
		header("grpc-message", r->message ? r->message : ""),
	};

	(void)source;
	while (n < room && k->sent < all)
		to[n++] = byte_at(r, k->sent++);
	if (k->sent == all) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (!r->no_trailers) {
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			must(!nghttp2_submit_trailer(s, stream, trailer, 2));
		}
	}
	return (ssize_t)n;
}

static const struct grpckit_reply *find(const struct grpckit *k)
{
	static const struct grpckit_reply unknown = {
		.status = "12", .message = "unknown service", .no_data = true};

	for (size_t i = 0; i < k->replies; i++)
		if (!strcmp(k->reply[i].method, k->method))
			return &k->reply[i];
	return &unknown;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *frame, void *arg)
{
	const nghttp2_data_provider data = {.read_callback = give};
	struct grpckit *k = arg;
	const struct grpckit_reply *r = find(k);
	nghttp2_nv h[] = {
		header(":status", r->http ? r->http : "200"),
		header("content-type", r->type ? r->type : "application/grpc"),
		header("grpc-status", r->status ? r->status : "0"),
		header("grpc-message", r->message ? r->message : ""),
	};

	if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
		!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	k->now = r;
	k->sent = 0;
	k->calls++;
	return nghttp2_submit_response(
		s, frame->hd.stream_id, h, r->no_data ? 4 : 2, r->no_data ? NULL : &data);
}

static void push(nghttp2_session *s, int sock)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(s, &p)) > 0)
		if (send(sock, p, (size_t)n, MSG_NOSIGNAL) != n)
			return;
}

static void *serve(void *arg)
{
	struct grpckit *k = arg;
	nghttp2_session_callbacks *cb;
	nghttp2_session *s;
	uint8_t bytes[4096];
	ssize_t n;

	must(!nghttp2_session_callbacks_new(&cb));
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	must(!nghttp2_session_server_new(&s, cb, k));
	must(!nghttp2_submit_settings(s, NGHTTP2_FLAG_NONE, NULL, 0));
	push(s, k->server);
	while ((n = recv(k->server, bytes, sizeof(bytes), 0)) > 0) {
		if (nghttp2_session_mem_recv(s, bytes, (size_t)n) < 0)
			break;
		push(s, k->server);
	}
	nghttp2_session_del(s);
	nghttp2_session_callbacks_del(cb);
	close(k->server);
	return NULL;
}

void grpckit_serve(struct grpckit *k, const struct grpckit_reply *reply, size_t replies)
{
	*k = (struct grpckit){.reply = reply, .replies = replies};
	pair(&k->client, &k->server);
	must(!pthread_create(&k->thread, NULL, serve, k));
}

void grpckit_done(struct grpckit *k)
{
	must(!pthread_join(k->thread, NULL));
}

/* ---- any bytes */

static void pause_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static bool say(const struct grpckit_babble *b, const void *p, size_t n)
{
	size_t step = b->step ? b->step : n;

	for (size_t at = 0; at < n; at += step) {
		size_t some = step < n - at ? step : n - at;

		if (b->pause_ms)
			pause_ms(b->pause_ms);
		if (send(b->server, (const char *)p + at, some, MSG_NOSIGNAL) != (ssize_t)some)
			return false;
	}
	return true;
}

static void *babble(void *arg)
{
	struct grpckit_babble *b = arg;
	char drain[4096];

	if (say(b, b->once, b->once_len) && b->again)
		while (say(b, b->again, b->again_len))
			;
	if (b->stays)
		while (recv(b->server, drain, sizeof(drain), 0) > 0)
			;
	close(b->server);
	return NULL;
}

void grpckit_babble(struct grpckit_babble *b)
{
	pair(&b->client, &b->server);
	must(!pthread_create(&b->thread, NULL, babble, b));
}

void grpckit_hush(struct grpckit_babble *b)
{
	must(!pthread_join(b->thread, NULL));
}

void grpckit_load(const char *name, struct buf *ret)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "tests/data/cri/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && io_read_all(fd, ret, NULL) == 0);
	close(fd);
}
