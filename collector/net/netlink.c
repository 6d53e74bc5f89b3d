/* SPDX-License-Identifier: Apache-2.0 */
/* netlink - dump requests to the kernel and what they answer with. */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
	BUFFER = 1 << 20,   /* the kernel fills 32 KiB at most, unless one message is larger */
	REQUEST_MAX = 1024, /* ours: a header, a fixed body and a name or two */
	QUIET_SECONDS = 10,
};

void netlink_done(struct netlink *nl)
{
	if (nl->fd >= 0)
		(void)close(nl->fd);
	free(nl->buf);
	*nl = NETLINK_INIT;
}

int netlink_open(struct netlink *nl, int protocol, struct err *e)
{
	own_netlink struct netlink n = NETLINK_INIT;
	struct timeval quiet = {.tv_sec = QUIET_SECONDS};
	int size = BUFFER;

	n.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (n.fd < 0)
		return err_errno(e, "netlink socket %d", protocol);
	/* A dump waits for its reader, so that the queue's size matters little. */
	(void)setsockopt(n.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (setsockopt(n.fd, SOL_SOCKET, SO_RCVTIMEO, &quiet, sizeof(quiet)) < 0)
		return err_errno(e, "netlink socket %d: timeout", protocol);
	n.buf = malloc(BUFFER);
	if (!n.buf)
		return err_set(e, ENOMEM, "no memory");
	*nl = n;
	n = NETLINK_INIT;
	return 0;
}

static int send_request(struct netlink *nl, const struct netlink_request *rq, struct err *e)
{
	uint8_t m[NLMSG_HDRLEN + REQUEST_MAX] = {0};
	struct nlmsghdr h = {
		.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + rq->len),
		.nlmsg_type = rq->type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.nlmsg_seq = ++nl->seq,
	};

	if (rq->len > REQUEST_MAX)
		return err_set(e, EMSGSIZE, "netlink request of %zu bytes", rq->len);
	memcpy(m, &h, sizeof(h));
	memcpy(m + NLMSG_HDRLEN, rq->body, rq->len);
	if (send(nl->fd, m, h.nlmsg_len, 0) < 0)
		return err_errno(e, "netlink request");
	return 0;
}

/* The kernel's verdict in an error or done message: an int, 0 or a negative errno. */
static int verdict(const uint8_t *body, size_t len, struct err *e)
{
	int32_t code = 0;

	if (len >= sizeof(code))
		memcpy(&code, body, sizeof(code));
	if (code >= 0)
		return 0;
	return err_set(e, code > -4096 ? -code : EPROTO, "netlink: %s",
		strerror(code > -4096 ? -code : EPROTO));
}

int netlink_walk(struct netlink_walk *w, const uint8_t *p, size_t n,
	const struct netlink_request *rq, struct err *e)
{
	while (n >= NLMSG_HDRLEN && !w->end) {
		struct nlmsghdr h;
		size_t step, len;
		int rc = 0;

		memcpy(&h, p, sizeof(h));
		if (h.nlmsg_len < NLMSG_HDRLEN || h.nlmsg_len > n)
			return err_set(
				e, EPROTO, "netlink: message of %u bytes in %zu", h.nlmsg_len, n);
		len = h.nlmsg_len - NLMSG_HDRLEN;
		step = NLMSG_ALIGN(h.nlmsg_len) < n ? NLMSG_ALIGN(h.nlmsg_len) : n;
		if (h.nlmsg_seq == w->seq) {
			w->changed |= (h.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			w->end = h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR;
			if (w->end)
				rc = verdict(p + NLMSG_HDRLEN, len, e);
			else if (h.nlmsg_type >= NLMSG_MIN_TYPE)
				rc = rq->each(h.nlmsg_type, p + NLMSG_HDRLEN, len, rq->arg);
		}
		if (rc)
			return rc;
		p += step;
		n -= step;
	}
	return 0;
}

/* One datagram of the kernel: its length. */
static ssize_t receive(struct netlink *nl, struct err *e)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {nl->buf, BUFFER};
	struct msghdr m = {.msg_name = &from, .msg_iov = &iov, .msg_iovlen = 1};

	for (;;) {
		ssize_t n;

		m.msg_namelen = sizeof(from);
		n = recvmsg(nl->fd, &m, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return err_set(e, ETIMEDOUT, "netlink: no answer in %d s", QUIET_SECONDS);
		if (n < 0)
			return err_errno(e, "netlink answer");
		if (m.msg_flags & MSG_TRUNC)
			return err_set(e, EMSGSIZE, "netlink: message over %d bytes", BUFFER);
		if (from.nl_pid == 0) /* else another process's: only root can send these */
			return n;
	}
}

int netlink_dump(struct netlink *nl, const struct netlink_request *rq, struct err *e)
{
	struct netlink_walk w = {0};
	int rc = send_request(nl, rq, e);

	w.seq = nl->seq;
	while (rc == 0 && !w.end) {
		ssize_t n = receive(nl, e);

		if (n <= 0)
			return n < 0 ? (int)n : err_set(e, EPROTO, "netlink: empty answer");
		rc = netlink_walk(&w, nl->buf, (size_t)n, rq, e);
	}
	nl->changed |= w.changed;
	return rc;
}

bool netlink_next(struct netlink_span *s, struct netlink_attr *ret)
{
	struct nlattr a;
	size_t step;

	if (s->n < sizeof(a))
		return false;
	memcpy(&a, s->p, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > s->n)
		return false;
	*ret = (struct netlink_attr){
		.type = a.nla_type & NLA_TYPE_MASK,
		.data = s->p + sizeof(a),
		.len = a.nla_len - sizeof(a),
	};
	step = (size_t)NLA_ALIGN(a.nla_len);
	if (step > s->n)
		step = s->n;
	s->p += step;
	s->n -= step;
	return true;
}

bool netlink_find(const uint8_t *p, size_t n, uint16_t type, struct netlink_attr *ret)
{
	struct netlink_span s = {p, n};

	while (netlink_next(&s, ret))
		if (ret->type == type)
			return true;
	return false;
}

uint64_t netlink_uint(const uint8_t *p, size_t n)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (n) {
	case 1:
		return *p;
	case 2:
		memcpy(&v16, p, 2);
		return v16;
	case 4:
		memcpy(&v32, p, 4);
		return v32;
	case 8:
		memcpy(&v64, p, 8);
		return v64;
	}
	return 0;
}

uint64_t netlink_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n > 8)
		return 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}
