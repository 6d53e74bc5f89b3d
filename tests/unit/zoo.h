/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* zoo - a process with one mapping of each sort, for those who read memory. */
#include <stdint.h>
#include <sys/types.h>

enum zoo_place {
	ZOO_PRIVATE,	 /* every second page is written */
	ZOO_SHARED,	 /* anonymous, pages 0 and 5 */
	ZOO_MEMFD,	 /* pages 0 to 3 by write(), none touched */
	ZOO_MEMFD_AGAIN, /* the same pages, mapped once more */
	ZOO_MEMFD_COPY,	 /* private, page 1 written */
	ZOO_DELETED,	 /* a deleted file, private, page 1 written, page 2 read */
	ZOO_FILE,	 /* a file with a newline in its name, private, page 3 written */
	ZOO_FILE_SHARED, /* the same, shared */
	ZOO_SYSV,	 /* page 2 */
	ZOO_GUARD,	 /* page 1 is guarded since it was written */
	ZOO_NONE,	 /* written, then without any right */
	ZOO_DONTDUMP,	 /* written, not to be dumped */
	ZOO_ZERO,	 /* only read */
	ZOO_UFFD,	 /* page 0 written, the others are userfaultfd's */
	ZOO_SECRET,	 /* memfd_secret(2) */
	ZOO_HUGE,	 /* 4 MiB that ask for huge pages, page 0 and 600 written */
	ZOO_SPARSE,	 /* 1 TiB, pages 0 and 1000000 written */
	ZOO_PLACES
};

enum { ZOO_PAGES = 8 }; /* of most of them */

struct zoo {
	pid_t pid;
	uint64_t *at; /* [ZOO_PLACES], 0: this kernel has none; shared memory of our own */
	uint64_t *len;
	char dir[64];
};

/* 'more' runs in the process before it waits, may be NULL. */
void zoo_open(struct zoo *z, void (*animals)(struct zoo *z), void (*more)(void));
void zoo_close(struct zoo *z);
/* One of each. */
void zoo_all(struct zoo *z);
/* What was written to a place's page: this byte, all over it. */
unsigned char zoo_byte(enum zoo_place place, unsigned page);
