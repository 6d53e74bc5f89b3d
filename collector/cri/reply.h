/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* reply - what has come of one answer: headers, one message, trailers, in HTTP/2's terms already
 * told apart by grpc.c. */
#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REPLY_PREFIX = 5,   /* of a message: compressed or not, length */
	REPLY_DETAIL = 160, /* bytes of the server's own words */
};

struct reply {
	struct buf *out; /* the message */
	bool is_grpc;
	unsigned char prefix[REPLY_PREFIX];
	unsigned prefix_len;
	size_t expected; /* bytes of the message */
	unsigned headers;
	int http_status, grpc_status; /* -1: none yet */
	char message[REPLY_DETAIL];   /* grpc-message, decoded */
};

#define REPLY_INIT(to) ((struct reply){.out = (to), .http_status = -1, .grpc_status = -1})

/* name, value: terminated as well as counted. -EPROTO: there are too many. */
int reply_header(struct reply *r, const char *name, const char *value, size_t len, struct err *e)
	must_check;
int reply_data(struct reply *r, const void *p, size_t n, struct err *e) must_check;
/* The whole of it, as grpc_call() returns it. reset: why the stream ended, NULL: as it should. */
int reply_judge(const struct reply *r, const char *reset, struct err *e) must_check;
