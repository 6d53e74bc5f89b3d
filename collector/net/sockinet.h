/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sockinet - rows of internet sockets, from sock_diag messages and from the lines
 * of /proc/net/tcp and its kin. */
#include "sockets.h"

struct sockinet {
	struct sockets *sockets;
	const char *protocol; /* "tcp" */
	bool raw;	      /* ports are protocol numbers, states mean nothing */
};

/* netlink_each of an inet_diag_msg; arg is a struct sockinet. */
int sockinet_message(uint16_t type, const uint8_t *body, size_t len, void *arg);
/* One line of /proc/net/{tcp,udp,udplite,raw}{,6}; -EINVAL when it is none (the heading). */
int sockinet_line(struct sockinet *s, const char *line);
