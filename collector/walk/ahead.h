/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ahead - what the names of a directory are, asked by a second thread, from the last one on, while
 * the first thread makes their records from the first one on, until they meet: neither waits for
 * the other. The second asks what the first one would, and nothing of what lies in another mount.
 * If it gets no answer the first one comes to that name, and is noticed to be stuck in it.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum {
	/* what stat may not do: mount something, follow a link, ask a FUSE server in the way (what
	 * is cached is enough to see that it is one) */
	AHEAD_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
	AHEAD_WANT = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID,
};

/* Of one name. */
struct ahead_one {
	bool asked;	/* nothing below holds otherwise: ask yourself */
	bool no_xattrs; /* there are none; false: not known */
	int error;	/* errno of statx(), 0: it is in x */
	struct statx x;
};

/* Names of one directory, as getdents64(2) gives them. */
struct ahead_block {
	const char *dirents;
	size_t len;
	int dir_fd;	   /* the working directory is the same: llistxattr(2) has no other */
	uint64_t mount_id; /* where it is; 0: not known, then dev counts */
	uint64_t dev;
	/* Names that are not to be asked. */
	bool (*skip)(const void *arg, const char *name);
	const void *arg;
};

struct ahead;

/* NULL: no thread or no memory; then everything is asked by who wants to know. */
struct ahead *ahead_new(void);
void ahead_free(struct ahead *a);

/* The block stays as it is, and so do directory and working directory, until ahead_stop(). */
void ahead_start(struct ahead *a, const struct ahead_block *b);
/* What the name with this number in the block is, if that is known. Numbers rise. */
const struct ahead_one *ahead_get(struct ahead *a, size_t number);
void ahead_stop(struct ahead *a);
