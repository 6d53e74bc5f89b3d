/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sink_ops - what stands behind a sink: the shared-memory channel to the writer
 * (channel.c), or a directory in tests (tests/unit/dirsink.c). */
#include "sink.h"

struct sink_ops {
	int (*begin)(void *ctx, const char *member, uint64_t size, struct err *e);
	/* A place for bytes, valid until commit. */
	void *(*room)(void *ctx, size_t *ret_room, struct err *e);
	int (*commit)(void *ctx, size_t n, struct err *e);
	int (*end)(void *ctx, struct err *e);
	int (*gap)(void *ctx, enum gap_kind kind, const char *member, const void *where,
		size_t where_len, int code, const char *why);
	int (*finding)(void *ctx, const char *text);
	void (*item)(void *ctx, uint64_t item);
};

struct sink {
	const struct sink_ops *ops;
	void *ctx;
	int spool_fd;	    /* for sink_copy and sink_text; -1: memory only */
	uint64_t spool_end; /* bytes of it in use by an open sink_text */
	uint64_t total;
};
