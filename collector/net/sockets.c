/* SPDX-License-Identifier: Apache-2.0 */
/* sockets - every socket of a network namespace. */
#include "sockets.h"
#include "netlink.h"
#include "sockinet.h"
#include "socklocal.h"

#include "io.h"
#include "lines.h"
#include "own.h"
#include "peers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Kinds of query: how it is asked and read. */
enum how { HOW_INET, HOW_RAW, HOW_UNIX, HOW_PACKET, HOW_NETLINK, HOW_VSOCK };

struct query {
	const char *name; /* the row's protocol */
	const char *text; /* file of /proc/net with the same sockets; NULL: none */
	const char *only; /* ask only when /proc/net/protocols has it: asking would load it; NULL:
			     ask */
	int family, protocol;
	enum how how;
};

static const struct query queries[] = {{"tcp", "tcp", NULL, AF_INET, IPPROTO_TCP, HOW_INET},
	{"tcp", "tcp6", NULL, AF_INET6, IPPROTO_TCP, HOW_INET},
	{"udp", "udp", NULL, AF_INET, IPPROTO_UDP, HOW_INET},
	{"udp", "udp6", NULL, AF_INET6, IPPROTO_UDP, HOW_INET},
	{"udplite", "udplite", "UDP-Lite", AF_INET, IPPROTO_UDPLITE, HOW_INET},
	{"udplite", "udplite6", "UDPLITEv6", AF_INET6, IPPROTO_UDPLITE, HOW_INET},
	{"raw", "raw", NULL, AF_INET, IPPROTO_RAW, HOW_RAW},
	{"raw", "raw6", NULL, AF_INET6, IPPROTO_RAW, HOW_RAW},
	{"unix", "unix", NULL, AF_UNIX, 0, HOW_UNIX},
	{"packet", "packet", "PACKET", AF_PACKET, 0, HOW_PACKET},
	{"netlink", "netlink", NULL, AF_NETLINK, NDIAG_PROTO_ALL, HOW_NETLINK},
	{"vsock", NULL, "AF_VSOCK", AF_VSOCK, 0, HOW_VSOCK},
	{"sctp", NULL, "SCTP", AF_INET, IPPROTO_SCTP, HOW_INET},
	{"sctp", NULL, "SCTPv6", AF_INET6, IPPROTO_SCTP, HOW_INET},
	{"mptcp", NULL, "MPTCP", AF_INET, IPPROTO_MPTCP, HOW_INET},
	{"mptcp", NULL, "MPTCPv6", AF_INET6, IPPROTO_MPTCP, HOW_INET}, {0}};

/* "pid 41 fd 3" of the first owner, for a finding. */
static int finding(struct sockets *s, const struct sockets_row *r, const struct sockowner *o,
	const char *what, unsigned *count)
{
	if (++*count > SOCKETS_FINDINGS)
		return 0; /* all are in the rows */
	if (o)
		return sink_finding(s->out, "%s socket %s %s: pid %d fd %u", r->protocol, what,
			r->where, (int)o->pid, o->fd);
	return sink_finding(s->out, "%s socket %s %s: inode %llu, no owner among the processes",
		r->protocol, what, r->where, (unsigned long long)r->inode);
}

int sockets_row_end(struct sockets *s, const struct sockets_row *r)
{
	const struct sockowner *o = NULL;
	int rc = 0;

	if (r->kernel)
		jsonw_bool(&s->rows->w, "kernel", true);
	if (r->inode && r->inode == s->own_inode)
		jsonw_bool(&s->rows->w, "collector", true);
	if (r->inode) { /* 0: closed by its process, the kernel finishes it */
		o = sockowners_put(s->owners, &s->rows->w, r->inode);
		s->ownerless += !o && !r->kernel && r->inode != s->own_inode;
	}
	jsonw_close(&s->rows->w);
	netrows_row(s->rows);
	if (r->peer && (o || s->listeners_are_theirs))
		peers_add(s->peers_fd, r->peer);
	if (!o && !s->listeners_are_theirs)
		return 0;
	if (r->listens_everywhere)
		rc = finding(s, r, o, "listens on", &s->listening);
	if (rc == 0 && r->raw)
		rc = finding(s, r, o, "sees packets,", &s->raw);
	return rc < 0 ? -EPIPE : 0;
}

/* ---- asking ---- */

struct inet_request {
	struct inet_diag_req_v2 r;
	struct nlattr a; /* protocols over 255 do not fit in r */
	uint32_t protocol;
};

#define EXT(x) (1U << (INET_DIAG_##x - 1))

static int ask_inet(struct netlink *nl, const struct query *q, struct sockets *s, struct err *e)
{
	struct sockinet arg = {.sockets = s, .protocol = q->name, .raw = q->how == HOW_RAW};
	struct inet_request body = {
		.r =
			{
				.sdiag_family = (uint8_t)q->family,
				.sdiag_protocol = (uint8_t)(q->protocol < 256 ? q->protocol : 0),
				.idiag_ext = EXT(INFO) | EXT(CONG) | EXT(TOS) | EXT(TCLASS) |
					     EXT(SKMEMINFO) | EXT(SHUTDOWN),
				.idiag_states = ~0U,
			},
		.a = {sizeof(body.a) + sizeof(body.protocol), INET_DIAG_REQ_PROTOCOL},
		.protocol = (uint32_t)q->protocol,
	};
	struct netlink_request rq = {SOCK_DIAG_BY_FAMILY, &body,
		q->protocol < 256 ? sizeof(body.r) : sizeof(body), sockinet_message, &arg};

	return netlink_dump(nl, &rq, e);
}

static int ask_local(struct netlink *nl, const struct query *q, struct sockets *s, struct err *e)
{
	struct unix_diag_req un = {.sdiag_family = AF_UNIX,
		.udiag_states = ~0U,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER |
			      UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO |
			      UDIAG_SHOW_UID};
	struct packet_diag_req packet = {.sdiag_family = AF_PACKET,
		.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG |
			      PACKET_SHOW_FANOUT | PACKET_SHOW_MEMINFO | PACKET_SHOW_FILTER};
	struct netlink_diag_req nlk = {.sdiag_family = AF_NETLINK,
		.sdiag_protocol = NDIAG_PROTO_ALL,
		.ndiag_show = NDIAG_SHOW_MEMINFO | NDIAG_SHOW_GROUPS | NDIAG_SHOW_FLAGS};
	struct vsock_diag_req vsock = {.sdiag_family = AF_VSOCK, .vdiag_states = ~0U};
	struct netlink_request rq = {.type = SOCK_DIAG_BY_FAMILY, .arg = s};

	if (q->how == HOW_UNIX)
		rq.body = &un, rq.len = sizeof(un), rq.each = socklocal_unix;
	else if (q->how == HOW_PACKET)
		rq.body = &packet, rq.len = sizeof(packet), rq.each = socklocal_packet;
	else if (q->how == HOW_NETLINK)
		rq.body = &nlk, rq.len = sizeof(nlk), rq.each = socklocal_netlink;
	else
		rq.body = &vsock, rq.len = sizeof(vsock), rq.each = socklocal_vsock;
	return netlink_dump(nl, &rq, e);
}

/* ---- the fall-back ---- */

static int put_line(const struct query *q, struct sockets *s, const char *line)
{
	struct sockinet inet = {.sockets = s, .protocol = q->name, .raw = q->how == HOW_RAW};

	if (q->how == HOW_UNIX)
		return socklocal_unix_line(s, line);
	if (q->how == HOW_PACKET)
		return socklocal_packet_line(s, line);
	if (q->how == HOW_NETLINK)
		return socklocal_netlink_line(s, line);
	return sockinet_line(&inet, line);
}

static int read_text(const struct query *q, struct sockets *s, struct err *e)
{
	static struct lines l; /* 64 KiB */
	own_fd int fd = openat(s->net_fd, q->text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *line;

	if (fd < 0)
		return err_errno(e, "open %s", q->text);
	lines_begin(&l, fd);
	while ((line = lines_next(&l)))
		if (put_line(q, s, line) == -EPIPE)
			return err_set(e, EPIPE, "the writer is gone");
	return l.error < 0 ? err_set(e, -l.error, "read %s", q->text) : 0;
}

/* ---- one query ---- */

struct outcome {
	bool asked, by_text;
	uint64_t rows;
	struct err diag, text;
};

static bool is_absent(int code)
{
	return code == ENOENT || code == EOPNOTSUPP || code == EINVAL || code == EPROTONOSUPPORT ||
	       code == EAFNOSUPPORT;
}

/* The name at the start of a line of /proc/net/protocols. */
static bool has_protocol(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, n) && line[n] == ' ')
			return true;
	}
	return false;
}

static int run_query(
	struct netlink *nl, const struct query *q, struct sockets *s, struct outcome *o)
{
	uint64_t before = s->rows->rows;
	int rc = o->asked && nl->fd < 0 ? -EPROTO : 0;

	if (o->asked && nl->fd >= 0)
		rc = q->how == HOW_INET || q->how == HOW_RAW ? ask_inet(nl, q, s, &o->diag)
							     : ask_local(nl, q, s, &o->diag);
	if (rc == -EPIPE)
		return rc;
	if (rc < 0 && q->text && s->rows->rows == before) { /* half a dump: not twice */
		o->by_text = true;
		rc = read_text(q, s, &o->text);
	}
	o->rows = s->rows->rows - before;
	if (rc == -EPIPE || rc == 0 || (!o->by_text && is_absent(-rc)) || rc == -ENOENT)
		return rc == -EPIPE ? rc : 0;
	rc = sink_gapf(s->out, GAP_UNREADABLE, "network/sockets.json",
		o->by_text ? &o->text : &o->diag, "%s sockets of family %d", q->name, q->family);
	return rc < 0 ? -EPIPE : 0;
}

static void put_outcome(struct jsonw *w, const struct query *q, const struct outcome *o)
{
	const char *status = "ok";

	if (!o->asked)
		status = "not_loaded";
	else if (o->by_text)
		status = o->text.code ? "failed" : "proc";
	else if (o->diag.code)
		status = is_absent(o->diag.code) ? "not_available" : "failed";
	jsonw_open(w, NULL);
	jsonw_str(w, "protocol", q->name);
	jsonw_str(w, "family",
		q->family == AF_INET6  ? "inet6"
		: q->family == AF_INET ? "inet"
				       : q->name);
	jsonw_str(w, "status", status);
	jsonw_u64(w, "rows", o->rows);
	if (o->diag.code) {
		jsonw_i64(w, "errno", o->diag.code);
		jsonw_str(w, "reason", o->diag.text);
	}
	jsonw_close(w);
}

static int run_all(struct netlink *nl, struct sockets *s, const char *protocols,
	struct outcome *outcomes, struct err *e)
{
	int rc = 0;

	netrows_section(s->rows, "sockets");
	for (size_t i = 0; rc == 0 && queries[i].name; i++) {
		const struct query *q = &queries[i];

		sink_item(s->out, i);
		outcomes[i].asked = !q->only || has_protocol(protocols, q->only);
		rc = run_query(nl, q, s, &outcomes[i]);
	}
	netrows_section_end(s->rows);
	return rc < 0 ? err_set(e, -rc, "the writer is gone") : 0;
}

int sockets_dump(struct sockets *s, struct err *e)
{
	static struct outcome outcomes[sizeof(queries) / sizeof(queries[0])];
	own_netlink struct netlink nl = NETLINK_INIT;
	own_buf struct buf protocols = BUF_INIT(65536);
	struct err refused = ERR_INIT;
	struct stat st;
	int rc;

	memset(outcomes, 0, sizeof(outcomes));
	if (netlink_open(&nl, NETLINK_SOCK_DIAG, &refused) < 0)
		for (size_t i = 0; queries[i].name; i++)
			outcomes[i].diag = refused;
	if (io_read_file(s->net_fd, "protocols", &protocols, &refused) < 0 &&
		sink_gapf(s->out, GAP_UNREADABLE, "network/sockets.json", &refused,
			"which protocols there are") < 0)
		return err_set(e, EPIPE, "the writer is gone");
	if (nl.fd >= 0 && fstat(nl.fd, &st) == 0)
		s->own_inode = st.st_ino;
	rc = run_all(&nl, s, buf_str(&protocols), outcomes, e);
	netrows_section(s->rows, "queries");
	for (size_t i = 0; queries[i].name; i++) {
		put_outcome(&s->rows->w, &queries[i], &outcomes[i]);
		netrows_row(s->rows);
	}
	netrows_section_end(s->rows);
	if (rc == 0 && nl.changed &&
		sink_gapf(s->out, GAP_CHANGED, "network/sockets.json", NULL,
			"sockets came and went while they were listed") < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return rc;
}
