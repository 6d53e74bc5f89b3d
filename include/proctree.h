/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * proctree - the processes of a target as one table: those it was resolved with,
 * those born since, and how they descend from each other.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sink;
struct target;

enum {
	PROCTREE_MAX = 32000, /* processes */
	PROCTREE_TEXT = 384,  /* bytes kept of exe and of argv, each */
};

/* What a responder should know of a process at one glance; forest_flags() names them. */
enum proctree_flag {
	PROC_NEW = 1 << 0,	     /* born after the target was resolved */
	PROC_LEADER_EXITED = 1 << 1, /* looks dead, but other threads run */
	PROC_ZOMBIE = 1 << 2,
	PROC_STALLED = 1 << 3,	    /* did not answer; read in part or not at all */
	PROC_GONE = 1 << 4,	    /* ended before or while it was read */
	PROC_ENDED = 1 << 5,	    /* was read, and has ended since */
	PROC_EXE_DELETED = 1 << 6,  /* as /proc says, which a file's name can imitate */
	PROC_EXE_MEMFD = 1 << 7,    /* the same */
	PROC_ENTERED = 1 << 8,	    /* came from outside: its parent is none of the target's */
	PROC_OTHER_PIDNS = 1 << 9,  /* not the init process's PID namespace */
	PROC_OTHER_MNTNS = 1 << 10, /* not the init process's mount namespace */
	PROC_TRACED = 1 << 11,
	PROC_KTHREAD_NAME = 1 << 12, /* named like a kernel thread, but it is none */
	PROC_REUSED = 1 << 13,	     /* its number was another process's during the run */
	PROC_UNREAD = 1 << 14,	     /* there was no time for more than its stat */
};

struct proctree_row {
	pid_t pid, ppid, tracer;
	pid_t live_tid;	 /* a thread to read it by: pid, unless the leader exited */
	pid_t nspid;	 /* in its own PID namespace */
	unsigned levels; /* of PID namespaces, the host's included */
	unsigned why, flags, depth, uid;
	unsigned passed;	    /* for who reads it: which passes were begun */
	int parent, child, sibling; /* index of a row, -1 none */
	uint64_t start_ticks, threads, ns_pid, ns_mnt;
	uint64_t image; /* changes with execve; 0 unknown */
	char state, comm[65];
	char *exe, *argv; /* prefixes; may be NULL */
	size_t exe_len, argv_len;
};

struct proctree {
	const struct target *target;
	int proc_fd;
	struct sink *out; /* told that we live while all processes are looked at; may be NULL */
	uint64_t item;	  /* with this number */
	struct proctree_row *rows;
	unsigned count, cap, max;
	unsigned left_out;	   /* processes over max */
	bool unsettled;		   /* the last look for new ones still found some */
	int *slots;		   /* pid to row */
	pid_t self, engine;	   /* ours, never the target's */
	uint64_t since;		   /* no process of the target that is unknown is older */
	bool own_pidns, own_mntns; /* the target shares it with us: no reason to be a member */
};

/* Fills the table from target->member. Keeps target; proc_fd is borrowed. */
int proctree_init(struct proctree *t, const struct target *target, int proc_fd, unsigned max,
	struct err *e) must_check;
void proctree_done(struct proctree *t);
/* NULL when unknown. Rows move when others are added. */
struct proctree_row *proctree_find(const struct proctree *t, pid_t pid);
/* Adds the processes born since; *ret_added says how many. Their rows hold pid, ppid and start. */
int proctree_scan(struct proctree *t, unsigned *ret_added, struct err *e) must_check;
/* Fills rows with what stat alone says: one short read each, without any lock of theirs. */
void proctree_census(struct proctree *t);
/* The rows from this one on, the init process first, then by start. To be freed; NULL: no memory.
 */
unsigned *proctree_by_age(const struct proctree *t, unsigned from) must_check;
/* Marks those that have ended since they were read. Returns how many. */
unsigned proctree_ended(struct proctree *t);
/* Once rows are filled: who is whose parent, and the flags that follow from it. */
void proctree_link(struct proctree *t);
