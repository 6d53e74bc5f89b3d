/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netlink - dump requests to the kernel and the messages they answer with
 * (netlink(7)). Only the kernel is believed: messages of other senders are passed
 * over. What is inside (names of devices, chains, sockets) may be the target's.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct netlink {
	int fd;
	uint32_t seq;
	uint8_t *buf;
	bool changed; /* a dump was interrupted by a change: rows may be missing or double */
};
#define NETLINK_INIT ((struct netlink){.fd = -1})
#define own_netlink __attribute__((cleanup(netlink_done)))

/* protocol: NETLINK_ROUTE ... in the network namespace of the caller. */
int netlink_open(struct netlink *nl, int protocol, struct err *e) must_check;
void netlink_done(struct netlink *nl);

/* One message: its type, and what follows the header. Non-zero ends the dump with that. */
typedef int netlink_each(uint16_t type, const uint8_t *body, size_t len, void *arg);

struct netlink_request {
	uint16_t type;
	const void *body;
	size_t len;
	netlink_each *each;
	void *arg;
};

/* -ETIMEDOUT when the kernel goes quiet; else the kernel's own error. Sets nl->changed. */
int netlink_dump(struct netlink *nl, const struct netlink_request *rq, struct err *e) must_check;

/* The messages of one datagram. */
struct netlink_walk {
	uint32_t seq; /* ours; others are passed over */
	bool end;     /* the dump is complete */
	bool changed;
};
int netlink_walk(struct netlink_walk *w, const uint8_t *p, size_t n,
	const struct netlink_request *rq, struct err *e) must_check;

/* Attributes, one after the other: false at the end, or where a length makes no sense. */
struct netlink_attr {
	uint16_t type; /* without the flags */
	const uint8_t *data;
	size_t len;
};
struct netlink_span {
	const uint8_t *p;
	size_t n;
};
bool netlink_next(struct netlink_span *s, struct netlink_attr *ret);
/* The first attribute of a type; false when there is none. */
bool netlink_find(const uint8_t *p, size_t n, uint16_t type, struct netlink_attr *ret);
/* 1, 2, 4 or 8 bytes as a number, in host or network order; other lengths: 0. */
uint64_t netlink_uint(const uint8_t *p, size_t n);
uint64_t netlink_be(const uint8_t *p, size_t n);
