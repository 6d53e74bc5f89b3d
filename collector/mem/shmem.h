/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * shmem - memory that processes share: read as the file that it is, so that pages count which no
 * process has touched and no process's tables grow; and once, however many have it mapped.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct copy;
struct memmap;

enum { SHMEM_MAX = 2048 }; /* pieces that are remembered: more are dumped again */

/*
 * Which memory it is. An inode's number alone does not tell: that of SysV memory is its id, which
 * every IPC namespace gives anew and who is root there chooses, on the device that memfds have too.
 * The generation is the kernel's choice (shmem_encode_fh() tells it), and nobody sets the time.
 */
struct shmem_id {
	uint64_t ino, born; /* born: ns, 0: this kernel does not say */
	uint32_t major, minor, generation;
};

struct shmem {
	struct shmem_piece {
		struct shmem_id id;
		uint64_t from, to; /* offsets in the object */
		pid_t pid;	   /* whose core has it */
	} * piece;
	unsigned count, cap;
	uint64_t again; /* bytes that the process at hand may have a second time */
	pid_t pid;
};

void shmem_done(struct shmem *s);
/* A process begins. */
void shmem_begin(struct shmem *s, pid_t pid);
/* Says what became of each page of the mapping. 1: done; 0: it cannot be read as a file (no
 * right): nothing was said, the process's own pages are to be taken. */
int shmem_copy(struct shmem *s, struct copy *c, const struct memmap *m, int map_files,
	struct err *e) must_check;
