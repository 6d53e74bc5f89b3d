/* SPDX-License-Identifier: Apache-2.0 */
/* socklocal - rows of sockets that are no internet sockets. */
#include "socklocal.h"
#include "netlink.h"
#include "nlview.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/unix_diag.h>
#include <linux/vm_sockets_diag.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FIELD(type, field, key, how)                                        \
	{                                                                   \
		key, offsetof(type, field), sizeof(((type *)0)->field), how \
	}

static const char *const types[] = {
	"0", "stream", "dgram", "raw", "rdm", "seqpacket", "dccp", "7", "8", "9", "packet", NULL};
/* TCP_ESTABLISHED, TCP_CLOSE, TCP_LISTEN: the only ones here; see also SS_* of the fall-back. */
static const char *const states[] = {"", "established", "syn_sent", "syn_recv", "fin_wait1",
	"fin_wait2", "time_wait", "close", "close_wait", "last_ack", "listen", "closing", NULL};

static const struct nlview_field skmem_fields[] = {/* SK_MEMINFO_* */
	{"rmem_alloc", 0, 4, NLVIEW_UINT}, {"rcvbuf", 4, 4, NLVIEW_UINT},
	{"wmem_alloc", 8, 4, NLVIEW_UINT}, {"sndbuf", 12, 4, NLVIEW_UINT},
	{"drops", 32, 4, NLVIEW_UINT}, {0}};

static void open_row(struct sockets *s, const char *protocol, uint64_t inode)
{
	jsonw_open(&s->rows->w, NULL);
	jsonw_str(&s->rows->w, "protocol", protocol);
	jsonw_u64(&s->rows->w, "inode", inode);
}

static int end_row(struct sockets *s, const char *protocol, uint64_t inode, const char *raw_where)
{
	struct sockets_row r = {
		.protocol = protocol, .inode = inode, .raw = raw_where != NULL, .where = raw_where};

	return sockets_row_end(s, &r);
}

static const struct nlview_field unix_vfs_fields[] = {
	FIELD(struct unix_diag_vfs, udiag_vfs_dev, "dev", NLVIEW_HEX),
	FIELD(struct unix_diag_vfs, udiag_vfs_ino, "ino", NLVIEW_UINT), {0}};
/* Of a listener: connections waiting, and the most there may be. Else bytes to be read. */
static const struct nlview_field unix_queue_fields[] = {
	FIELD(struct unix_diag_rqlen, udiag_rqueue, "receive", NLVIEW_UINT),
	FIELD(struct unix_diag_rqlen, udiag_wqueue, "send", NLVIEW_UINT), {0}};
static const struct nlview unix_views[] = {
	{"file", UNIX_DIAG_VFS, NLVIEW_STRUCT, .fields = unix_vfs_fields},
	NLVIEW("peer", UNIX_DIAG_PEER, UINT),
	{"queue", UNIX_DIAG_RQLEN, NLVIEW_STRUCT, .fields = unix_queue_fields},
	{"skmem", UNIX_DIAG_MEMINFO, NLVIEW_STRUCT, .fields = skmem_fields},
	NLVIEW("shutdown", UNIX_DIAG_SHUTDOWN, UINT), NLVIEW("uid", UNIX_DIAG_UID, UINT),
	NLVIEW("name", UNIX_DIAG_NAME, SKIP), /* put_unix_name() */
	NLVIEW("pending", UNIX_DIAG_ICONS, SKIP), {0}};

/* An abstract name begins with a NUL and may hold more of them. */
static void put_unix_name(struct jsonw *w, const uint8_t *p, size_t n)
{
	bool abstract = n && !p[0];

	if (!n)
		return;
	jsonw_bool(w, "abstract", abstract);
	if (abstract)
		jsonw_bytes(w, "name", p + 1, n - 1);
	else
		jsonw_bytes(w, "name", p, strnlen((const char *)p, n));
}

static void put_pending(struct jsonw *w, const uint8_t *p, size_t n)
{
	jsonw_open_array(w, "pending"); /* inodes of peers that nobody has accepted */
	for (; n >= 4; p += 4, n -= 4)
		jsonw_u64(w, NULL, netlink_uint(p, 4));
	jsonw_close_array(w);
}

int socklocal_unix(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sockets *s = arg;
	struct jsonw *w = &s->rows->w;
	struct unix_diag_msg m;
	struct netlink_attr a;

	(void)type;
	if (len < sizeof(m))
		return 0;
	memcpy(&m, body, sizeof(m));
	body += sizeof(m);
	len -= sizeof(m);
	open_row(s, "unix", m.udiag_ino);
	nlview_word(w, "type", types, m.udiag_type);
	nlview_word(w, "state", states, m.udiag_state);
	jsonw_hex(w, "cookie", (uint64_t)m.udiag_cookie[1] << 32 | m.udiag_cookie[0]);
	if (netlink_find(body, len, UNIX_DIAG_NAME, &a))
		put_unix_name(w, a.data, a.len);
	if (netlink_find(body, len, UNIX_DIAG_ICONS, &a))
		put_pending(w, a.data, a.len);
	nlview_attrs(w, unix_views, body, len);
	return end_row(s, "unix", m.udiag_ino, NULL);
}

static const struct nlview_field packet_info_fields[] = {
	FIELD(struct packet_diag_info, pdi_index, "interface", NLVIEW_UINT),
	FIELD(struct packet_diag_info, pdi_version, "version", NLVIEW_UINT),
	FIELD(struct packet_diag_info, pdi_flags, "flags", NLVIEW_HEX), {0}};
static const struct nlview_field packet_ring_fields[] = {
	FIELD(struct packet_diag_ring, pdr_block_size, "block_size", NLVIEW_UINT),
	FIELD(struct packet_diag_ring, pdr_block_nr, "blocks", NLVIEW_UINT),
	FIELD(struct packet_diag_ring, pdr_frame_size, "frame_size", NLVIEW_UINT),
	FIELD(struct packet_diag_ring, pdr_frame_nr, "frames", NLVIEW_UINT), {0}};
static const struct nlview packet_views[] = {
	{"info", PACKET_DIAG_INFO, NLVIEW_STRUCT, .fields = packet_info_fields},
	NLVIEW("multicast", PACKET_DIAG_MCLIST, BYTES),
	{"rx_ring", PACKET_DIAG_RX_RING, NLVIEW_STRUCT, .fields = packet_ring_fields},
	{"tx_ring", PACKET_DIAG_TX_RING, NLVIEW_STRUCT, .fields = packet_ring_fields},
	NLVIEW("fanout", PACKET_DIAG_FANOUT, HEX), NLVIEW("uid", PACKET_DIAG_UID, UINT),
	{"skmem", PACKET_DIAG_MEMINFO, NLVIEW_STRUCT, .fields = skmem_fields},
	NLVIEW("filter", PACKET_DIAG_FILTER, BYTES), /* struct sock_filter each */
	{0}};

int socklocal_packet(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sockets *s = arg;
	struct jsonw *w = &s->rows->w;
	struct packet_diag_msg m;
	char where[32];

	(void)type;
	if (len < sizeof(m))
		return 0;
	memcpy(&m, body, sizeof(m));
	open_row(s, "packet", m.pdiag_ino);
	nlview_word(w, "type", types, m.pdiag_type);
	jsonw_hex(w, "ethertype", m.pdiag_num);
	jsonw_hex(w, "cookie", (uint64_t)m.pdiag_cookie[1] << 32 | m.pdiag_cookie[0]);
	nlview_attrs(w, packet_views, body + sizeof(m), len - sizeof(m));
	snprintf(where, sizeof(where), "ethertype 0x%x", m.pdiag_num);
	return end_row(s, "packet", m.pdiag_ino, where);
}

/* Only the kernel's own ends have port 0: others get theirs before they are listed. */
static int end_netlink(struct sockets *s, uint64_t inode, uint32_t port)
{
	struct sockets_row r = {.protocol = "netlink", .inode = inode, .kernel = !port};

	return sockets_row_end(s, &r);
}

static const struct nlview netlink_views[] = {
	{"skmem", NETLINK_DIAG_MEMINFO, NLVIEW_STRUCT, .fields = skmem_fields},
	NLVIEW("groups", NETLINK_DIAG_GROUPS, BYTES), NLVIEW("flags", NETLINK_DIAG_FLAGS, HEX),
	{0}};

int socklocal_netlink(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sockets *s = arg;
	struct jsonw *w = &s->rows->w;
	struct netlink_diag_msg m;

	(void)type;
	if (len < sizeof(m))
		return 0;
	memcpy(&m, body, sizeof(m));
	open_row(s, "netlink", m.ndiag_ino);
	nlview_word(w, "type", types, m.ndiag_type);
	jsonw_u64(w, "netlink_protocol", m.ndiag_protocol);
	jsonw_u64(w, "port", m.ndiag_portid);
	jsonw_u64(w, "peer_port", m.ndiag_dst_portid);
	jsonw_hex(w, "peer_group", m.ndiag_dst_group);
	jsonw_hex(w, "cookie", (uint64_t)m.ndiag_cookie[1] << 32 | m.ndiag_cookie[0]);
	nlview_attrs(w, netlink_views, body + sizeof(m), len - sizeof(m));
	return end_netlink(s, m.ndiag_ino, m.ndiag_portid);
}

int socklocal_vsock(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sockets *s = arg;
	struct jsonw *w = &s->rows->w;
	struct vsock_diag_msg m;

	(void)type;
	if (len < sizeof(m))
		return 0;
	memcpy(&m, body, sizeof(m));
	open_row(s, "vsock", m.vdiag_ino);
	nlview_word(w, "type", types, m.vdiag_type);
	nlview_word(w, "state", states, m.vdiag_state);
	jsonw_u64(w, "local_cid", m.vdiag_src_cid);
	jsonw_u64(w, "local_port", m.vdiag_src_port);
	jsonw_u64(w, "remote_cid", m.vdiag_dst_cid);
	jsonw_u64(w, "remote_port", m.vdiag_dst_port);
	jsonw_u64(w, "shutdown", m.vdiag_shutdown);
	return end_row(s, "vsock", m.vdiag_ino, NULL);
}

/* "Num: RefCount Protocol Flags Type St Inode Path": a newline in a path splits the line, the
 * rest is then none of ours. '@' stands for every NUL of an abstract name. */
int socklocal_unix_line(struct sockets *s, const char *line)
{
	unsigned flags, type, state;
	uint64_t inode;
	int used = 0;

	if (sscanf(line, " %*x: %*x %*x %x %x %x %" SCNu64 "%n", &flags, &type, &state, &inode,
		    &used) != 4 ||
		!used)
		return -EINVAL;
	open_row(s, "unix", inode);
	nlview_word(&s->rows->w, "type", types, type);
	jsonw_bool(&s->rows->w, "listening", flags & 0x10000); /* __SO_ACCEPTCON */
	jsonw_u64(&s->rows->w, "socket_state", state);
	if (line[used] == ' ')
		jsonw_str(&s->rows->w, "path", line + used + 1);
	jsonw_str(&s->rows->w, "source", "proc");
	return end_row(s, "unix", inode, NULL);
}

/* "sk RefCnt Type Proto Iface R Rmem User Inode" */
int socklocal_packet_line(struct sockets *s, const char *line)
{
	unsigned type, proto, iface, running, rmem, uid;
	char where[32];
	uint64_t inode;

	if (sscanf(line, " %*x %*u %u %x %u %u %u %u %" SCNu64, &type, &proto, &iface, &running,
		    &rmem, &uid, &inode) != 7)
		return -EINVAL;
	open_row(s, "packet", inode);
	nlview_word(&s->rows->w, "type", types, type);
	jsonw_hex(&s->rows->w, "ethertype", proto);
	jsonw_u64(&s->rows->w, "interface", iface);
	jsonw_u64(&s->rows->w, "rqueue", rmem);
	jsonw_u64(&s->rows->w, "uid", uid);
	jsonw_str(&s->rows->w, "source", "proc");
	snprintf(where, sizeof(where), "ethertype 0x%x", proto);
	return end_row(s, "packet", inode, where);
}

/* "sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode" */
int socklocal_netlink_line(struct sockets *s, const char *line)
{
	unsigned proto, port, groups;
	uint64_t inode;

	if (sscanf(line, " %*x %u %u %x %*d %*d %*d %*d %*u %" SCNu64, &proto, &port, &groups,
		    &inode) != 4)
		return -EINVAL;
	open_row(s, "netlink", inode);
	jsonw_u64(&s->rows->w, "netlink_protocol", proto);
	jsonw_u64(&s->rows->w, "port", port);
	jsonw_hex(&s->rows->w, "groups", groups);
	jsonw_str(&s->rows->w, "source", "proc");
	return end_netlink(s, inode, port);
}
