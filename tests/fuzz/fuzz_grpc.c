/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_grpc - what a server sends while we ask it twice. */
#include "grpc.h"
#include "now.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* what a socket holds though nobody reads */
enum { INPUT_MAX = 64 << 10, DEADLINE_NS = 1000000000 };

static int ask(struct grpc *g)
{
	struct buf request = BUF_INIT(16), answer = BUF_INIT(32 << 10);
	const struct grpc_call call = {
		.method = "/runtime.v1.RuntimeService/Version",
		.in = "k8s.io",
		.request = &request,
		.deadline_ns = now_ns() + DEADLINE_NS,
	};
	struct err e = ERR_INIT;
	int rc = grpc_call(g, &call, &answer, &e);

	if (rc > 0 || -rc != e.code || answer.len > answer.max)
		abort();
	buf_done(&answer);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grpc *g;
	int fd[2];

	if (size > INPUT_MAX)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0 ||
		send(fd[1], data, size, 0) != (ssize_t)size || shutdown(fd[1], SHUT_WR) < 0)
		abort();
	if (grpc_open(fd[0], &g, NULL) == 0) {
		(void)ask(g);
		(void)ask(g);
		grpc_close(g);
	}
	close(fd[1]);
	return 0;
}
