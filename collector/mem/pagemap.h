/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * pagemap - which pages of a process exist, without touching one: by the PAGEMAP_SCAN ioctl
 * (Linux 6.7) or from the table of /proc/PID/pagemap.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAGES_PRESENT = 1 << 0,
	PAGES_SWAPPED = 1 << 1, /* or something that the kernel keeps in a swap entry's place */
	PAGES_FILE = 1 << 2,	/* of a file or shared: not the process's own */
	PAGES_ZERO = 1 << 3,	/* the zero page; the table does not tell it */
	PAGES_GUARD = 1 << 4,	/* MADV_GUARD_INSTALL: there is nothing */
	PAGES_UNKNOWN = 1 << 5, /* not looked at: over the limit of entries */
};

/* Neighbours that are alike. */
struct pages {
	uint64_t start, end;
	unsigned is;
};

enum pagemap_way {
	PAGEMAP_BEST,
	PAGEMAP_BY_TABLE, /* as on kernels without the ioctl */
};

struct pagemap {
	int fd;
	bool scan;
	unsigned mask;	   /* what this kernel's ioctl tells */
	uint64_t top;	   /* the highest address it can be asked for */
	uint64_t page;	   /* size */
	uint64_t entries;  /* of the table that may still be read */
	uint64_t share;	   /* of those, for the mapping that is being read */
	uint64_t from, to; /* 'run' has all that exists in there */
	struct pages *run;
	unsigned runs, next;
	uint64_t *entry;
};

#define PAGEMAP_INIT ((struct pagemap){.fd = -1})
#define own_pagemap __attribute__((cleanup(pagemap_done)))
int pagemap_open(struct pagemap *p, int pid_fd, enum pagemap_way way, struct err *e) must_check;
void pagemap_done(struct pagemap *p);
/* A new mapping begins: it gets its share of the entries. */
void pagemap_begin(struct pagemap *p, uint64_t start, uint64_t end);
/* The first pages at or behind 'from' that exist, cut at 'end'. 1; 0: there are none up to
 * 'end'; or why that is not known. Cheap when asked in the order of addresses. */
int pagemap_next(struct pagemap *p, uint64_t from, uint64_t end, struct pages *ret, struct err *e)
	must_check;
/* Is there a page in a swap file behind the entry? A mark of userfaultfd looks like it. False
 * when the kernel does not say (it tells who has CAP_SYS_ADMIN). */
bool pagemap_is_swapped(const struct pagemap *p, uint64_t address);
