/* SPDX-License-Identifier: Apache-2.0 */
/* nlview - netlink attributes as JSON, by tables. */
#include "nlview.h"
#include "netlink.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

/* Tables may lead back to themselves (an expression in an expression): hexadecimal from here. */
enum { DEPTH_MAX = 24 };

static void put_ip(struct jsonw *w, const char *key, const uint8_t *p, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET : AF_INET6, p, text, sizeof(text)))
		jsonw_str(w, key, text);
	else
		jsonw_hexbytes(w, key, p, n);
}

static void put_mac(struct jsonw *w, const char *key, const uint8_t *p, size_t n)
{
	char text[3 * 32];

	if (!n || n > 32) {
		jsonw_hexbytes(w, key, p, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		snprintf(text + 3 * i, 4, "%02x:", p[i]);
	text[3 * n - 1] = '\0';
	jsonw_str(w, key, text);
}

static void put_text(struct jsonw *w, const char *key, const uint8_t *p, size_t n)
{
	jsonw_bytes(w, key, p, strnlen((const char *)p, n));
}

void nlview_word(struct jsonw *w, const char *key, const char *const *words, uint64_t v)
{
	for (uint64_t i = 0; words && words[i]; i++) {
		if (i == v) {
			jsonw_str(w, key, words[i]);
			return;
		}
	}
	jsonw_u64(w, key, v);
}

/* NFT_RETURN is -5, NF_QUEUE is 3 with the queue's number in the upper half. */
static void put_verdict(struct jsonw *w, const char *key, uint64_t v)
{
	static const char *const words[] = {"return", "goto", "jump", "break", "continue", "drop",
		"accept", "stolen", "queue", NULL};
	int32_t code = (int32_t)v;

	nlview_word(w, key, words, code < 0 ? (uint64_t)(code + 5) : (uint64_t)(code & 0xffff) + 5);
}

static void put_family(struct jsonw *w, const char *key, enum nlview_kind kind, uint64_t v)
{
	static const struct {
		enum nlview_kind kind;
		unsigned number;
		const char *name;
	} names[] = {
		{NLVIEW_FAMILY, AF_UNSPEC, "unspec"},
		{NLVIEW_FAMILY, AF_INET, "inet"},
		{NLVIEW_FAMILY, AF_INET6, "inet6"},
		{NLVIEW_FAMILY, AF_BRIDGE, "bridge"},
		{NLVIEW_FAMILY, AF_MPLS, "mpls"},
		{NLVIEW_NFFAMILY, NFPROTO_INET, "inet"},
		{NLVIEW_NFFAMILY, NFPROTO_IPV4, "ip"},
		{NLVIEW_NFFAMILY, NFPROTO_IPV6, "ip6"},
		{NLVIEW_NFFAMILY, NFPROTO_ARP, "arp"},
		{NLVIEW_NFFAMILY, NFPROTO_NETDEV, "netdev"},
		{NLVIEW_NFFAMILY, NFPROTO_BRIDGE, "bridge"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].kind == kind && names[i].number == v) {
			jsonw_str(w, key, names[i].name);
			return;
		}
	}
	jsonw_u64(w, key, v);
}

static bool is_number(size_t n)
{
	return n == 1 || n == 2 || n == 4 || n == 8;
}

void nlview_value(
	struct jsonw *w, const char *key, enum nlview_kind kind, const uint8_t *p, size_t n)
{
	bool number = kind <= NLVIEW_NFFAMILY;

	if (number && !is_number(n)) /* not what the table says: keep the bytes */
		jsonw_hexbytes(w, key, p, n);
	else if (kind == NLVIEW_UINT || kind == NLVIEW_WORD)
		jsonw_u64(w, key, netlink_uint(p, n));
	else if (kind == NLVIEW_HEX)
		jsonw_hex(w, key, netlink_uint(p, n));
	else if (kind == NLVIEW_BE || kind == NLVIEW_BEWORD)
		jsonw_u64(w, key, netlink_be(p, n));
	else if (kind == NLVIEW_BEHEX)
		jsonw_hex(w, key, netlink_be(p, n));
	else if (kind == NLVIEW_INT)
		jsonw_i64(w, key, (int32_t)netlink_uint(p, n));
	else if (kind == NLVIEW_BEINT)
		jsonw_i64(w, key, (int32_t)netlink_be(p, n));
	else if (kind == NLVIEW_VERDICT)
		put_verdict(w, key, netlink_be(p, n));
	else if (kind == NLVIEW_FAMILY || kind == NLVIEW_NFFAMILY)
		put_family(w, key, kind, netlink_uint(p, n));
	else if (kind == NLVIEW_TEXT || kind == NLVIEW_NAME)
		put_text(w, key, p, n);
	else if (kind == NLVIEW_IP)
		put_ip(w, key, p, n);
	else if (kind == NLVIEW_MAC)
		put_mac(w, key, p, n);
	else if (kind == NLVIEW_TRUE)
		jsonw_bool(w, key, true);
	else if (kind != NLVIEW_SKIP)
		jsonw_hexbytes(w, key, p, n);
}

void nlview_fields(struct jsonw *w, const struct nlview_field *f, const uint8_t *p, size_t n)
{
	for (; f->name; f++)
		if ((size_t)f->offset + f->size <= n)
			nlview_value(w, f->name, f->kind, p + f->offset, f->size);
}

static const struct nlview *view_of(const struct nlview *view, uint16_t type)
{
	for (; view && view->name; view++)
		if (view->type == type)
			return view;
	return NULL;
}

static const struct nlview *chosen(const struct nlview_choice *c, const struct netlink_attr *name)
{
	for (; name->data && c->name; c++)
		if (strnlen((const char *)name->data, name->len) == strlen(c->name) &&
			!memcmp(name->data, c->name, strlen(c->name)))
			return c->nest;
	return NULL;
}

static void put_attr(struct jsonw *w, const char *key, const struct nlview *v,
	const struct netlink_attr *a, const struct nlview *nest);

static void put_list(struct jsonw *w, const struct nlview *element, const struct netlink_attr *list)
{
	struct netlink_span s = {list->data, list->len};
	struct netlink_attr a;

	while (netlink_next(&s, &a))
		put_attr(w, NULL, element, &a, element->nest);
}

static void put_hops(struct jsonw *w, const struct nlview *nest, const struct netlink_attr *a)
{
	const uint8_t *p = a->data;
	size_t n = a->len;

	while (n >= sizeof(struct rtnexthop)) {
		struct rtnexthop h;
		size_t step;

		memcpy(&h, p, sizeof(h));
		if (h.rtnh_len < sizeof(h) || h.rtnh_len > n)
			return;
		jsonw_open(w, NULL);
		jsonw_i64(w, "interface", h.rtnh_ifindex);
		jsonw_u64(w, "weight", h.rtnh_hops + 1U);
		jsonw_hex(w, "flags", h.rtnh_flags);
		nlview_attrs(w, nest, p + sizeof(h), h.rtnh_len - sizeof(h));
		jsonw_close(w);
		step = RTNH_ALIGN((size_t)h.rtnh_len);
		if (step > n)
			step = n;
		p += step;
		n -= step;
	}
}

static void put_attr(struct jsonw *w, const char *key, const struct nlview *v,
	const struct netlink_attr *a, const struct nlview *nest)
{
	bool deep = w->depth >= DEPTH_MAX;

	switch (v->kind) {
	case NLVIEW_NEST:
	case NLVIEW_CHOICE:
		if (deep || !nest)
			break;
		jsonw_open(w, key);
		nlview_attrs(w, nest, a->data, a->len);
		jsonw_close(w);
		return;
	case NLVIEW_LIST:
		if (deep)
			break;
		jsonw_open_array(w, key);
		put_list(w, v->nest, a);
		jsonw_close_array(w);
		return;
	case NLVIEW_HOPS:
		if (deep)
			break;
		jsonw_open_array(w, key);
		put_hops(w, v->nest, a);
		jsonw_close_array(w);
		return;
	case NLVIEW_STRUCT:
		jsonw_open(w, key);
		nlview_fields(w, v->fields, a->data, a->len);
		jsonw_close(w);
		return;
	case NLVIEW_WORD:
		nlview_word(w, key, v->words, netlink_uint(a->data, a->len));
		return;
	case NLVIEW_BEWORD:
		nlview_word(w, key, v->words, netlink_be(a->data, a->len));
		return;
	default:
		nlview_value(w, key, v->kind, a->data, a->len);
		return;
	}
	jsonw_hexbytes(w, key, a->data, a->len);
}

void nlview_attrs(struct jsonw *w, const struct nlview *view, const uint8_t *p, size_t n)
{
	struct netlink_span s = {p, n};
	struct netlink_attr a, name = {0};
	char unknown[16];

	while (netlink_next(&s, &a)) {
		const struct nlview *v = view_of(view, a.type);

		if (!v) {
			snprintf(unknown, sizeof(unknown), "attr_%u", a.type);
			jsonw_hexbytes(w, unknown, a.data, a.len);
			continue;
		}
		if (v->kind == NLVIEW_NAME)
			name = a;
		put_attr(w, v->name, v, &a,
			v->kind == NLVIEW_CHOICE ? chosen(v->choices, &name) : v->nest);
	}
}
