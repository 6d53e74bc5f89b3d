/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memmaps - the mappings of a process, one after the other (proc_pid_maps(5)), and what kind
 * of memory each is. In fixed memory, however many there are and whatever their names hold.
 */
#include "err.h"
#include "lines.h"
#include "memtable.h"

#include <stdbool.h>
#include <stdint.h>

struct memdevs;
struct memflags;

struct memmap {
	uint64_t start, end, offset, ino;
	uint32_t flags; /* MEM_R ... as in mem_map */
	enum mem_kind kind;
	unsigned major, minor;
	uint32_t generation; /* of a tmpfs' inode, by memmaps_settle(); 0: not known */
	bool nameless;	     /* nobody finds its file by the name it has */
	bool in_memory;	     /* its file is, or may be: what is present of it is on no disk */
	bool ask;	     /* may be a device's: memmaps_settle() */
	bool object;	     /* shared memory that can be read as a file */
	bool hidden;	     /* says that it is memfd_secret(2): a page will tell */
	bool whole;	     /* the kernel's own code for programs: read as a whole */
	bool refused;	     /* the kernel gives it to nobody */
	bool protected;	     /* userfaultfd guards it against writes: swap entries may be marks */
	const char *name;    /* valid until the next call */
	size_t name_len;
};

/* What a line says by itself; 'line' without its newline, changed in place. -EINVAL. */
int memmaps_parse(char *line, const struct memdevs *devs, struct memmap *ret);
/* What only the file tells: that it is a device's node, and of which. Opens nothing. */
void memmaps_settle(struct memmap *m, int map_files);
/* The generation of a tmpfs' inode: false for any other's, and where the kernel does not say. A
 * file of a directory, or "": the descriptor itself. Opens nothing and asks no server. */
bool memmaps_generation(int fd, const char *name, uint32_t *ret);
/* Its name in map_files. */
enum { MEMMAPS_FILE = 40 };
void memmaps_file(const struct memmap *m, char name[MEMMAPS_FILE]);

struct memmaps {
	struct lines lines;
	const struct memdevs *devs;
	const struct memflags *flags; /* may be NULL */
	uint64_t last;		      /* end of the mapping before: they are in order */
	unsigned damaged;	      /* lines that are none: mappings that are missed */
	int fd;
};

#define own_memmaps __attribute__((cleanup(memmaps_done)))
/* pid_fd: directory of the process, or of a live thread. */
int memmaps_open(struct memmaps *m, int pid_fd, struct err *e) must_check;
void memmaps_done(struct memmaps *m);
/* 1: a mapping; 0: the end; or why the rest cannot be read. */
int memmaps_next(struct memmaps *m, struct memmap *ret, struct err *e) must_check;
