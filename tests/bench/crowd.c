/* SPDX-License-Identifier: Apache-2.0 */
/* crowd - PROCESSES that hold SOCKETS loopback TCP sockets between them, for bench:
 * brings lo up, prints "ready", and waits. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	_exit(1);
}

static void loopback_up(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (ioctl(s, SIOCGIFFLAGS, &r) < 0)
		fail("lo");
	r.ifr_flags |= IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		fail("lo up");
	close(s);
}

/* One listener, and connected pairs on it until n sockets are open. */
static void open_sockets(long n, int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int l = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(l, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(l, 1024) < 0)
		fail("listen");
	for (long have = 1; have + 2 <= n; have += 2) {
		int c = socket(AF_INET, SOCK_STREAM, 0);

		if (c < 0 || connect(c, (struct sockaddr *)&a, sizeof(a)) < 0 ||
			accept(l, NULL, NULL) < 0)
			fail("connect");
	}
}

int main(int argc, char **argv)
{
	long processes = argc > 1 ? atol(argv[1]) : 1, sockets = argc > 2 ? atol(argv[2]) : 0;
	struct rlimit r;
	int ready[2];
	char c;

	if (pipe(ready) < 0 || getrlimit(RLIMIT_NOFILE, &r) < 0)
		fail("start");
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	loopback_up();
	for (long i = 0; i < processes; i++) {
		if (fork() == 0) {
			open_sockets(sockets / processes, 2000 + (int)i);
			if (write(ready[1], "x", 1) != 1)
				fail("ready");
			for (;;)
				pause();
		}
	}
	for (long i = 0; i < processes; i++)
		if (read(ready[0], &c, 1) != 1)
			fail("ready");
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
