/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_netlink - netlink datagrams as they become rows, lines of /proc/net, iptables entries.
 * The first byte chooses which. */
#include "netlink.h"
#include "nftviews.h"
#include "nlview.h"
#include "sink_ops.h"
#include "sockinet.h"
#include "socklocal.h"
#include "xtables.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int finding(void *ctx, const char *text)
{
	(void)ctx;
	return text[0] ? 0 : -1;
}

static void item(void *ctx, uint64_t n)
{
	(void)ctx, (void)n;
}

/* All kinds, and tables that lead back to themselves. */
static const char *const words[] = {"a", "b", NULL};
static const struct nlview_field fields[] = {
	{"u32", 0, 4, NLVIEW_UINT}, {"far", 100, 8, NLVIEW_BE}, {"mac", 4, 6, NLVIEW_MAC}, {0}};
static const struct nlview views[];
static const struct nlview_choice choices[] = {{"x", views}, {0}};
static const struct nlview views[] = {NLVIEW("uint", 1, UINT), NLVIEW("int", 2, INT),
	NLVIEW("hex", 3, HEX), NLVIEW("be", 4, BE), NLVIEW("text", 5, TEXT), NLVIEW("ip", 6, IP),
	NLVIEW("mac", 7, MAC), NLVIEW("true", 8, TRUE), NLVIEW("verdict", 9, VERDICT),
	NLVIEW("name", 10, NAME), NLVIEW("family", 11, FAMILY), NLVIEW("nf", 12, NFFAMILY),
	{"word", 13, NLVIEW_WORD, .words = words}, {"beword", 14, NLVIEW_BEWORD, .words = words},
	{"struct", 15, NLVIEW_STRUCT, .fields = fields}, {"nest", 16, NLVIEW_NEST, .nest = views},
	{"list", 17, NLVIEW_LIST, .nest = views + 15}, {"hops", 18, NLVIEW_HOPS, .nest = views},
	{"choice", 19, NLVIEW_CHOICE, .choices = choices}, {0}};

static int attributes(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct sockets *s = arg;

	jsonw_open(&s->rows->w, NULL);
	nlview_attrs(&s->rows->w, type & 1 ? views : nftviews_expr[0].nest, body, len);
	jsonw_close(&s->rows->w);
	netrows_row(s->rows);
	return 0;
}

static void datagram(struct sockets *s, uint8_t kind, const uint8_t *p, size_t n)
{
	static netlink_each *const each[] = {attributes, sockinet_message, socklocal_unix,
		socklocal_packet, socklocal_netlink, socklocal_vsock};
	struct sockinet inet = {.sockets = s, .protocol = "tcp"};
	struct netlink_request rq = {
		.each = each[kind], .arg = kind == 1 ? (void *)&inet : (void *)s};
	struct netlink_walk w = {.seq = 1};

	(void)!netlink_walk(&w, p, n, &rq, NULL);
}

static void lines(struct sockets *s, const uint8_t *p, size_t n)
{
	struct sockinet inet = {.sockets = s, .protocol = "udp"};
	char *text = strndup((const char *)p, n);

	(void)sockinet_line(&inet, text);
	(void)socklocal_unix_line(s, text);
	(void)socklocal_packet_line(s, text);
	(void)socklocal_netlink_line(s, text);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sink_ops ops = {.finding = finding, .item = item};
	struct sink sink = {.ops = &ops, .spool_fd = -1};
	struct sockowner owner = {1, 41, 3, 0};
	struct sockowners owners = {.list = &owner, .n = 1};
	struct netrows rows;
	struct sockets s = {.peers_fd = -1,
		.rows = &rows,
		.owners = &owners,
		.out = &sink,
		.net_fd = -1,
		.listeners_are_theirs = true};

	if (!size || size > 1 << 16)
		return 0;
	netrows_begin(&rows, &sink, 1 << 20);
	netrows_section(&rows, "rows");
	if (data[0] < 6)
		datagram(&s, data[0], data + 1, size - 1);
	else if (data[0] == 6)
		lines(&s, data + 1, size - 1);
	else
		xtables_entries(&rows.w, data[0] & 1, data + 1, size - 1);
	netrows_done(&rows);
	return 0;
}
