/* SPDX-License-Identifier: Apache-2.0 */
/* xtables - the rules of legacy iptables. */
#include "xtables.h"
#include "netrows.h"

#include "io.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <netinet/in.h> /* before the kernel's own */
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BLOB_MAX = 16 << 20, TABLES_MAX = 16 };

/* What differs between the two families. */
struct family {
	const char *names; /* file of /proc/net */
	const char *tool;
	int domain, level, info, entries;
	bool v6;
};
static const struct family families[] = {
	{"ip_tables_names", "iptables", AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
		false},
	{"ip6_tables_names", "ip6tables", AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO,
		IP6T_SO_GET_ENTRIES, true},
};

/* The same of both kinds of entry. */
struct entry {
	size_t head, target, next; /* sizes and offsets */
	struct xt_counters counters;
};

static bool read_entry(bool v6, const uint8_t *p, size_t n, struct entry *ret)
{
	struct ip6t_entry e6;
	struct ipt_entry e4;

	if (n < (v6 ? sizeof(e6) : sizeof(e4)))
		return false;
	if (v6) {
		memcpy(&e6, p, sizeof(e6));
		*ret = (struct entry){sizeof(e6), e6.target_offset, e6.next_offset, e6.counters};
	} else {
		memcpy(&e4, p, sizeof(e4));
		*ret = (struct entry){sizeof(e4), e4.target_offset, e4.next_offset, e4.counters};
	}
	return ret->target >= ret->head && ret->next <= n &&
	       ret->target + sizeof(struct xt_entry_target) <= ret->next;
}

static void put_interface(struct jsonw *w, const char *key, const char *name)
{
	if (*name)
		jsonw_bytes(w, key, name, strnlen(name, IFNAMSIZ));
}

static void put_address(
	struct jsonw *w, const char *key, const void *ip, const void *mask, size_t n)
{
	static const uint8_t none[16];
	char name[16];

	if (!memcmp(mask, none, n))
		return;
	nlview_value(w, key, NLVIEW_IP, ip, n);
	snprintf(name, sizeof(name), "%s_mask", key);
	nlview_value(w, name, NLVIEW_IP, mask, n);
}

/* What both kinds of entry ask of a packet. */
struct packet {
	const void *src, *src_mask, *dst, *dst_mask;
	size_t len; /* of an address */
	const char *in, *out;
	uint64_t protocol, flags, inverted;
};

static void put_packet(struct jsonw *w, const struct packet *p)
{
	put_address(w, "src", p->src, p->src_mask, p->len);
	put_address(w, "dst", p->dst, p->dst_mask, p->len);
	put_interface(w, "in", p->in);
	put_interface(w, "out", p->out);
	jsonw_u64(w, "protocol", p->protocol);
	jsonw_hex(w, "flags", p->flags);
	jsonw_hex(w, "inverted", p->inverted);
}

static void put_ip(struct jsonw *w, const uint8_t *p)
{
	struct ipt_entry e;
	const struct ipt_ip *ip = &e.ip;

	memcpy(&e, p, sizeof(e));
	put_packet(w, &(struct packet){&ip->src, &ip->smsk, &ip->dst, &ip->dmsk, sizeof(ip->src),
			      ip->iniface, ip->outiface, ip->proto, ip->flags, ip->invflags});
}

static void put_ip6(struct jsonw *w, const uint8_t *p)
{
	struct ip6t_entry e;
	const struct ip6t_ip6 *ip = &e.ipv6;

	memcpy(&e, p, sizeof(e));
	put_packet(w, &(struct packet){&ip->src, &ip->smsk, &ip->dst, &ip->dmsk, sizeof(ip->src),
			      ip->iniface, ip->outiface, ip->proto, ip->flags, ip->invflags});
}

static void put_matches(struct jsonw *w, const uint8_t *p, size_t from, size_t to)
{
	struct xt_entry_match m;

	jsonw_open_array(w, "matches");
	while (from + sizeof(m) <= to) {
		memcpy(&m, p + from, sizeof(m));
		if (m.u.match_size < sizeof(m) || from + m.u.match_size > to)
			break;
		jsonw_open(w, NULL);
		jsonw_bytes(
			w, "name", m.u.user.name, strnlen(m.u.user.name, sizeof(m.u.user.name)));
		jsonw_u64(w, "revision", m.u.user.revision);
		jsonw_hexbytes(w, "data", p + from + sizeof(m), m.u.match_size - sizeof(m));
		jsonw_close(w);
		from += m.u.match_size;
	}
	jsonw_close_array(w);
}

/* The standard target has no name: a verdict, or the offset of the chain it jumps to. */
static void put_target(struct jsonw *w, const uint8_t *p, size_t n)
{
	struct xt_entry_target t;
	uint8_t be[4];
	int32_t verdict;

	memcpy(&t, p, sizeof(t));
	if (t.u.target_size >= sizeof(t) && t.u.target_size < n)
		n = t.u.target_size;
	if (t.u.user.name[0]) {
		jsonw_bytes(
			w, "target", t.u.user.name, strnlen(t.u.user.name, sizeof(t.u.user.name)));
		jsonw_u64(w, "target_revision", t.u.user.revision);
		jsonw_hexbytes(w, "target_data", p + sizeof(t), n - sizeof(t));
		return;
	}
	if (n < sizeof(t) + sizeof(verdict))
		return;
	memcpy(&verdict, p + sizeof(t), sizeof(verdict));
	if (verdict >= 0) {
		jsonw_i64(w, "jump", verdict);
		return;
	}
	verdict = verdict == XT_RETURN ? -5 : ~verdict; /* -N - 1 is NF_N; -5 as in nf_tables */
	for (int i = 0; i < 4; i++)
		be[i] = (uint8_t)((uint32_t)verdict >> (24 - 8 * i));
	nlview_value(w, "target", NLVIEW_VERDICT, be, 4);
}

void xtables_entries(struct jsonw *w, bool v6, const uint8_t *p, size_t n)
{
	struct entry e;

	for (size_t off = 0; read_entry(v6, p + off, n - off, &e); off += e.next) {
		const uint8_t *at = p + off;

		jsonw_open(w, NULL);
		jsonw_u64(w, "offset", off);
		(v6 ? put_ip6 : put_ip)(w, at);
		jsonw_u64(w, "packets", e.counters.pcnt);
		jsonw_u64(w, "bytes", e.counters.bcnt);
		put_matches(w, at, e.head, e.target);
		put_target(w, at + e.target, e.next - e.target);
		jsonw_close(w);
	}
}

static void put_hooks(struct jsonw *w, const struct ipt_getinfo *info)
{
	static const char *const hooks[] = {
		"prerouting", "input", "forward", "output", "postrouting"};

	jsonw_open(w, "chains"); /* offsets of the first rule and of the policy */
	for (unsigned i = 0; i < 5; i++) {
		if (!(info->valid_hooks & 1U << i))
			continue;
		jsonw_open(w, hooks[i]);
		jsonw_u64(w, "first", info->hook_entry[i]);
		jsonw_u64(w, "policy", info->underflow[i]);
		jsonw_close(w);
	}
	jsonw_close(w);
}

/* ipt_get_entries and ip6t_get_entries are alike: name, size, entries. Malloc'ed. */
static int get_entries(int fd, const struct family *f, const char *name, struct ipt_getinfo *info,
	struct ipt_get_entries **ret, struct err *e)
{
	own_free struct ipt_get_entries *got = NULL;
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	snprintf(info->name, sizeof(info->name), "%s", name);
	if (getsockopt(fd, f->level, f->info, info, &len) < 0)
		return err_errno(e, "%s table %s: info", f->tool, name);
	if (info->size > BLOB_MAX)
		return err_set(e, EFBIG, "%s table %s: %u bytes", f->tool, name, info->size);
	got = calloc(1, sizeof(*got) + info->size);
	if (!got)
		return err_set(e, ENOMEM, "no memory");
	memcpy(got->name, info->name, sizeof(got->name));
	got->size = info->size;
	len = (socklen_t)(sizeof(*got) + info->size);
	if (getsockopt(fd, f->level, f->entries, got, &len) < 0) /* EAGAIN: replaced meanwhile */
		return err_errno(e, "%s table %s: entries", f->tool, name);
	*ret = take_ptr(got);
	return 0;
}

static int dump_table(
	int fd, const struct family *f, const char *name, struct netrows *r, struct err *e)
{
	own_free struct ipt_get_entries *got = NULL;
	struct ipt_getinfo info;
	struct err why = ERR_INIT;
	char member[64];
	int rc = get_entries(fd, f, name, &info, &got, &why);

	if (rc == -EAGAIN)
		rc = get_entries(fd, f, name, &info, &got, &why);
	snprintf(member, sizeof(member), "network/%s-%s.bin", f->tool, name);
	if (rc < 0) {
		rc = sink_gap(r->text.sink, rc == -EFBIG ? GAP_OVER_BUDGET : GAP_UNREADABLE, member,
			"", 0, &why);
		return rc < 0 ? err_set(e, -rc, "the writer is gone") : 0;
	}
	jsonw_open(&r->w, NULL);
	jsonw_str(&r->w, "family", f->tool);
	jsonw_str(&r->w, "table", name);
	jsonw_u64(&r->w, "entries", info.num_entries);
	put_hooks(&r->w, &info);
	jsonw_open_array(&r->w, "rules");
	xtables_entries(&r->w, f->v6, (const uint8_t *)got->entrytable, info.size);
	jsonw_close_array(&r->w);
	jsonw_close(&r->w);
	netrows_row(r);
	return sink_blob(r->text.sink, member, got->entrytable, info.size, e);
}

/* Names become part of a member's name: the kernel's own are plain words. */
static bool is_plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return n && !name[n] && n < XT_TABLE_MAXNAMELEN;
}

static int dump_family(const struct family *f, int net_fd, struct netrows *r, struct err *e)
{
	own_buf struct buf names = BUF_INIT(4096);
	own_fd int fd = -1;
	struct err why = ERR_INIT;
	char *next, *name;
	int rc = io_read_file(net_fd, f->names, &names, &why);

	if (rc < 0 || !names.len)
		return 0; /* the kernel or this namespace has none: /proc/net is copied as well */
	fd = socket(f->domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0) {
		(void)err_errno(&why, "raw socket");
		rc = sink_gapf(
			r->text.sink, GAP_UNREADABLE, "network/iptables.json", &why, "%s", f->tool);
		return rc < 0 ? err_set(e, -rc, "the writer is gone") : 0;
	}
	next = names.data;
	for (int i = 0; rc == 0 && i < TABLES_MAX && (name = procfs_next_line(&next)); i++)
		if (is_plain(name))
			rc = dump_table(fd, f, name, r, e);
	return rc;
}

int xtables_dump(struct sink *out, int net_fd, uint64_t max, struct err *e)
{
	own_netrows struct netrows r = {0};
	int rc = 0;

	netrows_begin(&r, out, max);
	netrows_section(&r, "tables");
	for (size_t i = 0; rc == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		rc = dump_family(&families[i], net_fd, &r, e);
	netrows_section_end(&r);
	return rc == 0 ? netrows_end(&r, "network/iptables.json", e) : rc;
}
