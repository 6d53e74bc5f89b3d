/* SPDX-License-Identifier: Apache-2.0 */
/* firewall - nftables and connection tracking, by nfnetlink. */
#include "firewall.h"
#include "netrows.h"
#include "nftviews.h"

#include "own.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

enum { SETS_MAX = 4096, NAME_SIZE = 256 /* NFT_NAME_MAXLEN */ };

static const struct nlview_field family_fields[] = {/* struct nfgenmsg */
	{"family", 0, 1, NLVIEW_NFFAMILY}, {0}};

/* ---- nftables ---- */

static const struct nlview table_views[] = {NLVIEW("name", NFTA_TABLE_NAME, TEXT),
	NLVIEW("flags", NFTA_TABLE_FLAGS, BEHEX), NLVIEW("use", NFTA_TABLE_USE, BE),
	NLVIEW("handle", NFTA_TABLE_HANDLE, BE), NLVIEW("userdata", NFTA_TABLE_USERDATA, BYTES),
	NLVIEW("owner", 7, BE), NLVIEW("pad", NFTA_TABLE_PAD, SKIP), {0}};

static const struct nlview device_view[] = {NLVIEW("device", 1, TEXT), {0}};
static const struct nlview hook_views[] = {NLVIEW("hook", NFTA_HOOK_HOOKNUM, BE),
	NLVIEW("priority", NFTA_HOOK_PRIORITY, BEINT), NLVIEW("device", NFTA_HOOK_DEV, TEXT),
	{"devices", 4 /* NFTA_HOOK_DEVS */, NLVIEW_LIST, .nest = device_view}, {0}};
static const struct nlview chain_views[] = {NLVIEW("table", NFTA_CHAIN_TABLE, TEXT),
	NLVIEW("name", NFTA_CHAIN_NAME, TEXT), NLVIEW("handle", NFTA_CHAIN_HANDLE, BE),
	NLVIEW("type", NFTA_CHAIN_TYPE, TEXT),
	{"hook", NFTA_CHAIN_HOOK, NLVIEW_NEST, .nest = hook_views},
	NLVIEW("policy", NFTA_CHAIN_POLICY, VERDICT), NLVIEW("use", NFTA_CHAIN_USE, BE),
	{"counters", NFTA_CHAIN_COUNTERS, NLVIEW_NEST, .nest = nftviews_counter},
	NLVIEW("flags", NFTA_CHAIN_FLAGS, BEHEX), NLVIEW("userdata", 12, BYTES),
	NLVIEW("pad", NFTA_CHAIN_PAD, SKIP), {0}};

static const struct nlview rule_views[] = {NLVIEW("table", NFTA_RULE_TABLE, TEXT),
	NLVIEW("chain", NFTA_RULE_CHAIN, TEXT), NLVIEW("handle", NFTA_RULE_HANDLE, BE),
	NLVIEW("after", NFTA_RULE_POSITION, BE),
	{"expressions", NFTA_RULE_EXPRESSIONS, NLVIEW_LIST, .nest = nftviews_expr},
	NLVIEW("compat", NFTA_RULE_COMPAT, BYTES),
	NLVIEW("userdata", NFTA_RULE_USERDATA, BYTES), /* a comment, among others */
	NLVIEW("pad", NFTA_RULE_PAD, SKIP), {0}};

static const struct nlview set_views[] = {NLVIEW("table", NFTA_SET_TABLE, TEXT),
	NLVIEW("name", NFTA_SET_NAME, TEXT), NLVIEW("flags", NFTA_SET_FLAGS, BEHEX),
	NLVIEW("key_type", NFTA_SET_KEY_TYPE, BEHEX), NLVIEW("key_len", NFTA_SET_KEY_LEN, BE),
	NLVIEW("data_type", NFTA_SET_DATA_TYPE, BEHEX), NLVIEW("data_len", NFTA_SET_DATA_LEN, BE),
	NLVIEW("policy", NFTA_SET_POLICY, BE), NLVIEW("description", NFTA_SET_DESC, BYTES),
	NLVIEW("timeout_ms", NFTA_SET_TIMEOUT, BE),
	NLVIEW("gc_interval_ms", NFTA_SET_GC_INTERVAL, BE),
	NLVIEW("userdata", NFTA_SET_USERDATA, BYTES), NLVIEW("object_type", NFTA_SET_OBJ_TYPE, BE),
	NLVIEW("handle", NFTA_SET_HANDLE, BE),
	{"expressions", 18, NLVIEW_LIST, .nest = nftviews_expr}, NLVIEW("type", 19, TEXT),
	NLVIEW("count", 20, BE), NLVIEW("pad", NFTA_SET_PAD, SKIP), {0}};

static const struct nlview element_views[] = {
	{"key", NFTA_SET_ELEM_KEY, NLVIEW_NEST, .nest = nftviews_data},
	{"key_end", 10, NLVIEW_NEST, .nest = nftviews_data},
	{"data", NFTA_SET_ELEM_DATA, NLVIEW_NEST, .nest = nftviews_data},
	NLVIEW("flags", NFTA_SET_ELEM_FLAGS, BEHEX),
	NLVIEW("timeout_ms", NFTA_SET_ELEM_TIMEOUT, BE),
	NLVIEW("expires_ms", NFTA_SET_ELEM_EXPIRATION, BE),
	NLVIEW("userdata", NFTA_SET_ELEM_USERDATA, BYTES),
	NLVIEW("object", NFTA_SET_ELEM_OBJREF, TEXT),
	{"expressions", 11, NLVIEW_LIST, .nest = nftviews_expr},
	NLVIEW("pad", NFTA_SET_ELEM_PAD, SKIP), {0}};
static const struct nlview element_view[] = {
	{"element", NFTA_LIST_ELEM, NLVIEW_NEST, .nest = element_views}, {0}};
static const struct nlview elements_views[] = {NLVIEW("table", NFTA_SET_ELEM_LIST_TABLE, TEXT),
	NLVIEW("set", NFTA_SET_ELEM_LIST_SET, TEXT),
	{"elements", NFTA_SET_ELEM_LIST_ELEMENTS, NLVIEW_LIST, .nest = element_view}, {0}};

static const struct nlview object_views[] = {NLVIEW("table", NFTA_OBJ_TABLE, TEXT),
	NLVIEW("name", NFTA_OBJ_NAME, TEXT), NLVIEW("type", NFTA_OBJ_TYPE, BE),
	NLVIEW("data", NFTA_OBJ_DATA, BYTES), NLVIEW("use", NFTA_OBJ_USE, BE),
	NLVIEW("handle", NFTA_OBJ_HANDLE, BE), NLVIEW("pad", NFTA_OBJ_PAD, SKIP), {0}};
static const struct nlview flowtable_hook_views[] = {NLVIEW("hook", NFTA_FLOWTABLE_HOOK_NUM, BE),
	NLVIEW("priority", NFTA_FLOWTABLE_HOOK_PRIORITY, BEINT),
	{"devices", NFTA_FLOWTABLE_HOOK_DEVS, NLVIEW_LIST, .nest = device_view}, {0}};
static const struct nlview flowtable_views[] = {NLVIEW("table", NFTA_FLOWTABLE_TABLE, TEXT),
	NLVIEW("name", NFTA_FLOWTABLE_NAME, TEXT),
	{"hook", NFTA_FLOWTABLE_HOOK, NLVIEW_NEST, .nest = flowtable_hook_views},
	NLVIEW("use", NFTA_FLOWTABLE_USE, BE), NLVIEW("handle", NFTA_FLOWTABLE_HANDLE, BE),
	NLVIEW("flags", 7, BEHEX), NLVIEW("pad", NFTA_FLOWTABLE_PAD, SKIP), {0}};

#define NFT(key, message, views)                                                                   \
	{                                                                                          \
		key, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GET##message, 0, sizeof(struct nfgenmsg), \
			family_fields, views                                                       \
	}
static const struct netrows_table nft_tables[] = {NFT("tables", TABLE, table_views),
	NFT("chains", CHAIN, chain_views), NFT("rules", RULE, rule_views),
	NFT("sets", SET, set_views), NFT("objects", OBJ, object_views),
	NFT("flowtables", FLOWTABLE, flowtable_views), {0}};
static const struct netrows_table elements_table = NFT("elements", SETELEM, elements_views);
#undef NFT

/* Which sets there are: each is asked for by name. */
struct set {
	uint8_t family;
	char table[NAME_SIZE], name[NAME_SIZE];
};
struct sets {
	struct set *set;
	size_t n;
	uint64_t more;
};

static bool copy_name(char ret[NAME_SIZE], const uint8_t *p, size_t n, uint16_t type)
{
	struct netlink_attr a;

	if (!netlink_find(p, n, type, &a) || a.len > NAME_SIZE)
		return false;
	memcpy(ret, a.data, a.len);
	ret[a.len < NAME_SIZE ? a.len : NAME_SIZE - 1] = '\0';
	return true;
}

static int each_set(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sets *s = arg;
	struct set *set = &s->set[s->n];

	(void)type;
	if (len < sizeof(struct nfgenmsg))
		return 0;
	if (s->n == SETS_MAX) {
		s->more++;
		return 0;
	}
	set->family = body[0];
	body += sizeof(struct nfgenmsg);
	len -= sizeof(struct nfgenmsg);
	if (copy_name(set->table, body, len, NFTA_SET_TABLE) &&
		copy_name(set->name, body, len, NFTA_SET_NAME))
		s->n++;
	return 0;
}

static size_t add_name(uint8_t *p, uint16_t type, const char *name)
{
	struct nlattr a = {(uint16_t)(sizeof(a) + strlen(name) + 1), type};

	memcpy(p, &a, sizeof(a));
	memcpy(p + sizeof(a), name, strlen(name) + 1);
	return (size_t)NLA_ALIGN(a.nla_len);
}

static int put_elements(struct netrows *r, struct netlink *nl, const struct set *set, struct err *e)
{
	uint8_t m[4 + 2 * (8 + NAME_SIZE)] = {set->family};
	struct netlink_request body = {.body = m, .len = sizeof(struct nfgenmsg)};

	body.len += add_name(m + body.len, NFTA_SET_ELEM_LIST_TABLE, set->table);
	body.len += add_name(m + body.len, NFTA_SET_ELEM_LIST_SET, set->name);
	return netrows_ask(r, nl, &elements_table, &body, e);
}

static int dump_elements(struct netrows *r, struct netlink *nl, const char *member, struct err *e)
{
	static const struct nfgenmsg all;
	own_free struct set *list = calloc(SETS_MAX, sizeof(*list));
	struct sets sets = {.set = list};
	struct netlink_request rq = {
		NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSET, &all, sizeof(all), each_set, &sets};
	struct err why = ERR_INIT;
	int rc;

	if (!list)
		return err_set(e, ENOMEM, "no memory");
	rc = netlink_dump(nl, &rq, &why); /* its failure was told with "sets" */
	netrows_section(r, "elements");
	for (size_t i = 0; rc >= 0 && i < sets.n; i++) {
		struct err gone = ERR_INIT;

		if (put_elements(r, nl, &sets.set[i], &gone) == 0)
			continue;
		rc = sink_gapf(r->text.sink, gone.code == ENOENT ? GAP_VANISHED : GAP_UNREADABLE,
			member, &gone, "elements of set %s of table %s", sets.set[i].name,
			sets.set[i].table);
	}
	netrows_section_end(r);
	if (rc >= 0 && sets.more)
		rc = sink_gapf(r->text.sink, GAP_OVER_BUDGET, member, NULL,
			"elements of %llu sets after the first %d", (unsigned long long)sets.more,
			SETS_MAX);
	return rc < 0 && !why.code ? err_set(e, -rc, "the writer is gone") : 0;
}

int firewall_nftables(struct sink *out, uint64_t max, struct err *e)
{
	static const char member[] = "network/nftables.json";
	own_netlink struct netlink nl = NETLINK_INIT;
	own_netrows struct netrows r = {0};
	int rc = netrows_open(&nl, NETLINK_NETFILTER, out, member, e);

	if (rc)
		return rc < 0 ? rc : 0;
	netrows_begin(&r, out, max);
	rc = netrows_tables(&r, &nl, nft_tables, member, e);
	if (rc == 0)
		rc = dump_elements(&r, &nl, member, e);
	return rc == 0 ? netrows_end(&r, member, e) : rc;
}

/* ---- connection tracking ---- */

static const struct nlview ip_views[] = {NLVIEW("src", CTA_IP_V4_SRC, IP),
	NLVIEW("dst", CTA_IP_V4_DST, IP), NLVIEW("src", CTA_IP_V6_SRC, IP),
	NLVIEW("dst", CTA_IP_V6_DST, IP), {0}};
static const struct nlview proto_views[] = {NLVIEW("number", CTA_PROTO_NUM, BE),
	NLVIEW("src_port", CTA_PROTO_SRC_PORT, BE), NLVIEW("dst_port", CTA_PROTO_DST_PORT, BE),
	NLVIEW("icmp_id", CTA_PROTO_ICMP_ID, BE), NLVIEW("icmp_type", CTA_PROTO_ICMP_TYPE, BE),
	NLVIEW("icmp_code", CTA_PROTO_ICMP_CODE, BE), NLVIEW("icmp_id", CTA_PROTO_ICMPV6_ID, BE),
	NLVIEW("icmp_type", CTA_PROTO_ICMPV6_TYPE, BE),
	NLVIEW("icmp_code", CTA_PROTO_ICMPV6_CODE, BE), {0}};
static const struct nlview tuple_views[] = {{"ip", CTA_TUPLE_IP, NLVIEW_NEST, .nest = ip_views},
	{"protocol", CTA_TUPLE_PROTO, NLVIEW_NEST, .nest = proto_views},
	NLVIEW("zone", CTA_TUPLE_ZONE, BE), {0}};
static const char *const tcp_states[] = {"none", "syn_sent", "syn_recv", "established", "fin_wait",
	"close_wait", "last_ack", "time_wait", "close", "syn_sent2", NULL};
static const struct nlview tcp_views[] = {
	{"state", CTA_PROTOINFO_TCP_STATE, NLVIEW_BEWORD, .words = tcp_states},
	NLVIEW("wscale_original", CTA_PROTOINFO_TCP_WSCALE_ORIGINAL, BE),
	NLVIEW("wscale_reply", CTA_PROTOINFO_TCP_WSCALE_REPLY, BE),
	NLVIEW("flags_original", CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, BYTES),
	NLVIEW("flags_reply", CTA_PROTOINFO_TCP_FLAGS_REPLY, BYTES), {0}};
static const struct nlview protoinfo_views[] = {
	{"tcp", CTA_PROTOINFO_TCP, NLVIEW_NEST, .nest = tcp_views},
	NLVIEW("dccp", CTA_PROTOINFO_DCCP, BYTES), NLVIEW("sctp", CTA_PROTOINFO_SCTP, BYTES), {0}};
static const struct nlview count_views[] = {NLVIEW("packets", CTA_COUNTERS_PACKETS, BE),
	NLVIEW("bytes", CTA_COUNTERS_BYTES, BE), NLVIEW("pad", CTA_COUNTERS_PAD, SKIP), {0}};
static const struct nlview help_views[] = {
	NLVIEW("name", CTA_HELP_NAME, TEXT), NLVIEW("info", CTA_HELP_INFO, BYTES), {0}};
static const struct nlview time_views[] = {/* nanoseconds since 1970 */
	NLVIEW("start", CTA_TIMESTAMP_START, BE), NLVIEW("stop", CTA_TIMESTAMP_STOP, BE), {0}};
static const struct nlview connection_views[] = {
	{"original", CTA_TUPLE_ORIG, NLVIEW_NEST, .nest = tuple_views},
	{"reply", CTA_TUPLE_REPLY, NLVIEW_NEST, .nest = tuple_views},
	{"master", CTA_TUPLE_MASTER, NLVIEW_NEST, .nest = tuple_views},
	{"protocol_info", CTA_PROTOINFO, NLVIEW_NEST, .nest = protoinfo_views},
	{"counters_original", CTA_COUNTERS_ORIG, NLVIEW_NEST, .nest = count_views},
	{"counters_reply", CTA_COUNTERS_REPLY, NLVIEW_NEST, .nest = count_views},
	{"helper", CTA_HELP, NLVIEW_NEST, .nest = help_views},
	{"timestamp", CTA_TIMESTAMP, NLVIEW_NEST, .nest = time_views},
	NLVIEW("status", CTA_STATUS, BEHEX), NLVIEW("timeout", CTA_TIMEOUT, BE),
	NLVIEW("mark", CTA_MARK, BEHEX), NLVIEW("use", CTA_USE, BE), NLVIEW("id", CTA_ID, BEHEX),
	NLVIEW("zone", CTA_ZONE, BE), NLVIEW("labels", CTA_LABELS, BYTES), {0}};
static const struct nlview expectation_views[] = {
	{"master", CTA_EXPECT_MASTER, NLVIEW_NEST, .nest = tuple_views},
	{"tuple", CTA_EXPECT_TUPLE, NLVIEW_NEST, .nest = tuple_views},
	{"mask", CTA_EXPECT_MASK, NLVIEW_NEST, .nest = tuple_views},
	NLVIEW("timeout", CTA_EXPECT_TIMEOUT, BE), NLVIEW("id", CTA_EXPECT_ID, BEHEX),
	NLVIEW("helper", CTA_EXPECT_HELP_NAME, TEXT), NLVIEW("zone", CTA_EXPECT_ZONE, BE),
	NLVIEW("flags", CTA_EXPECT_FLAGS, BEHEX), {0}};

static const struct netrows_table connection_tables[] = {
	{"connections", NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, 0, sizeof(struct nfgenmsg),
		family_fields, connection_views},
	{"expectations", NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET, 0,
		sizeof(struct nfgenmsg), family_fields, expectation_views},
	{0}};

int firewall_conntrack(struct sink *out, uint64_t max, struct err *e)
{
	static const struct netrows_member member = {"network/conntrack.json", connection_tables};
	own_netlink struct netlink nl = NETLINK_INIT;
	int rc = netrows_open(&nl, NETLINK_NETFILTER, out, member.name, e);

	if (rc)
		return rc < 0 ? rc : 0;
	return netrows_member(&nl, out, &member, max, e);
}
