/* SPDX-License-Identifier: Apache-2.0 */
/* The dumper on real sockets, in a network namespace of the test's own. */
#include "unit.h"

#include "dirsink.h"
#include "dumper.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern const struct dumper dumper_network;

static struct target target;
static struct dirsink out, out_text;
static char dir[64];
static json_t *sockets, *by_text; /* by_text: where sock_diag is refused */

static int listener(int family, int type, int proto, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(family, type | SOCK_CLOEXEC, proto);

	assert_true(fd >= 0);
	if (family == AF_INET)
		assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	else
		assert_int_equal(bind(fd, (struct sockaddr *)&in6, sizeof(in6)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* An abstract name with a NUL, a newline and a byte that is no UTF-8. */
static int abstract_listener(void)
{
	static const char name[] = "\0ev\0il\n\xff";
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(un.sun_path, name, sizeof(name) - 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&un,
				 (socklen_t)(sizeof(sa_family_t) + sizeof(name) - 1)),
		0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void loopback_up(void)
{
	own_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
}

static void connect_to(uint16_t port, int *client, int *server, int listening)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};

	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*client, (struct sockaddr *)&in, sizeof(in)), 0);
	*server = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	assert_true(*server >= 0);
	assert_int_equal(write(*client, "hello", 5), 5);
}

static int fill_target(void)
{
	own_fd int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct procfs_stat st;

	memset(target.fd, 0xff, sizeof(target.fd));
	target.running = true;
	target.pid = getpid();
	target.members = 1;
	if (procfs_read_stat(self, &st, NULL) < 0 ||
		procfs_ns_inode(self, "net", &target.ns_net, NULL) < 0)
		return -1;
	target.member[0] = (struct target_member){getpid(), MEMBER_INIT, st.start_ticks};
	target.fd[TFD_PROC] = take_fd(&self);
	target.fd[TFD_ROOT] = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static json_t *load(const char *name)
{
	char path[128];
	json_error_t je;
	json_t *j;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	j = json_load_file(path, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
	if (!j)
		fail_msg("%s: %s line %d", name, je.text, je.line);
	return j;
}

static int fds[16];

/* A socket whose only holder is a message nobody has read yet. */
static void send_away(void)
{
	int fd = listener(AF_INET, SOCK_STREAM, 0, 4008);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	assert_int_equal(sendmsg(fds[7], &m, 0), 1);
	close(fd);
}

/* A thread with descriptors of its own: the process's list does not have them. */
static pthread_t thread;
static pid_t hider;
static sem_t hidden, done;

static void *hide(void *arg)
{
	(void)arg;
	assert_int_equal(unshare(CLONE_FILES), 0);
	(void)listener(AF_INET, SOCK_STREAM, 0, 4009);
	hider = gettid();
	sem_post(&hidden);
	sem_wait(&done); /* its end would close them */
	return NULL;
}

static void open_sockets(void)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	loopback_up();
	fds[0] = listener(AF_INET, SOCK_STREAM, 0, 4001);
	connect_to(4001, &fds[1], &fds[2], fds[0]);
	fds[3] = listener(AF_INET6, SOCK_STREAM, 0, 4002);
	fds[4] = listener(AF_INET, SOCK_DGRAM, 0, 4003);
	fds[5] = listener(AF_INET, SOCK_RAW, IPPROTO_ICMP, 0);
	fds[6] = abstract_listener();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds + 7), 0);
	fds[9] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	assert_int_equal(bind(fds[9], (struct sockaddr *)&ll, sizeof(ll)), 0);
	fds[10] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	assert_int_equal(
		bind(fds[10], (struct sockaddr *)&(struct sockaddr_nl){.nl_family = AF_NETLINK},
			sizeof(struct sockaddr_nl)),
		0);
	send_away();
	sem_init(&hidden, 0, 0);
	sem_init(&done, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, hide, NULL), 0);
	sem_wait(&hidden);
}

/* What a host's own filter may do to us: no netlink. For good. */
static int refuse_netlink(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
		SCMP_A0_64(SCMP_CMP_EQ, AF_NETLINK, 0));

	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

static int setup(void **state)
{
	static union option_value options[4] = {
		{.u = 64 << 20}, {.b = true}, {.b = true}, {.b = true}};
	struct dump d = {.target = &target,
		.peers_fd = -1,
		.options = options,
		.proc_fd = -1,
		.host_fd = -1,
		.spool_fd = -1,
		.max_bytes = UINT64_MAX};
	own_fd int proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	char etc[80];

	(void)state;
	own_fd int diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (diag < 0) /* an emulator of user programs has none */
		return 0;
	if (unshare(CLONE_NEWNET) < 0)
		return errno == EPERM ? 0 : -1; /* the tests skip */
	snprintf(dir, sizeof(dir), "/tmp/test_network.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(etc, sizeof(etc), "%s/etc", dir);
	if (mkdir(etc, 0700) < 0)
		return -1;
	strcat(etc, "/hosts");
	own_fd int hosts = open(etc, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (hosts < 0 || write(hosts, "127.0.0.1 c2\n", 13) != 13 || fill_target() < 0)
		return -1;
	open_sockets();
	d.proc_fd = proc_fd;
	d.host_fd = host_fd;
	dirsink_init(&out, open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (dumper_network.run(&d, &out.sink, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	sockets = load("network/sockets.json");
	if (mkdirat(out.dir_fd, "text", 0700) < 0 || refuse_netlink() < 0)
		return -1;
	dirsink_init(&out_text, openat(out.dir_fd, "text", O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (dumper_network.run(&d, &out_text.sink, &e) < 0)
		return -1;
	by_text = load("text/network/sockets.json");
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	json_decref(sockets);
	json_decref(by_text);
	if (hider) {
		sem_post(&done);
		pthread_join(thread, NULL);
	}
	return dir[0] ? nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) : 0;
}

/* The row of the socket behind a descriptor of ours. */
static json_t *row_in(json_t *list, int fd)
{
	struct stat st;
	json_t *row;
	size_t i;

	if (!list)
		unit_skip("no sockets were made");
	assert_int_equal(fstat(fd, &st), 0);
	json_array_foreach(json_object_get(list, "sockets"), i, row)
	{
		if (json_integer_value(json_object_get(row, "inode")) != (json_int_t)st.st_ino)
			continue;
		json_t *o = json_array_get(json_object_get(row, "owners"), 0);
		assert_int_equal(json_integer_value(json_object_get(o, "pid")), getpid());
		assert_int_equal(json_integer_value(json_object_get(o, "fd")), fd);
		return row;
	}
	fail_msg("no row for descriptor %d", fd);
	return NULL;
}

static json_t *row_of(int fd)
{
	return row_in(sockets, fd);
}

static void is_text(json_t *row, const char *key, const char *want)
{
	assert_string_equal(json_string_value(json_object_get(row, key)), want);
}

static void is_number(json_t *row, const char *key, json_int_t want)
{
	assert_int_equal(json_integer_value(json_object_get(row, key)), want);
}

static void tcp_has_addresses_and_traffic(void **state)
{
	json_t *row = row_of(fds[0]), *info;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user translates sock_diag in part");
	is_text(row, "state", "listen");
	is_text(row, "local", "0.0.0.0");
	is_number(row, "local_port", 4001);
	row = row_of(fds[1]);
	is_text(row, "state", "established");
	is_text(row, "remote", "127.0.0.1");
	is_number(row, "remote_port", 4001);
	info = json_object_get(row, "tcp_info");
	is_number(info, "bytes_sent", 5);
	row = row_of(fds[2]);
	is_number(row, "rqueue", 5);
	is_text(row_of(fds[3]), "local", "::1");
	is_text(row_of(fds[3]), "family", "inet6");
}

static void udp_and_raw(void **state)
{
	(void)state;
	is_text(row_of(fds[4]), "protocol", "udp");
	is_number(row_of(fds[4]), "local_port", 4003);
	is_text(row_of(fds[5]), "protocol", "raw");
	is_number(row_of(fds[5]), "ip_protocol", IPPROTO_ICMP);
}

static void unix_names_are_bytes(void **state)
{
	json_t *row = row_of(fds[6]);
	struct stat st;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user translates sock_diag in part");
	assert_true(json_is_true(json_object_get(row, "abstract")));
	is_text(row, "name_b64", "ZXYAaWwK/w==");
	is_text(row, "state", "listen");
	assert_int_equal(fstat(fds[8], &st), 0);
	is_number(row_of(fds[7]), "peer", (json_int_t)st.st_ino);
}

static void packet_and_netlink(void **state)
{
	(void)state;
	is_text(row_of(fds[9]), "protocol", "packet");
	is_text(row_of(fds[9]), "ethertype", "0x3");
	is_text(row_of(fds[10]), "protocol", "netlink");
	is_number(row_of(fds[10]), "netlink_protocol", NETLINK_ROUTE);
}

static bool file_has(const char *name, const char *text)
{
	own_buf struct buf b = BUF_INIT(1 << 20);
	own_fd int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return io_read_file(fd, name, &b, NULL) == 0 && strstr(buf_str(&b), text);
}

/* Nothing that text has is lost where netlink is refused. */
static void text_is_the_fall_back(void **state)
{
	static const char *const keys[] = {"protocol", "family", "local", "local_port", "remote",
		"remote_port", "uid", "ethertype", "type", "netlink_protocol", "ip_protocol"};

	(void)state;
	for (int i = 0; i <= 10; i++) {
		json_t *text = row_in(by_text, fds[i]), *diag = row_of(fds[i]);

		is_text(text, "source", "proc");
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
			json_t *v = json_object_get(text, keys[k]);

			if (v && json_object_get(diag, keys[k]))
				assert_true(json_equal(v, json_object_get(diag, keys[k])));
		}
	}
	is_number(row_in(by_text, fds[2]), "rqueue", 5);
	/* the kernel does not escape the newline: the line ends there */
	is_text(row_in(by_text, fds[6]), "path", "@ev@il");
	/* lists that only netlink gives are gaps: interfaces, nftables, conntrack */
	assert_true(file_has("text/gaps.txt", "unreadable member=network/nftables.json"));
	assert_true(file_has("text/gaps.txt", "unreadable member=network/interfaces.json"));
}

static json_t *row_of_port(json_int_t port)
{
	json_t *row;
	size_t i;

	if (!sockets)
		unit_skip("no sockets were made");
	json_array_foreach(json_object_get(sockets, "sockets"), i, row)
	{
		if (json_integer_value(json_object_get(row, "local_port")) == port)
			return row;
	}
	fail_msg("no row for port %lld", (long long)port);
	return NULL;
}

static void a_socket_in_flight_has_no_owner(void **state)
{
	(void)state;
	assert_int_equal(json_array_size(json_object_get(row_of_port(4008), "owners")), 0);
	is_number(sockets, "without_owner", 1);
	assert_true(file_has("findings.txt", "1 sockets have no owner among the processes"));
}

static void threads_may_have_descriptors_of_their_own(void **state)
{
	json_t *owners = json_object_get(row_of_port(4009), "owners");

	(void)state;
	assert_int_equal(json_array_size(owners), 1);
	is_number(json_array_get(owners, 0), "pid", hider);
}

static void what_matters_is_a_finding(void **state)
{
	(void)state;
	if (!sockets)
		unit_skip("no sockets were made");
	assert_true(file_has("findings.txt", "tcp socket listens on 0.0.0.0:4001: pid "));
	assert_true(file_has("findings.txt", "packet socket sees packets, ethertype 0x3: pid "));
	assert_true(file_has("findings.txt", "raw socket sees packets, protocol 1: pid "));
	assert_false(file_has("findings.txt", "4002"));
}

static void nothing_is_a_gap(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user translates sock_diag in part");
	if (!sockets)
		unit_skip("no sockets were made");
	assert_int_equal(out.gaps, 0);
}

static void lists_of_the_namespace(void **state)
{
	json_t *j, *row;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user translates sock_diag in part");
	if (!sockets)
		unit_skip("no sockets were made");
	j = load("network/interfaces.json");
	row = json_array_get(json_object_get(j, "links"), 0);
	is_text(row, "name", "lo");
	is_number(row, "mtu", 65536);
	assert_true(json_is_object(json_object_get(row, "stats")));
	row = json_array_get(json_object_get(j, "addresses"), 0);
	is_text(row, "local", "127.0.0.1");
	json_decref(j);
	j = load("network/rules.json");
	assert_int_equal(json_array_size(json_object_get(j, "inet")), 3);
	json_decref(j);
	j = load("network/routes.json");
	assert_true(json_array_size(json_object_get(j, "inet")) >= 2);
	json_decref(j);
	json_decref(load("network/neighbours.json"));
	json_decref(load("network/nftables.json"));
	json_decref(load("network/iptables.json"));
	assert_true(file_has("network/proc/tcp", ":0FA1")); /* 4001 */
	assert_true(file_has("network/etc/hosts", "c2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_has_addresses_and_traffic),
		cmocka_unit_test(udp_and_raw),
		cmocka_unit_test(unix_names_are_bytes),
		cmocka_unit_test(packet_and_netlink),
		cmocka_unit_test(a_socket_in_flight_has_no_owner),
		cmocka_unit_test(threads_may_have_descriptors_of_their_own),
		cmocka_unit_test(what_matters_is_a_finding),
		cmocka_unit_test(nothing_is_a_gap),
		cmocka_unit_test(text_is_the_fall_back),
		cmocka_unit_test(lists_of_the_namespace),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
