/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * wire - what our processes say to each other: datagrams over a SOCK_SEQPACKET
 * pair, with at most one descriptor each; and the shared memory through which a
 * worker hands bulk data to the writer. The receiver trusts nothing: counts are
 * checked, text has a length and any content.
 */
#include "err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_type {
	/* worker to writer */
	WIRE_BEGIN = 1, /* a: size; text: member */
	WIRE_DATA, /* a: slot, b: offset in it, c: bytes; kind 1: the slot is free afterwards */
	WIRE_END,
	WIRE_GAP, /* kind: enum gap_kind, code: errno; text: member, where, why. From the engine:
		     kind: dumper, a: enum gap_kind, b: with GAP_STALLED, restarts so far */
	WIRE_FINDING, /* text */
	WIRE_DONE,    /* the dumper returned: code: 0 or errno; text: why */
	/* writer to worker */
	WIRE_CREDIT, /* a: slot */
	/* engine to writer */
	WIRE_CHANNEL, /* kind: dumper's index or WIRE_ENGINE; a: bytes it may add; fd: socket */
	WIRE_CHANNEL_DATA, /* fd: the shared memory of the channel just named */
	WIRE_CLOSE,	   /* closes the channel: kind 1: keep the open member for the next one */
	WIRE_STATUS, /* kind: dumper, a, b: started, ended (CLOCK_REALTIME ns); text: status, reason
		      */
	WIRE_PLACE, /* text: the folder of the target that all that follows is about, "" for none */
	WIRE_FINISH, /* text: verdict's reason ("" when it ran to its end), JSON fields for the
			manifest */
	/* writer to engine */
	WIRE_CLOSED, /* kind: dumper; a: artifacts, b: bytes, c: gaps; text: open member; code: its
			done bytes in 'd' */
	WIRE_PROGRESS, /* a: bytes in all, b: artifacts, c: gaps, d: size of the open member; kind:
			  MiB of it still to come */
	WIRE_FAILED,   /* code, text: the output failed */
	WIRE_FINISHED, /* a: bytes of the bundle, b: artifacts, c: gaps, d: findings; text: sha256,
			  verdict */
	/* writer to signer and back */
	WIRE_SIGN,   /* text: a seal's line; or fd: a file of 'a' bytes to sign */
	WIRE_SIGNED, /* text: 64 bytes */
	/* resolver to engine */
	WIRE_FD, /* kind: enum target_fd */
};

enum {
	WIRE_TEXT = 6144,
	WIRE_PARTS = 3,
	WIRE_SLOTS = 8,
	WIRE_SLOT = 256 << 10, /* bytes */
	WIRE_ENGINE = 0xffff,  /* the channel of the engine's own members */
};

struct wire_msg {
	uint32_t type, kind;
	uint64_t a, b, c, d;
	int32_t code;
	uint16_t len[WIRE_PARTS]; /* of the parts, which follow each other in text */
	char text[WIRE_TEXT];
};

/* Shared by a worker (which writes), the writer (which copies out, then looks) and the engine
 * (which reads the counters). */
struct wire_shared {
	_Atomic uint64_t beat;	  /* grows with every sign of life */
	_Atomic uint64_t item;	  /* the last sink_item() */
	_Atomic uint64_t ready;	  /* 1 once the worker's sandbox is up, before it reads anything */
	_Atomic uint64_t waiting; /* 1 while the worker waits for the writer, not for the target */
	char pad[4096 - 4 * sizeof(uint64_t)];
	unsigned char slot[WIRE_SLOTS][WIRE_SLOT];
};

/* Appends a part (up to WIRE_PARTS, in order); what does not fit is cut. */
void wire_put(struct wire_msg *m, unsigned part, const void *p, size_t n);
void wire_puts(struct wire_msg *m, unsigned part, const char *s);
/* A part's bytes, not terminated. */
const char *wire_part(const struct wire_msg *m, unsigned part, size_t *ret_len);
/* A part as a string, cut at size and at its first NUL. */
void wire_string(const struct wire_msg *m, unsigned part, char *ret, size_t size);

/* fd: -1 for none (borrowed). Blocks while the socket is full; -EPIPE when the other end is
 * gone, -EAGAIN after the socket's timeout. */
int wire_send(int sock, const struct wire_msg *m, int fd, struct err *e) must_check;
/* 1: a message (and its descriptor, or -1); 0: the other end is closed; -EAGAIN: none yet, with
 * wait false. A malformed message is -EBADMSG. ret_fd may be NULL: a descriptor is closed. */
int wire_recv(int sock, struct wire_msg *m, int *ret_fd, bool wait, struct err *e) must_check;
int wire_pair(int ret[2], struct err *e) must_check;
