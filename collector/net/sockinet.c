/* SPDX-License-Identifier: Apache-2.0 */
/* sockinet - rows of internet sockets. */
#include "sockinet.h"
#include "netlink.h"
#include "nlview.h"
#include "peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_LISTEN = 10, STATE_CLOSE = 7 }; /* TCP_LISTEN, TCP_CLOSE of the kernel */

static const char *const states[] = {"", "established", "syn_sent", "syn_recv", "fin_wait1",
	"fin_wait2", "time_wait", "close", "close_wait", "last_ack", "listen", "closing",
	"new_syn_recv", "bound_inactive", NULL};

#define TCP(field)                                                                \
	{                                                                         \
#field, offsetof(struct tcp_info, tcpi_##field),                  \
			sizeof(((struct tcp_info *)0)->tcpi_##field), NLVIEW_UINT \
	}
static const struct nlview_field tcp_fields[] = {TCP(state), TCP(ca_state), TCP(retransmits),
	TCP(probes), TCP(backoff), TCP(options), TCP(rto), TCP(ato), TCP(snd_mss), TCP(rcv_mss),
	TCP(unacked), TCP(sacked), TCP(lost), TCP(retrans), TCP(last_data_sent),
	TCP(last_data_recv), TCP(last_ack_recv), TCP(pmtu), TCP(rtt), TCP(rttvar), TCP(snd_cwnd),
	TCP(advmss), TCP(rcv_space), TCP(total_retrans), TCP(bytes_acked), TCP(bytes_received),
	TCP(segs_out), TCP(segs_in), TCP(notsent_bytes), TCP(data_segs_in), TCP(data_segs_out),
	TCP(busy_time), TCP(bytes_sent), TCP(bytes_retrans), {0}};
#undef TCP

#define U32(name, index)                          \
	{                                         \
		name, 4 * (index), 4, NLVIEW_UINT \
	}
static const struct nlview_field meminfo_fields[] = {/* struct inet_diag_meminfo */
	U32("rmem", 0), U32("wmem", 1), U32("fmem", 2), U32("tmem", 3), {0}};
static const struct nlview_field skmeminfo_fields[] = {/* SK_MEMINFO_* */
	U32("rmem_alloc", 0), U32("rcvbuf", 1), U32("wmem_alloc", 2), U32("sndbuf", 3),
	U32("fwd_alloc", 4), U32("wmem_queued", 5), U32("optmem", 6), U32("backlog", 7),
	U32("drops", 8), {0}};
#undef U32

static const struct nlview ulp_views[] = {NLVIEW("name", INET_ULP_INFO_NAME, TEXT),
	NLVIEW("tls", INET_ULP_INFO_TLS, BYTES), NLVIEW("mptcp", INET_ULP_INFO_MPTCP, BYTES), {0}};

static const struct nlview views[] = {
	{"skmem", INET_DIAG_SKMEMINFO, NLVIEW_STRUCT, .fields = skmeminfo_fields},
	{"tcp_info", INET_DIAG_INFO, NLVIEW_STRUCT, .fields = tcp_fields},
	NLVIEW("congestion", INET_DIAG_CONG, TEXT), NLVIEW("cgroup_id", INET_DIAG_CGROUP_ID, UINT),
	NLVIEW("mark", INET_DIAG_MARK, HEX), NLVIEW("tos", INET_DIAG_TOS, HEX),
	NLVIEW("tclass", INET_DIAG_TCLASS, HEX), NLVIEW("shutdown", INET_DIAG_SHUTDOWN, UINT),
	NLVIEW("v6only", INET_DIAG_SKV6ONLY, UINT),
	NLVIEW("protocol_number", INET_DIAG_PROTOCOL, UINT),
	NLVIEW("class_id", INET_DIAG_CLASS_ID, UINT), NLVIEW("sockopt", INET_DIAG_SOCKOPT, BYTES),
	{"ulp", INET_DIAG_ULP_INFO, NLVIEW_NEST, .nest = ulp_views},
	{"mem", INET_DIAG_MEMINFO, NLVIEW_STRUCT, .fields = meminfo_fields},
	NLVIEW("md5sig", INET_DIAG_MD5SIG, SKIP), /* holds keys */
	NLVIEW("pad", INET_DIAG_PAD, SKIP), {0}};

/* MPTCP's INFO is not a tcp_info: keep its bytes. */
static const struct nlview other_views[] = {
	{"skmem", INET_DIAG_SKMEMINFO, NLVIEW_STRUCT, .fields = skmeminfo_fields},
	NLVIEW("info", INET_DIAG_INFO, BYTES), NLVIEW("cgroup_id", INET_DIAG_CGROUP_ID, UINT),
	NLVIEW("mark", INET_DIAG_MARK, HEX), NLVIEW("tos", INET_DIAG_TOS, HEX),
	NLVIEW("tclass", INET_DIAG_TCLASS, HEX), NLVIEW("shutdown", INET_DIAG_SHUTDOWN, UINT),
	NLVIEW("v6only", INET_DIAG_SKV6ONLY, UINT),
	NLVIEW("protocol_number", INET_DIAG_PROTOCOL, UINT),
	{"ulp", INET_DIAG_ULP_INFO, NLVIEW_NEST, .nest = ulp_views},
	{"mem", INET_DIAG_MEMINFO, NLVIEW_STRUCT, .fields = meminfo_fields},
	NLVIEW("sockopt", INET_DIAG_SOCKOPT, BYTES), NLVIEW("pad", INET_DIAG_PAD, SKIP), {0}};

/* What both sources tell. */
struct row {
	int family; /* AF_INET, AF_INET6 */
	unsigned state, local_port, remote_port;
	uint8_t local[16], remote[16];
	uint32_t rqueue, wqueue, uid;
	uint64_t inode;
};

static void put_head(struct jsonw *w, const struct sockinet *s, const struct row *r)
{
	size_t len = r->family == AF_INET ? 4 : 16;

	jsonw_open(w, NULL);
	jsonw_str(w, "protocol", s->protocol);
	jsonw_str(w, "family", r->family == AF_INET ? "inet" : "inet6");
	nlview_word(w, "state", states, r->state);
	nlview_value(w, "local", NLVIEW_IP, r->local, len);
	jsonw_u64(w, s->raw ? "ip_protocol" : "local_port", r->local_port);
	nlview_value(w, "remote", NLVIEW_IP, r->remote, len);
	if (!s->raw)
		jsonw_u64(w, "remote_port", r->remote_port);
	jsonw_u64(w, "rqueue", r->rqueue);
	jsonw_u64(w, "wqueue", r->wqueue);
	jsonw_u64(w, "uid", r->uid);
	jsonw_u64(w, "inode", r->inode);
}

static bool is_listener(const struct sockinet *s, const struct row *r)
{
	if (s->raw)
		return false;
	if (r->state == STATE_LISTEN)
		return true;
	/* a datagram socket with a port and no peer */
	return r->state == STATE_CLOSE && !strncmp(s->protocol, "udp", 3) && r->local_port;
}

static void peer_of(const struct sockinet *s, const struct row *r, struct peer *ret)
{
	*ret = (struct peer){
		.family = (uint8_t)r->family,
		.state = (uint8_t)r->state,
		.local_port = (uint16_t)r->local_port,
		.remote_port = (uint16_t)r->remote_port,
	};
	snprintf(ret->protocol, sizeof(ret->protocol), "%s", s->protocol);
	memcpy(ret->local, r->local, sizeof(ret->local));
	memcpy(ret->remote, r->remote, sizeof(ret->remote));
}

static int end_row(struct sockinet *s, const struct row *r)
{
	static const uint8_t any[16];
	size_t len = r->family == AF_INET ? 4 : 16;
	char where[INET6_ADDRSTRLEN + 24];
	struct peer peer;
	struct sockets_row end = {.protocol = s->protocol, .inode = r->inode, .where = where};

	peer_of(s, r, &peer);
	if (r->remote_port && !s->raw)
		end.peer = &peer;
	if (!memcmp(r->local, any, len))
		end.listens_everywhere = is_listener(s, r);
	end.raw = s->raw;
	snprintf(where, sizeof(where), "%s%u",
		s->raw	   ? "protocol "
		: len == 4 ? "0.0.0.0:"
			   : "[::]:",
		r->local_port);
	return sockets_row_end(s->sockets, &end);
}

int sockinet_message(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sockinet *s = arg;
	struct jsonw *w = &s->sockets->rows->w;
	struct inet_diag_msg m;
	struct row r = {0};

	(void)type;
	if (len < sizeof(m))
		return 0;
	memcpy(&m, body, sizeof(m));
	r = (struct row){
		.family = m.idiag_family,
		.state = m.idiag_state,
		.local_port = ntohs(m.id.idiag_sport),
		.remote_port = ntohs(m.id.idiag_dport),
		.rqueue = m.idiag_rqueue,
		.wqueue = m.idiag_wqueue,
		.uid = m.idiag_uid,
		.inode = m.idiag_inode,
	};
	memcpy(r.local, m.id.idiag_src, 16);
	memcpy(r.remote, m.id.idiag_dst, 16);
	put_head(w, s, &r);
	jsonw_u64(w, "interface", m.id.idiag_if);
	jsonw_hex(w, "cookie", (uint64_t)m.id.idiag_cookie[1] << 32 | m.id.idiag_cookie[0]);
	if (m.idiag_timer) {
		jsonw_u64(w, "timer", m.idiag_timer);
		jsonw_u64(w, "retransmits", m.idiag_retrans);
		jsonw_u64(w, "expires_ms", m.idiag_expires);
	}
	nlview_attrs(w, !strcmp(s->protocol, "tcp") ? views : other_views, body + sizeof(m),
		len - sizeof(m));
	return end_row(s, &r);
}

/* The kernel prints each 32-bit word of an address as a number of its own byte order. */
static int read_address(const char *hex, uint8_t ret[16], int *ret_family)
{
	size_t len = strspn(hex, "0123456789ABCDEFabcdef");
	char word[9] = "";

	if (len != 8 && len != 32)
		return -EINVAL;
	for (size_t i = 0; i < len / 8; i++) {
		uint32_t v;

		memcpy(word, hex + 8 * i, 8);
		v = (uint32_t)strtoul(word, NULL, 16);
		memcpy(ret + 4 * i, &v, 4);
	}
	*ret_family = len == 8 ? AF_INET : AF_INET6;
	return 0;
}

/* "sl: local:port remote:port st tx:rx tr:when retr uid timeout inode" ... */
int sockinet_line(struct sockinet *s, const char *line)
{
	char local[33], remote[33];
	struct row r = {0};

	if (sscanf(line,
		    " %*u: %32[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %x %" SCNx32 ":%" SCNx32
		    " %*x:%*x %*x %" SCNu32 " %*u %" SCNu64,
		    local, &r.local_port, remote, &r.remote_port, &r.state, &r.wqueue, &r.rqueue,
		    &r.uid, &r.inode) != 9)
		return -EINVAL;
	if (read_address(local, r.local, &r.family) < 0 ||
		read_address(remote, r.remote, &r.family) < 0)
		return -EINVAL;
	put_head(&s->sockets->rows->w, s, &r);
	jsonw_str(&s->sockets->rows->w, "source", "proc");
	return end_row(s, &r);
}
