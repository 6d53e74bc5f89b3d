/* SPDX-License-Identifier: Apache-2.0 */
/* network - the sockets of the target and who holds them, its interfaces, routes, packet
 * filters and connections, as its network namespace has them. */
#include "dumper.h"

#include "buf.h"
#include "firewall.h"
#include "io.h"
#include "netrows.h"
#include "now.h"
#include "own.h"
#include "procfs.h"
#include "routing.h"
#include "sink.h"
#include "sockets.h"
#include "target.h"
#include "xtables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	ETC_MAX = 1 << 20,
	MODULES_MAX = 1 << 20,
	BUILTIN_MAX = 4 << 20,
	OTHER_NETNS_MAX = 16, /* network namespaces of members besides the target's */
};

enum { OPT_MAX_MEMBER, OPT_PROC_TEXT, OPT_FIREWALL, OPT_CONNTRACK };

static const struct dumper_option options[] = {
	{"max_member", OPTION_SIZE, "512M", "at most this much of each list", NULL},
	{"proc_text", OPTION_BOOL, "true", "copy the text of /proc/PID/net as well", NULL},
	{"firewall", OPTION_BOOL, "true", "nftables and legacy iptables rules", NULL},
	{"conntrack", OPTION_BOOL, "true", "tracked connections", NULL},
	{0},
};

/* Files of /proc/PID/net worth keeping as they are: short or not seen elsewhere. */
static const char *const proc_files[] = {"tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw",
	"raw6", "icmp", "icmp6", "unix", "packet", "netlink", "dev", "dev_mcast", "route",
	"ipv6_route", "rt_cache", "fib_trie", "fib_triestat", "arp", "if_inet6", "igmp", "igmp6",
	"mcfilter", "mcfilter6", "anycast6", "ip_mr_vif", "ip_mr_cache", "ip6_mr_vif",
	"ip6_mr_cache", "snmp", "snmp6", "netstat", "sockstat", "sockstat6", "softnet_stat",
	"protocols", "ptype", "wireless", "nf_conntrack", "nf_conntrack_expect", "ip_tables_names",
	"ip_tables_matches", "ip_tables_targets", "ip6_tables_names", "ip6_tables_matches",
	"ip6_tables_targets", "arp_tables_names", "xfrm_stat", "ip_vs", "ip_vs_conn",
	"bonding/bond0", "vlan/config", "sctp/eps", "sctp/assocs", "can/rcvlist_all", NULL};

/* Fewer, of other namespaces: who talks to whom. */
static const char *const other_files[] = {"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "unix",
	"packet", "dev", "route", "ipv6_route", "arp", "if_inet6", NULL};

static const char *const etc_files[] = {"resolv.conf", "hosts", "hostname", NULL};

static int copy_files(int net_fd, const char *const *files, const char *prefix, uint64_t max,
	struct sink *out, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && files[i]; i++) {
		struct err why = ERR_INIT;
		own_fd int fd = io_open_in(net_fd, files[i], O_RDONLY, &why);
		char member[128];

		if (fd == -ENOENT || fd == -ENOTDIR)
			continue; /* this kernel has no such file */
		snprintf(member, sizeof(member), "%s%s", prefix, files[i]);
		sink_item(out, i);
		if (fd >= 0) {
			rc = sink_copy(out, member, fd, max, e);
			continue;
		}
		if (sink_gap(out, GAP_UNREADABLE, member, "", 0, &why) < 0)
			rc = err_set(e, EPIPE, "the writer is gone");
	}
	return rc;
}

/* ---- kernel modules: asking can load them ---- */

/* The first word of a line, or the last component before ".ko" of modules.builtin. */
static bool lists_module(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += n) {
		bool starts = p == text || p[-1] == '\n' || p[-1] == '/';

		if (starts && (p[n] == ' ' || !strncmp(p + n, ".ko", 3)))
			return true;
	}
	return false;
}

/* True unless we know that it is a module which is not loaded. */
static bool module_is_there(const struct dump *d, const struct buf *loaded, const char *name)
{
	own_buf struct buf builtin = BUF_INIT(BUILTIN_MAX);
	struct utsname u;
	char path[128];

	if (!loaded->len || lists_module(buf_str(loaded), name))
		return true; /* no modules in this kernel, or loaded */
	if (uname(&u) < 0)
		return true;
	snprintf(path, sizeof(path), "lib/modules/%.64s/modules.builtin", u.release);
	if (io_read_file(d->host_fd, path, &builtin, NULL) < 0) {
		buf_clear(&builtin);
		snprintf(path, sizeof(path), "usr/lib/modules/%.64s/modules.builtin", u.release);
		if (io_read_file(d->host_fd, path, &builtin, NULL) < 0)
			return true;
	}
	return lists_module(buf_str(&builtin), name);
}

static void read_modules(const struct dump *d, struct buf *ret)
{
	if (io_read_file(d->proc_fd, "modules", ret, NULL) < 0)
		buf_clear(ret); /* a kernel without modules */
}

/* What our questions made the kernel load: an effect of ours on the host. */
static int tell_modules(const struct dump *d, const struct buf *before, struct sink *out)
{
	own_buf struct buf after = BUF_INIT(MODULES_MAX);
	own_buf struct buf names = BUF_INIT(512);
	char *next, *line;

	read_modules(d, &after);
	next = after.data;
	while (before->len && next && (line = procfs_next_line(&next))) {
		line[strcspn(line, " ")] = '\0';
		if (!lists_module(buf_str(before), line))
			buf_addf(&names, " %s", line);
	}
	if (!names.len)
		return 0;
	return sink_finding(out, "listing sockets made the host's kernel load:%s", buf_str(&names));
}

/* ---- the steps ---- */

/* Descriptors of sockets that no list shows: another family or another namespace. */
static void put_unseen(struct netrows *r, struct sockowners *o)
{
	netrows_section(r, "unlisted");
	for (size_t i = 0; i < o->n; i++) {
		if (o->list[i].seen)
			continue;
		jsonw_open(&r->w, NULL);
		jsonw_u64(&r->w, "inode", o->list[i].inode);
		jsonw_i64(&r->w, "pid", o->list[i].pid);
		jsonw_u64(&r->w, "fd", o->list[i].fd);
		jsonw_close(&r->w);
		netrows_row(r);
	}
	netrows_section_end(r);
}

/* 0, and the network namespace of a process. */
static int netns_of(const struct dump *d, pid_t pid, uint64_t *ret)
{
	own_fd int pid_fd = procfs_open_pid(d->proc_fd, pid, NULL);

	return pid_fd < 0 ? pid_fd : procfs_ns_inode(pid_fd, "net", ret, NULL);
}

/* Compared with init's; where that may not be looked at, with the engine's: our parent's. */
static bool is_hosts_netns(const struct dump *d)
{
	uint64_t inode;

	if (netns_of(d, 1, &inode) < 0 && netns_of(d, getppid(), &inode) < 0)
		return false;
	return inode == d->target->ns_net;
}

static int tell_sockets(const struct sockets *s, struct sink *out)
{
	unsigned over[2] = {s->listening, s->raw};
	static const char *const what[2] = {"listening on every address", "that see packets"};
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++)
		if (over[i] > SOCKETS_FINDINGS)
			rc = sink_finding(out, "%u sockets %s in all: see network/sockets.json",
				over[i], what[i]);
	if (rc == 0 && !s->listeners_are_theirs)
		rc = sink_finding(out, "the network is the host's: sockets, rules and routes in "
				       "network/ are those of the whole host");
	if (rc == 0 && s->ownerless && s->listeners_are_theirs)
		rc = sink_finding(out,
			"%llu sockets have no owner among the processes: held elsewhere, on their "
			"way over a unix socket, or opened during the collection",
			(unsigned long long)s->ownerless);
	return rc;
}

static int dump_sockets(const struct dump *d, int net_fd, struct sink *out, struct err *e)
{
	own_sockowners struct sockowners owners = SOCKOWNERS_INIT;
	own_netrows struct netrows rows = {0};
	struct sockets s = {
		.rows = &rows,
		.owners = &owners,
		.out = out,
		.net_fd = net_fd,
		.listeners_are_theirs = !is_hosts_netns(d),
		.peers_fd = d->peers_fd,
	};
	int rc = sockowners_collect(&owners, d, out, e);

	if (rc < 0)
		return rc;
	netrows_begin(&rows, out, d->options[OPT_MAX_MEMBER].u);
	jsonw_u64(&rows.w, "netns", d->target->ns_net);
	jsonw_bool(&rows.w, "host_netns", !s.listeners_are_theirs);
	rc = sockets_dump(&s, e);
	put_unseen(&rows, &owners);
	jsonw_u64(&rows.w, "without_owner", s.ownerless);
	if (rc == 0)
		rc = netrows_end(&rows, "network/sockets.json", e);
	if (rc == 0 && tell_sockets(&s, out) < 0)
		rc = err_set(e, EPIPE, "the writer is gone");
	return rc;
}

static int dump_firewall(const struct dump *d, const struct buf *modules, int net_fd,
	struct sink *out, struct err *e)
{
	uint64_t max = d->options[OPT_MAX_MEMBER].u;
	int rc = 0;

	if (d->options[OPT_CONNTRACK].b && module_is_there(d, modules, "nf_conntrack"))
		rc = firewall_conntrack(out, max, e);
	if (rc < 0 || !d->options[OPT_FIREWALL].b)
		return rc;
	if (module_is_there(d, modules, "nf_tables"))
		rc = firewall_nftables(out, max, e);
	return rc == 0 ? xtables_dump(out, net_fd, max, e) : rc;
}

/* A mount over the file or its directory that may never answer (FUSE, a dead NFS server). */
static bool is_foreign(const struct target *t, const char *name)
{
	for (unsigned i = 0; i < t->mounts && i < TARGET_MOUNTS; i++) {
		const char *point = t->mount[i].point;

		if (t->mount[i].kind != MOUNT_FOREIGN || strncmp(point, "/etc", 4) != 0)
			continue;
		if (!point[4] || (point[4] == '/' && !strcmp(point + 5, name)))
			return true;
	}
	return false;
}

static int copy_etc_file(const struct dump *d, const char *name, struct sink *out, struct err *e)
{
	own_fd int path_fd = -1;
	own_fd int fd = -1;
	struct err why = ERR_INIT;
	char path[32], member[64];
	enum gap_kind kind = GAP_CROSSED_MOUNT;
	int rc;

	snprintf(path, sizeof(path), "etc/%s", name);
	snprintf(member, sizeof(member), "network/etc/%s", name);
	if (!is_foreign(d->target, name)) {
		path_fd = io_open_in(d->target->fd[TFD_ROOT], path, O_PATH, &why);
		fd = path_fd < 0 ? path_fd : io_reopen(path_fd, &why);
		kind = why.code == EINVAL ? GAP_SPECIAL_FILE : GAP_UNREADABLE;
	}
	if (fd >= 0)
		return sink_copy(out, member, fd, ETC_MAX, e);
	if (why.code == ENOENT || why.code == ENOTDIR)
		return 0; /* an image need not have it */
	rc = sink_gapf(out, kind, member, &why, "/%s", path);
	return rc < 0 ? err_set(e, -rc, "the writer is gone") : 0;
}

/* Members that made a network namespace of their own: the text of it. */
static int copy_other(const struct dump *d, const struct target_member *m, uint64_t *seen,
	unsigned *n, struct sink *out, struct err *e)
{
	own_fd int pid_fd = procfs_open_pid(d->proc_fd, m->pid, NULL);
	own_fd int net_fd = -1;
	struct procfs_stat st;
	char prefix[64];
	uint64_t inode;
	unsigned i;

	if (pid_fd < 0 || procfs_ns_inode(pid_fd, "net", &inode, NULL) < 0 ||
		inode == d->target->ns_net)
		return 0; /* processes that ended were told with the sockets' owners */
	for (i = 0; i < *n && seen[i] != inode; i++)
		;
	if (i < *n || procfs_read_stat(pid_fd, &st, NULL) < 0 || st.start_ticks != m->start_ticks)
		return 0;
	if (*n == OTHER_NETNS_MAX) {
		if (sink_gapf(out, GAP_OVER_BUDGET, NULL, NULL,
			    "network namespace %llu of process %d", (unsigned long long)inode,
			    (int)m->pid) < 0)
			return err_set(e, EPIPE, "the writer is gone");
		return 0;
	}
	seen[(*n)++] = inode;
	if (sink_finding(out, "process %d has a network namespace of its own: %llu", (int)m->pid,
		    (unsigned long long)inode) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	net_fd = io_open_in(pid_fd, "net", O_PATH | O_DIRECTORY, NULL);
	if (net_fd < 0)
		return 0;
	snprintf(prefix, sizeof(prefix), "network/netns-%llu/", (unsigned long long)inode);
	return copy_files(net_fd, other_files, prefix, d->options[OPT_MAX_MEMBER].u, out, e);
}

static int copy_others(const struct dump *d, struct sink *out, struct err *e)
{
	uint64_t seen[OTHER_NETNS_MAX];
	unsigned n = 0;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < d->target->members; i++) {
		sink_item(out, i);
		rc = copy_other(d, &d->target->member[i], seen, &n, out, e);
	}
	return rc;
}

static int copy_text(const struct dump *d, int net_fd, struct sink *out, struct err *e)
{
	int rc = 0;

	if (d->options[OPT_PROC_TEXT].b)
		rc = copy_files(
			net_fd, proc_files, "network/proc/", d->options[OPT_MAX_MEMBER].u, out, e);
	return rc == 0 ? copy_others(d, out, e) : rc;
}

/* 1: there is no time for this any more, which is said. */
static int is_late(const struct dump *d, const char *what, struct sink *out, struct err *e)
{
	if (!now_late(d->until_ns))
		return 0;
	if (sink_gapf(out, GAP_OVER_BUDGET, NULL, NULL, "%s: no time left", what) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 1;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	own_fd int net_fd = io_open_in(d->target->fd[TFD_PROC], "net", O_RDONLY | O_DIRECTORY, e);
	own_buf struct buf modules = BUF_INIT(MODULES_MAX);
	int rc;

	if (net_fd < 0)
		return err_wrap(e, net_fd, "process %d", (int)d->target->pid);
	read_modules(d, &modules);
	rc = dump_sockets(d, net_fd, out, e);
	if (rc == 0)
		rc = is_late(d, "packet filters and connections", out, e);
	if (rc == 0)
		rc = dump_firewall(d, &modules, net_fd, out, e);
	if (rc >= 0)
		rc = is_late(d, "interfaces, routes and neighbours", out, e);
	if (rc == 0)
		rc = routing_dump(out, d->options[OPT_MAX_MEMBER].u, e);
	if (rc >= 0)
		rc = is_late(d, "the kernel's text, and other namespaces", out, e);
	if (rc == 0)
		rc = copy_text(d, net_fd, out, e);
	rc = rc > 0 ? 0 : rc;
	if (rc == 0 && tell_modules(d, &modules, out) < 0)
		rc = err_set(e, EPIPE, "the writer is gone");
	/* last: the only step that looks names up where the target may have mounted things */
	for (size_t i = 0; rc == 0 && etc_files[i]; i++)
		rc = copy_etc_file(d, etc_files[i], out, e);
	return rc;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	own_buf struct buf b = BUF_INIT(4096);
	unsigned long long used = 0;

	if (io_read_file(d->target->fd[TFD_PROC], "net/sockstat", &b, e) < 0)
		return -e->code;
	(void)sscanf(buf_str(&b), "sockets: used %llu", &used);
	ret->items = used;
	ret->bytes = 256 * 1024 + used * 1000; /* a row, and a line of /proc/net */
	snprintf(ret->touches, sizeof(ret->touches),
		"nothing of the target; the host's kernel may load its sock_diag modules");
	return 0;
}

static const char *const prefixes[] = {"network/", NULL};

const struct dumper dumper_network = {
	.name = "network",
	.summary = "sockets with their owners, interfaces, routes, packet filters, connections",
	.prefixes = prefixes,
	.needs = NEED_RUNNING | NEED_NETNS,
	.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH) |
		DUMPER_CAP(CAP_NET_ADMIN) | DUMPER_CAP(CAP_NET_RAW),
	.options = options,
	.run = run,
	.estimate = estimate,
};
