/* SPDX-License-Identifier: Apache-2.0 */
/* routing - interfaces, addresses, routes, rules and neighbours. */
#include "routing.h"
#include "netrows.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stddef.h>
#include <sys/socket.h>

/* Younger than some headers we build with. */
enum {
	TYPE_RTA_NH_ID = 30,
	TYPE_FRA_PROTOCOL = 21,
	TYPE_FRA_IP_PROTO = 22,
	TYPE_FRA_SPORT_RANGE = 23,
	TYPE_FRA_DPORT_RANGE = 24,
	TYPE_IFLA_PROP_LIST = 52,
	TYPE_IFLA_ALT_IFNAME = 53,
	TYPE_IFLA_PERM_ADDRESS = 54,
	TYPE_IFLA_PARENT_DEV_NAME = 56,
};

#define FIELD(type, field, key, how)                                        \
	{                                                                   \
		key, offsetof(type, field), sizeof(((type *)0)->field), how \
	}

#define STAT(field) FIELD(struct rtnl_link_stats64, field, #field, NLVIEW_UINT)
static const struct nlview_field stats_fields[] = {STAT(rx_packets), STAT(tx_packets),
	STAT(rx_bytes), STAT(tx_bytes), STAT(rx_errors), STAT(tx_errors), STAT(rx_dropped),
	STAT(tx_dropped), STAT(multicast), {0}};
#undef STAT

static const char *const operstates[] = {
	"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up", NULL};

static const struct nlview bridge_views[] = {NLVIEW("forward_delay", IFLA_BR_FORWARD_DELAY, UINT),
	NLVIEW("ageing_time", IFLA_BR_AGEING_TIME, UINT), NLVIEW("stp", IFLA_BR_STP_STATE, UINT),
	NLVIEW("priority", IFLA_BR_PRIORITY, UINT),
	NLVIEW("vlan_filtering", IFLA_BR_VLAN_FILTERING, UINT),
	NLVIEW("group_address", IFLA_BR_GROUP_ADDR, MAC), {0}};
static const struct nlview vlan_views[] = {
	NLVIEW("id", IFLA_VLAN_ID, UINT), NLVIEW("vlan_protocol", IFLA_VLAN_PROTOCOL, BEHEX), {0}};
static const struct nlview macvlan_views[] = {
	NLVIEW("mode", IFLA_MACVLAN_MODE, UINT), NLVIEW("flags", IFLA_MACVLAN_FLAGS, HEX), {0}};
static const struct nlview vxlan_views[] = {NLVIEW("id", IFLA_VXLAN_ID, UINT),
	NLVIEW("group", IFLA_VXLAN_GROUP, IP), NLVIEW("group", IFLA_VXLAN_GROUP6, IP),
	NLVIEW("local", IFLA_VXLAN_LOCAL, IP), NLVIEW("local", IFLA_VXLAN_LOCAL6, IP),
	NLVIEW("port", IFLA_VXLAN_PORT, BE), {0}};
static const struct nlview tun_views[] = {NLVIEW("owner", IFLA_TUN_OWNER, UINT),
	NLVIEW("group", IFLA_TUN_GROUP, UINT), NLVIEW("type", IFLA_TUN_TYPE, UINT),
	NLVIEW("persist", IFLA_TUN_PERSIST, UINT), {0}};
static const struct nlview_choice link_kinds[] = {{"bridge", bridge_views}, {"vlan", vlan_views},
	{"macvlan", macvlan_views}, {"macvtap", macvlan_views}, {"vxlan", vxlan_views},
	{"tun", tun_views}, {0}};
static const struct nlview info_views[] = {NLVIEW("kind", IFLA_INFO_KIND, NAME),
	{"data", IFLA_INFO_DATA, NLVIEW_CHOICE, .choices = link_kinds},
	NLVIEW("xstats", IFLA_INFO_XSTATS, BYTES), NLVIEW("slave_kind", IFLA_INFO_SLAVE_KIND, TEXT),
	NLVIEW("slave_data", IFLA_INFO_SLAVE_DATA, BYTES), {0}};
static const struct nlview xdp_views[] = {NLVIEW("attached", IFLA_XDP_ATTACHED, UINT),
	NLVIEW("flags", IFLA_XDP_FLAGS, HEX), NLVIEW("program", IFLA_XDP_PROG_ID, UINT),
	NLVIEW("driver_program", IFLA_XDP_DRV_PROG_ID, UINT),
	NLVIEW("generic_program", IFLA_XDP_SKB_PROG_ID, UINT), {0}};
static const struct nlview alt_name[] = {NLVIEW("name", TYPE_IFLA_ALT_IFNAME, TEXT), {0}};

static const struct nlview link_views[] = {NLVIEW("name", IFLA_IFNAME, TEXT),
	NLVIEW("address", IFLA_ADDRESS, MAC), NLVIEW("broadcast", IFLA_BROADCAST, MAC),
	NLVIEW("permanent_address", TYPE_IFLA_PERM_ADDRESS, MAC), NLVIEW("mtu", IFLA_MTU, UINT),
	NLVIEW("link", IFLA_LINK, UINT), /* of a veth: the peer's index, in link_netns */
	NLVIEW("link_netns", IFLA_LINK_NETNSID, INT), NLVIEW("master", IFLA_MASTER, UINT),
	NLVIEW("qdisc", IFLA_QDISC, TEXT), NLVIEW("alias", IFLA_IFALIAS, TEXT),
	NLVIEW("txqlen", IFLA_TXQLEN, UINT), NLVIEW("group", IFLA_GROUP, UINT),
	NLVIEW("promiscuity", IFLA_PROMISCUITY, UINT), NLVIEW("carrier", IFLA_CARRIER, UINT),
	NLVIEW("carrier_changes", IFLA_CARRIER_CHANGES, UINT),
	NLVIEW("link_mode", IFLA_LINKMODE, UINT), NLVIEW("tx_queues", IFLA_NUM_TX_QUEUES, UINT),
	NLVIEW("rx_queues", IFLA_NUM_RX_QUEUES, UINT), NLVIEW("proto_down", IFLA_PROTO_DOWN, UINT),
	NLVIEW("gso_max_segs", IFLA_GSO_MAX_SEGS, UINT),
	NLVIEW("gso_max_size", IFLA_GSO_MAX_SIZE, UINT), NLVIEW("carrier_up", 47, UINT),
	NLVIEW("carrier_down", 48, UINT), NLVIEW("min_mtu", 50, UINT), NLVIEW("max_mtu", 51, UINT),
	NLVIEW("gro_max_size", 58, UINT), NLVIEW("tso_max_size", 59, UINT),
	NLVIEW("tso_max_segs", 60, UINT), NLVIEW("allmulti", 61, UINT),
	NLVIEW("devlink_port", 62, BYTES), NLVIEW("gso_ipv4_max_size", 63, UINT),
	NLVIEW("gro_ipv4_max_size", 64, UINT), NLVIEW("dpll_pin", 65, BYTES),
	NLVIEW("max_pacing_offload_horizon", 66, UINT), NLVIEW("netns_immutable", 67, UINT),
	NLVIEW("headroom", 68, UINT), NLVIEW("tailroom", 69, UINT),
	NLVIEW("parent_device", TYPE_IFLA_PARENT_DEV_NAME, TEXT),
	{"operstate", IFLA_OPERSTATE, NLVIEW_WORD, .words = operstates},
	{"info", IFLA_LINKINFO, NLVIEW_NEST, .nest = info_views},
	{"xdp", IFLA_XDP, NLVIEW_NEST, .nest = xdp_views},
	{"other_names", TYPE_IFLA_PROP_LIST, NLVIEW_LIST, .nest = alt_name},
	{"stats", IFLA_STATS64, NLVIEW_STRUCT, .fields = stats_fields},
	/* the same in 32 bits, and settings of every address family by the hundred */
	NLVIEW("stats32", IFLA_STATS, SKIP), NLVIEW("settings", IFLA_AF_SPEC, SKIP),
	NLVIEW("map", IFLA_MAP, SKIP), NLVIEW("pad", IFLA_PAD, SKIP), {0}};
static const struct nlview_field link_fields[] = {
	FIELD(struct ifinfomsg, ifi_index, "index", NLVIEW_UINT),
	FIELD(struct ifinfomsg, ifi_type, "type", NLVIEW_UINT),
	FIELD(struct ifinfomsg, ifi_flags, "flags", NLVIEW_HEX), {0}};

static const struct nlview_field lifetime_fields[] = {/* struct ifa_cacheinfo, in seconds */
	{"preferred", 0, 4, NLVIEW_UINT}, {"valid", 4, 4, NLVIEW_UINT}, {0}};
static const struct nlview address_views[] = {NLVIEW("local", IFA_LOCAL, IP),
	NLVIEW("address", IFA_ADDRESS, IP), NLVIEW("broadcast", IFA_BROADCAST, IP),
	NLVIEW("anycast", IFA_ANYCAST, IP), NLVIEW("label", IFA_LABEL, TEXT),
	NLVIEW("flags", IFA_FLAGS, HEX),
	{"lifetime", IFA_CACHEINFO, NLVIEW_STRUCT, .fields = lifetime_fields},
	NLVIEW("metric", IFA_RT_PRIORITY, UINT), NLVIEW("origin", 11 /* IFA_PROTO */, UINT), {0}};
static const struct nlview_field address_fields[] = {
	FIELD(struct ifaddrmsg, ifa_family, "family", NLVIEW_FAMILY),
	FIELD(struct ifaddrmsg, ifa_prefixlen, "prefix", NLVIEW_UINT),
	FIELD(struct ifaddrmsg, ifa_scope, "scope", NLVIEW_UINT),
	FIELD(struct ifaddrmsg, ifa_index, "interface", NLVIEW_UINT), {0}};

static const struct nlview metric_views[] = {NLVIEW("mtu", RTAX_MTU, UINT),
	NLVIEW("window", RTAX_WINDOW, UINT), NLVIEW("advmss", RTAX_ADVMSS, UINT),
	NLVIEW("hoplimit", RTAX_HOPLIMIT, UINT), NLVIEW("congestion", RTAX_CC_ALGO, TEXT), {0}};
static const struct nlview hop_views[] = {NLVIEW("gateway", RTA_GATEWAY, IP),
	NLVIEW("via", RTA_VIA, BYTES), NLVIEW("realm", RTA_FLOW, UINT),
	NLVIEW("encap_type", RTA_ENCAP_TYPE, UINT), NLVIEW("encap", RTA_ENCAP, BYTES), {0}};
static const struct nlview route_views[] = {NLVIEW("dst", RTA_DST, IP), NLVIEW("src", RTA_SRC, IP),
	NLVIEW("iif", RTA_IIF, UINT), NLVIEW("interface", RTA_OIF, UINT),
	NLVIEW("gateway", RTA_GATEWAY, IP), NLVIEW("metric", RTA_PRIORITY, UINT),
	NLVIEW("prefsrc", RTA_PREFSRC, IP),
	{"metrics", RTA_METRICS, NLVIEW_NEST, .nest = metric_views},
	{"hops", RTA_MULTIPATH, NLVIEW_HOPS, .nest = hop_views}, NLVIEW("realm", RTA_FLOW, UINT),
	NLVIEW("cacheinfo", RTA_CACHEINFO, SKIP), NLVIEW("table", RTA_TABLE, UINT),
	NLVIEW("mark", RTA_MARK, HEX), NLVIEW("via", RTA_VIA, BYTES),
	NLVIEW("preference", RTA_PREF, UINT), NLVIEW("encap_type", RTA_ENCAP_TYPE, UINT),
	NLVIEW("encap", RTA_ENCAP, BYTES), NLVIEW("expires", RTA_EXPIRES, UINT),
	NLVIEW("nexthop", TYPE_RTA_NH_ID, UINT), {0}};
static const struct nlview_field route_fields[] = {
	FIELD(struct rtmsg, rtm_family, "family", NLVIEW_FAMILY),
	FIELD(struct rtmsg, rtm_dst_len, "dst_prefix", NLVIEW_UINT),
	FIELD(struct rtmsg, rtm_src_len, "src_prefix", NLVIEW_UINT),
	FIELD(struct rtmsg, rtm_tos, "tos", NLVIEW_HEX),
	FIELD(struct rtmsg, rtm_protocol, "protocol", NLVIEW_UINT),
	FIELD(struct rtmsg, rtm_scope, "scope", NLVIEW_UINT),
	FIELD(struct rtmsg, rtm_type, "type", NLVIEW_UINT),
	FIELD(struct rtmsg, rtm_flags, "flags", NLVIEW_HEX), {0}};

static const struct nlview nexthop_views[] = {NLVIEW("id", NHA_ID, UINT),
	NLVIEW("group", NHA_GROUP, BYTES), NLVIEW("group_type", NHA_GROUP_TYPE, UINT),
	NLVIEW("blackhole", NHA_BLACKHOLE, TRUE), NLVIEW("interface", NHA_OIF, UINT),
	NLVIEW("gateway", NHA_GATEWAY, IP), NLVIEW("encap_type", NHA_ENCAP_TYPE, UINT),
	NLVIEW("encap", NHA_ENCAP, BYTES), NLVIEW("fdb", NHA_FDB, TRUE), {0}};
static const struct nlview_field nexthop_fields[] = {
	FIELD(struct nhmsg, nh_family, "family", NLVIEW_FAMILY),
	FIELD(struct nhmsg, nh_scope, "scope", NLVIEW_UINT),
	FIELD(struct nhmsg, nh_protocol, "protocol", NLVIEW_UINT),
	FIELD(struct nhmsg, nh_flags, "flags", NLVIEW_HEX), {0}};

static const struct nlview rule_views[] = {NLVIEW("dst", FRA_DST, IP), NLVIEW("src", FRA_SRC, IP),
	NLVIEW("iif", FRA_IIFNAME, TEXT), NLVIEW("oif", FRA_OIFNAME, TEXT),
	NLVIEW("goto", FRA_GOTO, UINT), NLVIEW("priority", FRA_PRIORITY, UINT),
	NLVIEW("mark", FRA_FWMARK, HEX), NLVIEW("mark_mask", FRA_FWMASK, HEX),
	NLVIEW("realm", FRA_FLOW, UINT), NLVIEW("tunnel", FRA_TUN_ID, BE),
	NLVIEW("suppress_group", FRA_SUPPRESS_IFGROUP, INT),
	NLVIEW("suppress_prefix", FRA_SUPPRESS_PREFIXLEN, INT), NLVIEW("table", FRA_TABLE, UINT),
	NLVIEW("l3mdev", FRA_L3MDEV, UINT), NLVIEW("uids", FRA_UID_RANGE, BYTES),
	NLVIEW("origin", TYPE_FRA_PROTOCOL, UINT), NLVIEW("ip_protocol", TYPE_FRA_IP_PROTO, UINT),
	NLVIEW("sports", TYPE_FRA_SPORT_RANGE, BYTES),
	NLVIEW("dports", TYPE_FRA_DPORT_RANGE, BYTES), {0}};
static const struct nlview_field rule_fields[] = {
	FIELD(struct fib_rule_hdr, family, "family", NLVIEW_FAMILY),
	FIELD(struct fib_rule_hdr, dst_len, "dst_prefix", NLVIEW_UINT),
	FIELD(struct fib_rule_hdr, src_len, "src_prefix", NLVIEW_UINT),
	FIELD(struct fib_rule_hdr, tos, "tos", NLVIEW_HEX),
	FIELD(struct fib_rule_hdr, action, "action", NLVIEW_UINT),
	FIELD(struct fib_rule_hdr, flags, "flags", NLVIEW_HEX), {0}};

static const struct nlview neighbour_views[] = {NLVIEW("dst", NDA_DST, IP),
	NLVIEW("lladdr", NDA_LLADDR, MAC), NLVIEW("probes", NDA_PROBES, UINT),
	NLVIEW("cacheinfo", NDA_CACHEINFO, BYTES), NLVIEW("vlan", NDA_VLAN, UINT),
	NLVIEW("port", NDA_PORT, BE), NLVIEW("vni", NDA_VNI, UINT),
	NLVIEW("via_interface", NDA_IFINDEX, UINT), NLVIEW("master", NDA_MASTER, UINT),
	NLVIEW("origin", 12 /* NDA_PROTOCOL */, UINT), {0}};
static const struct nlview_field neighbour_fields[] = {
	FIELD(struct ndmsg, ndm_family, "family", NLVIEW_FAMILY),
	FIELD(struct ndmsg, ndm_ifindex, "interface", NLVIEW_INT),
	FIELD(struct ndmsg, ndm_state, "state", NLVIEW_HEX),
	FIELD(struct ndmsg, ndm_flags, "flags", NLVIEW_HEX),
	FIELD(struct ndmsg, ndm_type, "type", NLVIEW_UINT), {0}};

#define ROUTE(key, family, of, views, type)                                           \
	{                                                                             \
		key, RTM_GET##of, family, sizeof(type), views##_fields, views##_views \
	}
static const struct netrows_table interface_tables[] = {
	ROUTE("links", AF_UNSPEC, LINK, link, struct ifinfomsg),
	ROUTE("addresses", AF_UNSPEC, ADDR, address, struct ifaddrmsg), {0}};
static const struct netrows_table route_tables[] = {
	ROUTE("inet", AF_INET, ROUTE, route, struct rtmsg),
	ROUTE("inet6", AF_INET6, ROUTE, route, struct rtmsg),
	ROUTE("nexthops", AF_UNSPEC, NEXTHOP, nexthop, struct nhmsg), {0}};
static const struct netrows_table rule_tables[] = {
	ROUTE("inet", AF_INET, RULE, rule, struct fib_rule_hdr),
	ROUTE("inet6", AF_INET6, RULE, rule, struct fib_rule_hdr), {0}};
static const struct netrows_table neighbour_tables[] = {
	ROUTE("neighbours", AF_UNSPEC, NEIGH, neighbour, struct ndmsg),
	ROUTE("bridge", AF_BRIDGE, NEIGH, neighbour, struct ndmsg), {0}};
#undef ROUTE

static const struct netrows_member members[] = {
	{"network/interfaces.json", interface_tables},
	{"network/routes.json", route_tables},
	{"network/rules.json", rule_tables},
	{"network/neighbours.json", neighbour_tables},
};

int routing_dump(struct sink *out, uint64_t max, struct err *e)
{
	own_netlink struct netlink nl = NETLINK_INIT;
	int rc = netrows_open(&nl, NETLINK_ROUTE, out, "network/interfaces.json", e);

	if (rc)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; rc == 0 && i < sizeof(members) / sizeof(members[0]); i++)
		rc = netrows_member(&nl, out, &members[i], max, e);
	return rc;
}
