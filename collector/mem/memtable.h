/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memtable - what was found of the processes' memory: records in an unnamed file, written once
 * from front to back by the worker that captures and read by the one that makes the cores.
 *
 *	PROC { THREAD { REGS } | AUXV | NOTE | MAP { RUN } } END    for each process
 *
 * Mappings and runs come in the order of their addresses. Every page of a mapping is in exactly
 * one run. What follows the last END is a process that was not finished: to be ignored, and named
 * in a gap. The writer of the table reads hostile text: the reader checks every number.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mem_type {
	MEM_PROC = 1,
	MEM_THREAD,
	MEM_REGS, /* of the thread before it: one register set */
	MEM_AUXV,
	MEM_NOTE, /* something about the process that a reader must know: a gap, or a remark */
	MEM_MAP,
	MEM_RUN,
	MEM_END,
	MEM_TYPES
};

/* What became of a run of pages. */
enum mem_fate {
	MEM_DUMPED,	 /* its bytes are where 'store' says */
	MEM_ZERO,	 /* known to read as zero: never touched, or the zero page */
	MEM_AS_FILE,	 /* the same as the file on disk, which the mapping names: left out */
	MEM_ELSEWHERE,	 /* shared memory that is in the core of process 'offset' */
	MEM_NOT_PRESENT, /* nothing there that could be read without waiting for somebody */
	MEM_SECRET,	 /* memfd_secret(2) */
	MEM_PROTECTED,	 /* the kernel gives it to nobody */
	MEM_FAILED,	 /* 'error' */
	MEM_OVER_BUDGET, /* a limit of the profile, or of time */
	MEM_LEFT_OUT,	 /* by the profile's filters */
	MEM_FATES
};
extern const char *const mem_fates[MEM_FATES]; /* "dumped", "zero", ... */

enum mem_store {
	MEM_STORE_LIVE,	 /* nowhere yet: to be read from the process when the core is made */
	MEM_STORE_STAGE, /* in the staging area */
	MEM_STORE_SPILL, /* in the file beside it */
};

enum mem_kind {
	MEM_ANON,    /* private, no file: heap, stack, named or not */
	MEM_PRIVATE, /* a file's private mapping */
	MEM_SHARED,  /* a file's shared mapping */
	MEM_SHMEM, /* shared memory without a file on disk: memfd, SysV, tmpfs, shared anonymous */
	MEM_DELETED, /* a mapping of a file that has no name any more */
	MEM_SPECIAL, /* vdso, vvar, vsyscall, devices */
	MEM_KINDS
};
extern const char *const mem_kinds[MEM_KINDS];

/* Bits of mem_map.flags: protection first, as in PT_LOAD's p_flags. */
enum {
	MEM_X = 1,
	MEM_W = 2,
	MEM_R = 4,
	MEM_MAY_SHARE = 1 << 4,
	MEM_DONTDUMP = 1 << 5,
	MEM_UFFD = 1 << 6, /* userfaultfd holds pages that are not there */
	MEM_HUGETLB = 1 << 7,
	MEM_IO = 1 << 8,
	MEM_NO_FLAGS =
		1 << 9, /* from MEM_DONTDUMP on: not known, as it was mapped since they were read */
};

/* Bits of mem_run.flags. */
enum {
	MEM_WAS_SWAPPED = 1,
	MEM_WAS_LIVE = 2, /* read after the target was thawed */
	MEM_OF_FILE = 4,  /* the file's own page, and not a copy that the process wrote */
};

enum {
	MEM_NAME = 4096,	/* of a mapping, with its NUL */
	MEM_REGSET = 64 << 10,	/* bytes of one register set: AMX has 8 KiB and some */
	MEM_RECORD = 128 << 10, /* the longest record */
};

struct mem_head {
	uint32_t type, len; /* len with this head and what follows: a multiple of 8 */
};

#define MEM_NOBODY UINT32_MAX /* uid and gid that are not known */

struct mem_proc {
	struct mem_head head;
	int32_t pid, ppid, pgrp, sid;
	uint32_t uid, gid;
	uint64_t start_ticks, flags; /* flags: of /proc/PID/stat */
	int32_t nice;
	uint16_t machine; /* EM_X86_64, EM_AARCH64; EM_386 and EM_ARM for 32-bit programs */
	uint8_t frozen;	  /* it did not run while its pages were copied */
	char state;
	char comm[16];
	char args[80]; /* the start of the command line, blanks for NULs */
	/* CLOCK_MONOTONIC, ns: when it could not run any more, and when it could again; 0: never */
	uint64_t stopped_ns, resumed_ns;
	/* The process that has its memory, too, and in whose part of the table that is: there are
	 * no mappings here. 0: none */
	int32_t memory_of;
	uint32_t pad;
};

struct mem_thread {
	struct mem_head head;
	int32_t tid, ppid;
	uint64_t sigpend, sighold;
	uint64_t utime, stime; /* clock ticks */
	int16_t cursig;
	char state;
	char comm[16];
	uint8_t pad;
	int32_t ns_tid; /* as it sees itself, in its PID namespace; 0: not known */
};

/* Followed by n bytes. AUXV uses it too, with note 0. */
struct mem_regs {
	struct mem_head head;
	uint32_t note; /* NT_PRSTATUS (pr_reg alone), NT_PRFPREG, NT_X86_XSTATE, NT_SIGINFO, ... */
	uint32_t n;
};

#define MEM_REMARK UINT32_MAX /* a note's kind: nothing is missing */

/* Followed by the text, with its NUL. */
struct mem_note {
	struct mem_head head;
	uint32_t kind; /* enum gap_kind, or MEM_REMARK */
	int32_t error;
	char where[32]; /* "registers", "thread 41" */
};

/* Followed by the name as the kernel prints it, unescaped, with a NUL. */
struct mem_map {
	struct mem_head head;
	uint64_t start, end, offset, ino;
	uint32_t flags, kind, dev_major, dev_minor, name_len;
	uint32_t generation; /* of shared memory's inode (shmem.h); 0: not known */
};

struct mem_run {
	struct mem_head head;
	uint64_t start, end;
	uint64_t offset; /* in the store; MEM_ELSEWHERE: pid */
	uint16_t fate, store;
	uint32_t flags;
	int32_t error;
	uint32_t pad;
};

struct mem_end {
	struct mem_head head;
	uint64_t runs, staged, live; /* runs; bytes in stores; bytes to be read live */
};

/* ---- writing: through a buffer; nothing is lost by a kill but the unfinished process */

struct memtable {
	int fd; /* borrowed */
	char *block;
	size_t used;
	uint64_t end; /* of what is in the file */
};

#define MEMTABLE_INIT ((struct memtable){.fd = -1})
#define own_memtable __attribute__((cleanup(memtable_done)))
int memtable_open(struct memtable *t, int fd, struct err *e) must_check;
void memtable_done(struct memtable *t);
/* A record: its fixed part (head.type set; head.len is filled in) and n bytes behind it. */
int memtable_add(struct memtable *t, void *record, size_t fixed, const void *tail, size_t n,
	struct err *e) must_check;
/* Records that another table's writer made: n bytes of fd, whole records. */
int memtable_copy(struct memtable *t, int fd, uint64_t from, uint64_t n, struct err *e) must_check;
/* Where the next record will be. */
uint64_t memtable_at(const struct memtable *t);
/* Puts what is buffered into the file. */
int memtable_flush(struct memtable *t, struct err *e) must_check;
/* Ends a process: with this it is in the file. */
int memtable_end(struct memtable *t, const struct mem_end *end, struct err *e) must_check;

/* ---- reading: front to back, from any record's offset */

struct memscan {
	int fd;		  /* borrowed */
	uint64_t at, end; /* end: behind the last whole process */
	char *block;
	uint64_t block_at;
	size_t block_len;
};

#define MEMSCAN_INIT ((struct memscan){.fd = -1})
#define own_memscan __attribute__((cleanup(memscan_done)))
/* Looks for the last END first. */
int memscan_open(struct memscan *s, int fd, struct err *e) must_check;
void memscan_done(struct memscan *s);
/* The record at s->at, checked: its length fits its type, strings end, ranges are in order.
 * 1: there is one, valid until the next call; 0: the end; -EBADMSG: damaged. */
int memscan_next(struct memscan *s, const struct mem_head **ret, struct err *e) must_check;
/* What is behind a record's fixed part. */
const void *mem_tail(const struct mem_head *h);
