/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * grpc - asks a server on a connected stream socket: unary calls, one after the other, over
 * HTTP/2. The server is not trusted: it may be dead, silent, slow, or talk without end.
 *
 * A failed call says why in one line, and by its code:
 *   -ETIMEDOUT      no whole answer before the deadline
 *   -ECONNRESET     the connection ended before the answer did
 *   -EFBIG          the answer is, or says it is, larger than the caller takes
 *   -EPROTO         what came is not HTTP/2, not gRPC, or is more than an answer can need
 *   -ENOSYS -ENOENT -EACCES -EAGAIN -EREMOTEIO
 *                   the server's own refusal: not implemented, not found, permission or
 *                   authentication, unavailable, any other; its message is in the text
 * After the first four the connection is of no use any more: further calls fail in the same way.
 */
#include "buf.h"
#include "err.h"

#include <stdint.h>

struct grpc;

/* Owns sock, which is closed even on failure. */
int grpc_open(int sock, struct grpc **ret, struct err *e) must_check;
/* NULL-safe. */
void grpc_close(struct grpc *g);

struct grpc_call {
	const char *method;	   /* "/package.Service/Method" */
	const char *in;		   /* the header containerd-namespace; NULL: none */
	const struct buf *request; /* at most GRPC_REQUEST_MAX bytes */
	uint64_t deadline_ns;	   /* of CLOCK_MONOTONIC */
};

enum { GRPC_REQUEST_MAX = 64 << 10 };

/* The answer's message replaces what 'answer' holds; its maximum is the limit. */
int grpc_call(struct grpc *g, const struct grpc_call *c, struct buf *answer, struct err *e)
	must_check;
