/* SPDX-License-Identifier: Apache-2.0 */
/* nftviews - how expressions of nftables read: names and kinds of attributes. */
#include "nftviews.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

static const char *const bitwise_ops[] = {"mask_xor", "lshift", "rshift", NULL};
static const char *const cmp_ops[] = {"eq", "neq", "lt", "lte", "gt", "gte", NULL};
static const char *const bases[] = {"link", "network", "transport", "inner", NULL};
static const char *const reject_types[] = {"icmp", "tcp_reset", "icmpx", NULL};
static const char *const nat_types[] = {"snat", "dnat", NULL};
static const char *const meta_keys[] = {"len", "protocol", "priority", "mark", "iif", "oif",
	"iifname", "oifname", "iiftype", "oiftype", "skuid", "skgid", "nftrace", "rtclassid",
	"secmark", "nfproto", "l4proto", "bri_iifname", "bri_oifname", "pkttype", "cpu", "iifgroup",
	"oifgroup", "cgroup", "prandom", "secpath", "iifkind", "oifkind", "bri_iifpvid",
	"bri_iifvproto", "time", "day", "hour", "sdif", "sdifname", NULL};
static const char *const ct_keys[] = {"state", "direction", "status", "mark", "secmark",
	"expiration", "helper", "l3protocol", "src", "dst", "protocol", "proto_src", "proto_dst",
	"labels", "pkts", "bytes", "avgpkt", "zone", "eventmask", "src_ip", "dst_ip", "src_ip6",
	"dst_ip6", "id", NULL};

/* An expression may hold others. */
static const struct nlview expr_views[];
static const struct nlview verdict_views[] = {
	NLVIEW("code", NFTA_VERDICT_CODE, VERDICT),
	NLVIEW("chain", NFTA_VERDICT_CHAIN, TEXT),
	{0},
};

const struct nlview nftviews_data[] = {
	NLVIEW("value", NFTA_DATA_VALUE, BYTES),
	{"verdict", NFTA_DATA_VERDICT, NLVIEW_NEST, .nest = verdict_views},
	{0},
};

static const struct nlview immediate_views[] = {
	NLVIEW("dreg", NFTA_IMMEDIATE_DREG, BE),
	{"data", NFTA_IMMEDIATE_DATA, NLVIEW_NEST, .nest = nftviews_data},
	{0},
};

static const struct nlview bitwise_views[] = {
	NLVIEW("sreg", NFTA_BITWISE_SREG, BE),
	NLVIEW("dreg", NFTA_BITWISE_DREG, BE),
	NLVIEW("len", NFTA_BITWISE_LEN, BE),
	{"mask", NFTA_BITWISE_MASK, NLVIEW_NEST, .nest = nftviews_data},
	{"xor", NFTA_BITWISE_XOR, NLVIEW_NEST, .nest = nftviews_data},
	{"op", NFTA_BITWISE_OP, NLVIEW_BEWORD, .words = bitwise_ops},
	{"data", NFTA_BITWISE_DATA, NLVIEW_NEST, .nest = nftviews_data},
	{0},
};

static const struct nlview byteorder_views[] = {
	NLVIEW("sreg", NFTA_BYTEORDER_SREG, BE),
	NLVIEW("dreg", NFTA_BYTEORDER_DREG, BE),
	NLVIEW("op", NFTA_BYTEORDER_OP, BE),
	NLVIEW("len", NFTA_BYTEORDER_LEN, BE),
	NLVIEW("size", NFTA_BYTEORDER_SIZE, BE),
	{0},
};

static const struct nlview cmp_views[] = {
	NLVIEW("sreg", NFTA_CMP_SREG, BE),
	{"op", NFTA_CMP_OP, NLVIEW_BEWORD, .words = cmp_ops},
	{"data", NFTA_CMP_DATA, NLVIEW_NEST, .nest = nftviews_data},
	{0},
};

static const struct nlview range_views[] = {
	NLVIEW("sreg", NFTA_RANGE_SREG, BE),
	{"op", NFTA_RANGE_OP, NLVIEW_BEWORD, .words = cmp_ops},
	{"from", NFTA_RANGE_FROM_DATA, NLVIEW_NEST, .nest = nftviews_data},
	{"to", NFTA_RANGE_TO_DATA, NLVIEW_NEST, .nest = nftviews_data},
	{0},
};

static const struct nlview lookup_views[] = {
	NLVIEW("set", NFTA_LOOKUP_SET, TEXT),
	NLVIEW("sreg", NFTA_LOOKUP_SREG, BE),
	NLVIEW("dreg", NFTA_LOOKUP_DREG, BE),
	NLVIEW("set_id", NFTA_LOOKUP_SET_ID, BE),
	NLVIEW("flags", NFTA_LOOKUP_FLAGS, BEHEX),
	{0},
};

static const struct nlview payload_views[] = {
	NLVIEW("dreg", NFTA_PAYLOAD_DREG, BE),
	{"base", NFTA_PAYLOAD_BASE, NLVIEW_BEWORD, .words = bases},
	NLVIEW("offset", NFTA_PAYLOAD_OFFSET, BE),
	NLVIEW("len", NFTA_PAYLOAD_LEN, BE),
	NLVIEW("sreg", NFTA_PAYLOAD_SREG, BE),
	NLVIEW("csum_type", NFTA_PAYLOAD_CSUM_TYPE, BE),
	NLVIEW("csum_offset", NFTA_PAYLOAD_CSUM_OFFSET, BE),
	NLVIEW("csum_flags", NFTA_PAYLOAD_CSUM_FLAGS, BEHEX),
	{0},
};

static const struct nlview exthdr_views[] = {
	NLVIEW("dreg", NFTA_EXTHDR_DREG, BE),
	NLVIEW("type", NFTA_EXTHDR_TYPE, BE),
	NLVIEW("offset", NFTA_EXTHDR_OFFSET, BE),
	NLVIEW("len", NFTA_EXTHDR_LEN, BE),
	NLVIEW("flags", NFTA_EXTHDR_FLAGS, BEHEX),
	NLVIEW("op", NFTA_EXTHDR_OP, BE),
	NLVIEW("sreg", NFTA_EXTHDR_SREG, BE),
	{0},
};

static const struct nlview hash_views[] = {
	NLVIEW("sreg", NFTA_HASH_SREG, BE),
	NLVIEW("dreg", NFTA_HASH_DREG, BE),
	NLVIEW("len", NFTA_HASH_LEN, BE),
	NLVIEW("modulus", NFTA_HASH_MODULUS, BE),
	NLVIEW("seed", NFTA_HASH_SEED, BE),
	NLVIEW("offset", NFTA_HASH_OFFSET, BE),
	NLVIEW("type", NFTA_HASH_TYPE, BE),
	{0},
};

static const struct nlview meta_views[] = {
	NLVIEW("dreg", NFTA_META_DREG, BE),
	{"key", NFTA_META_KEY, NLVIEW_BEWORD, .words = meta_keys},
	NLVIEW("sreg", NFTA_META_SREG, BE),
	{0},
};

static const struct nlview rt_views[] = {
	NLVIEW("dreg", NFTA_RT_DREG, BE),
	NLVIEW("key", NFTA_RT_KEY, BE),
	{0},
};

static const struct nlview socket_views[] = {
	NLVIEW("key", NFTA_SOCKET_KEY, BE),
	NLVIEW("dreg", NFTA_SOCKET_DREG, BE),
	NLVIEW("level", NFTA_SOCKET_LEVEL, BE),
	{0},
};

static const struct nlview ct_views[] = {
	NLVIEW("dreg", NFTA_CT_DREG, BE),
	{"key", NFTA_CT_KEY, NLVIEW_BEWORD, .words = ct_keys},
	NLVIEW("direction", NFTA_CT_DIRECTION, BE),
	NLVIEW("sreg", NFTA_CT_SREG, BE),
	{0},
};

static const struct nlview flow_views[] = {
	NLVIEW("table", NFTA_FLOW_TABLE_NAME, TEXT),
	{0},
};

static const struct nlview limit_views[] = {
	NLVIEW("rate", NFTA_LIMIT_RATE, BE),
	NLVIEW("unit", NFTA_LIMIT_UNIT, BE),
	NLVIEW("burst", NFTA_LIMIT_BURST, BE),
	NLVIEW("type", NFTA_LIMIT_TYPE, BE),
	NLVIEW("flags", NFTA_LIMIT_FLAGS, BEHEX),
	NLVIEW("pad", NFTA_LIMIT_PAD, SKIP),
	{0},
};

static const struct nlview connlimit_views[] = {
	NLVIEW("count", NFTA_CONNLIMIT_COUNT, BE),
	NLVIEW("flags", NFTA_CONNLIMIT_FLAGS, BEHEX),
	{0},
};

const struct nlview nftviews_counter[] = {
	NLVIEW("bytes", NFTA_COUNTER_BYTES, BE),
	NLVIEW("packets", NFTA_COUNTER_PACKETS, BE),
	NLVIEW("pad", NFTA_COUNTER_PAD, SKIP),
	{0},
};

static const struct nlview last_views[] = {
	NLVIEW("set", NFTA_LAST_SET, BE),
	NLVIEW("msecs", NFTA_LAST_MSECS, BE),
	NLVIEW("pad", NFTA_LAST_PAD, SKIP),
	{0},
};

static const struct nlview log_views[] = {
	NLVIEW("group", NFTA_LOG_GROUP, BE),
	NLVIEW("prefix", NFTA_LOG_PREFIX, TEXT),
	NLVIEW("snaplen", NFTA_LOG_SNAPLEN, BE),
	NLVIEW("qthreshold", NFTA_LOG_QTHRESHOLD, BE),
	NLVIEW("level", NFTA_LOG_LEVEL, BE),
	NLVIEW("flags", NFTA_LOG_FLAGS, BEHEX),
	{0},
};

static const struct nlview queue_views[] = {
	NLVIEW("num", NFTA_QUEUE_NUM, BE),
	NLVIEW("total", NFTA_QUEUE_TOTAL, BE),
	NLVIEW("flags", NFTA_QUEUE_FLAGS, BEHEX),
	NLVIEW("sreg", NFTA_QUEUE_SREG_QNUM, BE),
	{0},
};

static const struct nlview quota_views[] = {
	NLVIEW("bytes", NFTA_QUOTA_BYTES, BE),
	NLVIEW("flags", NFTA_QUOTA_FLAGS, BEHEX),
	NLVIEW("consumed", NFTA_QUOTA_CONSUMED, BE),
	NLVIEW("pad", NFTA_QUOTA_PAD, SKIP),
	{0},
};

static const struct nlview reject_views[] = {
	{"type", NFTA_REJECT_TYPE, NLVIEW_BEWORD, .words = reject_types},
	NLVIEW("icmp_code", NFTA_REJECT_ICMP_CODE, BE),
	{0},
};

static const struct nlview nat_views[] = {
	{"type", NFTA_NAT_TYPE, NLVIEW_BEWORD, .words = nat_types},
	NLVIEW("family", NFTA_NAT_FAMILY, BE),
	NLVIEW("reg_addr_min", NFTA_NAT_REG_ADDR_MIN, BE),
	NLVIEW("reg_addr_max", NFTA_NAT_REG_ADDR_MAX, BE),
	NLVIEW("reg_proto_min", NFTA_NAT_REG_PROTO_MIN, BE),
	NLVIEW("reg_proto_max", NFTA_NAT_REG_PROTO_MAX, BE),
	NLVIEW("flags", NFTA_NAT_FLAGS, BEHEX),
	{0},
};

static const struct nlview tproxy_views[] = {
	NLVIEW("family", NFTA_TPROXY_FAMILY, BE),
	NLVIEW("reg_addr", NFTA_TPROXY_REG_ADDR, BE),
	NLVIEW("reg_port", NFTA_TPROXY_REG_PORT, BE),
	{0},
};

static const struct nlview masq_views[] = {
	NLVIEW("flags", NFTA_MASQ_FLAGS, BEHEX),
	NLVIEW("reg_proto_min", NFTA_MASQ_REG_PROTO_MIN, BE),
	NLVIEW("reg_proto_max", NFTA_MASQ_REG_PROTO_MAX, BE),
	{0},
};

static const struct nlview redir_views[] = {
	NLVIEW("reg_proto_min", NFTA_REDIR_REG_PROTO_MIN, BE),
	NLVIEW("reg_proto_max", NFTA_REDIR_REG_PROTO_MAX, BE),
	NLVIEW("flags", NFTA_REDIR_FLAGS, BEHEX),
	{0},
};

static const struct nlview dup_views[] = {
	NLVIEW("sreg_addr", NFTA_DUP_SREG_ADDR, BE),
	NLVIEW("sreg_dev", NFTA_DUP_SREG_DEV, BE),
	{0},
};

static const struct nlview fwd_views[] = {
	NLVIEW("sreg_dev", NFTA_FWD_SREG_DEV, BE),
	NLVIEW("sreg_addr", NFTA_FWD_SREG_ADDR, BE),
	NLVIEW("family", NFTA_FWD_NFPROTO, BE),
	{0},
};

static const struct nlview objref_views[] = {
	NLVIEW("type", NFTA_OBJREF_IMM_TYPE, BE),
	NLVIEW("name", NFTA_OBJREF_IMM_NAME, TEXT),
	NLVIEW("sreg", NFTA_OBJREF_SET_SREG, BE),
	NLVIEW("set", NFTA_OBJREF_SET_NAME, TEXT),
	{0},
};

static const struct nlview fib_views[] = {
	NLVIEW("dreg", NFTA_FIB_DREG, BE),
	NLVIEW("result", NFTA_FIB_RESULT, BE),
	NLVIEW("flags", NFTA_FIB_FLAGS, BEHEX),
	{0},
};

static const struct nlview osf_views[] = {
	NLVIEW("dreg", NFTA_OSF_DREG, BE),
	NLVIEW("ttl", NFTA_OSF_TTL, BE),
	NLVIEW("flags", NFTA_OSF_FLAGS, BEHEX),
	{0},
};

static const struct nlview synproxy_views[] = {
	NLVIEW("mss", NFTA_SYNPROXY_MSS, BE),
	NLVIEW("wscale", NFTA_SYNPROXY_WSCALE, BE),
	NLVIEW("flags", NFTA_SYNPROXY_FLAGS, BEHEX),
	{0},
};

static const struct nlview xfrm_views[] = {
	NLVIEW("dreg", NFTA_XFRM_DREG, BE),
	NLVIEW("key", NFTA_XFRM_KEY, BE),
	NLVIEW("dir", NFTA_XFRM_DIR, BE),
	NLVIEW("spnum", NFTA_XFRM_SPNUM, BE),
	{0},
};

static const struct nlview numgen_views[] = {
	NLVIEW("dreg", NFTA_NG_DREG, BE),
	NLVIEW("modulus", NFTA_NG_MODULUS, BE),
	NLVIEW("type", NFTA_NG_TYPE, BE),
	NLVIEW("offset", NFTA_NG_OFFSET, BE),
	{0},
};

static const struct nlview match_views[] = {
	NLVIEW("name", NFTA_MATCH_NAME, TEXT),
	NLVIEW("rev", NFTA_MATCH_REV, BE),
	NLVIEW("info", NFTA_MATCH_INFO, BYTES),
	{0},
};

static const struct nlview target_views[] = {
	NLVIEW("name", NFTA_TARGET_NAME, TEXT),
	NLVIEW("rev", NFTA_TARGET_REV, BE),
	NLVIEW("info", NFTA_TARGET_INFO, BYTES),
	{0},
};

static const struct nlview dynset_views[] = {
	NLVIEW("set", NFTA_DYNSET_SET_NAME, TEXT),
	NLVIEW("set_id", NFTA_DYNSET_SET_ID, BE),
	NLVIEW("op", NFTA_DYNSET_OP, BE),
	NLVIEW("sreg_key", NFTA_DYNSET_SREG_KEY, BE),
	NLVIEW("sreg_data", NFTA_DYNSET_SREG_DATA, BE),
	NLVIEW("timeout", NFTA_DYNSET_TIMEOUT, BE),
	{"expr", NFTA_DYNSET_EXPR, NLVIEW_NEST, .nest = expr_views},
	NLVIEW("flags", NFTA_DYNSET_FLAGS, BEHEX),
	{"expressions", NFTA_DYNSET_EXPRESSIONS, NLVIEW_LIST, .nest = nftviews_expr},
	NLVIEW("pad", NFTA_DYNSET_PAD, SKIP),
	{0},
};

static const struct nlview_choice expressions[] = {
	{"immediate", immediate_views},
	{"bitwise", bitwise_views},
	{"byteorder", byteorder_views},
	{"cmp", cmp_views},
	{"range", range_views},
	{"lookup", lookup_views},
	{"payload", payload_views},
	{"exthdr", exthdr_views},
	{"hash", hash_views},
	{"meta", meta_views},
	{"rt", rt_views},
	{"socket", socket_views},
	{"ct", ct_views},
	{"limit", limit_views},
	{"connlimit", connlimit_views},
	{"counter", nftviews_counter},
	{"last", last_views},
	{"log", log_views},
	{"queue", queue_views},
	{"quota", quota_views},
	{"reject", reject_views},
	{"nat", nat_views},
	{"tproxy", tproxy_views},
	{"masq", masq_views},
	{"redir", redir_views},
	{"dup", dup_views},
	{"fwd", fwd_views},
	{"objref", objref_views},
	{"fib", fib_views},
	{"osf", osf_views},
	{"synproxy", synproxy_views},
	{"xfrm", xfrm_views},
	{"numgen", numgen_views},
	{"match", match_views},
	{"target", target_views},
	{"dynset", dynset_views},
	{"flow_offload", flow_views},
	{0},
};

static const struct nlview expr_views[] = {
	NLVIEW("name", NFTA_EXPR_NAME, NAME),
	{"data", NFTA_EXPR_DATA, NLVIEW_CHOICE, .choices = expressions},
	{0},
};

const struct nlview nftviews_expr[] = {
	{"expression", NFTA_LIST_ELEM, NLVIEW_NEST, .nest = expr_views},
	{0},
};
