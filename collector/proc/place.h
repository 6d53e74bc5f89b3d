/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * place - a file behind a magic link (exe, fd/N, map_files/RANGE), opened without
 * its file system being asked anything, and whether reading it can wait for ever.
 */
#include "err.h"
#include "fsmap.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

enum place_kind {
	PLACE_UNKNOWN,	 /* on a mount nobody shows: detached, or of a third namespace */
	PLACE_FOREIGN,	 /* FUSE, network: never opened */
	PLACE_CONTAINER, /* on a mount of the process's own */
	PLACE_MEMORY,	 /* memfd, System V and anonymous shared memory */
	PLACE_HOST,	 /* local, but not the container's: no byte of it goes into the bundle */
};
extern const char *const place_names[];

/* What does not change during a run. */
struct place_world {
	struct fsmap host;
	bool memory_known, shared; /* shared: the target has the host's mounts */
	unsigned memory_major, memory_minor;
};

/* self_fd: /proc of this process. */
void place_begin(struct place_world *w, int self_fd, bool shared);
void place_end(struct place_world *w);

struct place {
	int fd; /* O_PATH */
	enum place_kind kind;
	uint64_t mount;	 /* 0 unknown */
	struct statx st; /* as the kernel had it in memory */
};

/* mounts: as the process sees them. The caller closes ret->fd. */
int place_open(const struct place_world *w, const struct fsmap *mounts, int dirfd, const char *name,
	struct place *ret, struct err *e) must_check;
