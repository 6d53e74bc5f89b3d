/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* grpckit - servers to ask: one that speaks gRPC as a runtime does and answers what a test
 * wants, and one that sends any bytes at any pace. Each runs in a thread. */
#include "buf.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* What is answered to a method; others are UNIMPLEMENTED. */
struct grpckit_reply {
	const char *method;
	const void *body;
	size_t len;
	const char *status;  /* grpc-status; NULL: "0" */
	const char *message; /* grpc-message, as it is sent */
	/* departures */
	const char *http, *type;   /* :status, content-type */
	const void *raw;	   /* the answer's data, prefix and all, in body's place */
	bool no_trailers, no_data; /* the second: headers are the trailers */
};

struct grpckit {
	int client; /* for grpc_open(), which owns it */
	/* the last request, after grpckit_done() */
	unsigned char request[1024];
	size_t request_len;
	char method[128], space[64], timeout[16];
	unsigned calls;

	int server;
	pthread_t thread;
	const struct grpckit_reply *reply;
	size_t replies;
	size_t sent; /* of the answer that is under way */
	const struct grpckit_reply *now;
};

void grpckit_serve(struct grpckit *k, const struct grpckit_reply *reply, size_t replies);
/* Waits for the server's end, after the client's. */
void grpckit_done(struct grpckit *k);

struct grpckit_babble {
	const void *once; /* sent first */
	size_t once_len;
	const void *again; /* sent for ever; NULL: nothing */
	size_t again_len;
	unsigned step;	   /* bytes at a time; 0: as many as go */
	unsigned pause_ms; /* between them */
	bool stays;	   /* open, when all is sent */

	int client, server;
	pthread_t thread;
};

void grpckit_babble(struct grpckit_babble *b);
void grpckit_hush(struct grpckit_babble *b);

/* A file of tests/data/cri/. */
void grpckit_load(const char *name, struct buf *ret);
