/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * peers - the other ends of the target's connections, from the dumper that lists sockets to the one
 * that asks who they are: a file of a fixed size that both hold. What is in it was written by a
 * worker and is believed by nobody.
 */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum { PEERS_MAX = 4096 };

struct peer {
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t state;	/* of TCP, as the kernel numbers it */
	uint16_t local_port, remote_port;
	char protocol[10]; /* "tcp" */
	uint8_t local[16], remote[16];
};

/* A descriptor of an empty one. */
int peers_new(struct err *e) must_check;
/* One more; over PEERS_MAX they are counted only. fd -1: nothing is done. */
void peers_add(int fd, const struct peer *p);
/* At most max of them, those that make sense. Returns how many, 0 for fd -1; *ret_dropped counts
 * the rest. */
size_t peers_read(int fd, struct peer *ret, size_t max, uint64_t *ret_dropped);
