/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sockets - every socket of a network namespace as rows of network/sockets.json:
 * from NETLINK_SOCK_DIAG where the kernel answers, else from /proc/PID/net.
 */
#include "netrows.h"
#include "sockowners.h"

#include <stdbool.h>
#include <stdint.h>

enum { SOCKETS_FINDINGS = 32 }; /* of each kind: the rest are counted */

struct sockets {
	struct netrows *rows;
	struct sockowners *owners;
	struct sink *out;
	int net_fd;		   /* /proc/PID/net of the init process, for the fall-back */
	bool listeners_are_theirs; /* false on the host's own network: no findings about others */
	uint64_t own_inode;	   /* of the socket we ask with: in the list as well */
	uint64_t ownerless;	   /* sockets with an inode that no member holds */
	int peers_fd;		   /* gets who is connected (peers.h); -1: nobody asks */
	unsigned listening, raw;   /* findings so far */
};

/* Writes the sections "sockets" and "queries" (what was asked and how it went). */
int sockets_dump(struct sockets *s, struct err *e) must_check;

struct peer;

/* What all rows have in common at their end: owners, and the findings that follow from them. */
struct sockets_row {
	const char *protocol; /* "tcp", "packet" ... */
	uint64_t inode;
	bool listens_everywhere; /* a listener on the unspecified address */
	bool kernel;		 /* the kernel's own end: nobody's */
	bool raw;		 /* sees or makes packets of any kind */
	const struct peer *peer; /* its other end; NULL: not connected */
	const char *where;	 /* "0.0.0.0:80" for the finding */
};
/* Closes the row's object. */
int sockets_row_end(struct sockets *s, const struct sockets_row *row) must_check;
