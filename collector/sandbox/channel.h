/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* channel - a sink over shared memory to the writer. */
#include "sink_ops.h"
#include "wire.h"

struct channel {
	struct sink sink;
	int sock;
	struct wire_shared *shared;
	bool free[WIRE_SLOTS];
	int slot;	   /* being filled, -1 for none */
	size_t used, sent; /* bytes filled, bytes told to the writer, of that slot */
};

/* Takes nothing over: sock and the mapping stay the caller's. spool_fd as in struct sink. */
void channel_init(struct channel *c, int sock, struct wire_shared *shared, int spool_fd);
/* The last message: how the dumper ended. */
int channel_done(struct channel *c, int rc, const struct err *why, struct err *e) must_check;
