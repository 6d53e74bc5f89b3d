/* SPDX-License-Identifier: Apache-2.0 */
/* guard - thaws when nobody else is left to do it. */
#include "guard.h"
#include "io.h"
#include "now.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 200, TRY_MS = 10 };

/* 1: a byte came, 0: the other end is gone, -ETIMEDOUT. */
static int await_byte(int sock, uint64_t until_ns)
{
	for (uint64_t now; (now = now_ns()) < until_ns;) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		uint64_t left_ms = (until_ns - now) / 1000000 + 1;
		ssize_t n;
		char c;

		if (poll(&p, 1, left_ms < 60000 ? (int)left_ms : 60000) <= 0)
			continue;
		n = recv(sock, &c, 1, MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n > 0;
	}
	return -ETIMEDOUT;
}

int guard_main(void *job)
{
	const struct guard_job *g = job;

	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)!send(g->sock, "", 1, MSG_NOSIGNAL);
	if (await_byte(g->sock, g->deadline_ns) > 0)
		return 0;
	for (int i = 0; i < TRIES && freezer_thaw(g->kind, g->state_fd, NULL) < 0; i++)
		(void)poll(NULL, 0, TRY_MS);
	return 0;
}

int guard_await(int sock, uint64_t until_ns, struct err *e)
{
	int rc = await_byte(sock, until_ns);

	if (rc > 0)
		return 0;
	return err_set(e, rc < 0 ? ETIMEDOUT : ECHILD, "a guard did not come up");
}

void guard_dismiss(int sock)
{
	(void)!send(sock, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void guard_leave_cgroup(const struct target_host *host, pid_t guard)
{
	own_fd int mount = freezer_mount(host, FREEZER_V2), fd = -1;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)guard);

	if (mount >= 0)
		fd = io_open_in(mount, "cgroup.procs", O_WRONLY, NULL);
	if (fd >= 0)
		(void)!write(fd, text, (size_t)n);
}
