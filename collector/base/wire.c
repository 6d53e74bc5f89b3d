/* SPDX-License-Identifier: Apache-2.0 */
/* wire - what our processes say to each other. */
#include "wire.h"
#include "own.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static size_t text_len(const struct wire_msg *m)
{
	size_t n = 0;

	for (unsigned i = 0; i < WIRE_PARTS; i++)
		n += m->len[i];
	return n;
}

void wire_put(struct wire_msg *m, unsigned part, const void *p, size_t n)
{
	size_t used = text_len(m);

	if (n > WIRE_TEXT - used)
		n = WIRE_TEXT - used;
	if (n)
		memcpy(m->text + used, p, n);
	m->len[part] = (uint16_t)n;
}

void wire_puts(struct wire_msg *m, unsigned part, const char *s)
{
	wire_put(m, part, s, strlen(s));
}

const char *wire_part(const struct wire_msg *m, unsigned part, size_t *ret_len)
{
	size_t off = 0;

	for (unsigned i = 0; i < part; i++)
		off += m->len[i];
	*ret_len = m->len[part];
	return m->text + off;
}

void wire_string(const struct wire_msg *m, unsigned part, char *ret, size_t size)
{
	size_t n;
	const char *p = wire_part(m, part, &n);

	if (n >= size)
		n = size - 1;
	memcpy(ret, p, n);
	ret[n] = '\0';
}

int wire_send(int sock, const struct wire_msg *m, int fd, struct err *e)
{
	union control c = {0};
	struct iovec io = {(void *)m, offsetof(struct wire_msg, text) + text_len(m)};
	struct msghdr h = {.msg_iov = &io, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *ch;

		h.msg_control = c.bytes;
		h.msg_controllen = sizeof(c.bytes);
		ch = CMSG_FIRSTHDR(&h);
		ch->cmsg_level = SOL_SOCKET;
		ch->cmsg_type = SCM_RIGHTS;
		ch->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(ch), &fd, sizeof(fd));
	}
	do /* sendmsg() is not everybody's to call */
		n = fd >= 0 ? sendmsg(sock, &h, MSG_NOSIGNAL)
			    : send(sock, m, io.iov_len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_errno(e, "send to our other process") : 0;
}

/* -2: more than one, closed. The padding behind one descriptor has room for a second. */
static int received_fd(struct msghdr *h)
{
	struct cmsghdr *ch = CMSG_FIRSTHDR(h);
	int fd[CMSG_SPACE(sizeof(int)) / sizeof(int)];
	size_t n;

	if (!ch || ch->cmsg_level != SOL_SOCKET || ch->cmsg_type != SCM_RIGHTS)
		return -1;
	n = (ch->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (!n || n > sizeof(fd) / sizeof(fd[0]))
		return -1;
	memcpy(fd, CMSG_DATA(ch), n * sizeof(int));
	if (n == 1)
		return fd[0];
	while (n)
		(void)close(fd[--n]);
	return -2;
}

int wire_recv(int sock, struct wire_msg *m, int *ret_fd, bool wait, struct err *e)
{
	union control c;
	struct iovec io = {m, sizeof(*m)};
	struct msghdr h = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = c.bytes,
		.msg_controllen = sizeof(c.bytes),
	};
	own_fd int fd = -1;
	ssize_t n;

	/* A peer that ended without reading all we sent resets the connection. That is told once,
	 * before what it said itself: its last messages are still to come. */
	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n == 0)
		return 0;
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n < 0)
		return err_errno(e, "receive from our other process");
	fd = received_fd(&h);
	if (fd == -2 || (size_t)n < offsetof(struct wire_msg, text) ||
		(h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
		(size_t)n != offsetof(struct wire_msg, text) + text_len(m))
		return err_set(e, EBADMSG, "a malformed message");
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 1;
}

int wire_pair(int ret[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_errno(e, "socketpair");
	return 0;
}
