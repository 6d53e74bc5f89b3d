/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* procset - the processes whose memory is captured, each held by its directory in /proc: what is
 * read through it is never another process's, whoever gets its number. */
#include "err.h"
#include "memflags.h"
#include "procfs.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct target;

enum {
	PROCSET_MAX = 32768,
	PROCSET_KTHREAD = 0x200000, /* PF_KTHREAD in stat.flags */
};

struct proc_one {
	pid_t pid, live; /* live: a thread that has its memory; 0: none has */
	int fd, live_fd; /* directories; live_fd only where live is another than pid */
	bool apart;	 /* no descriptor is left to keep: opened by number for each use */
	bool frozen;	 /* by its cgroup */
	bool ended;	 /* or never was the one that was meant, or 'error' */
	int error;	 /* why it cannot be looked at though it is there, positive */
	bool left_out;	 /* nothing of its memory is to be read */
	bool before;	 /* it ended before all of them stood still: nothing of it is lost */
	struct procfs_stat stat;
	struct memflags flags;
	bool learned; /* its mounts are in capture's devs */
	bool renewed; /* the flags were read again since it stands still */
	/* the caller's */
	uint64_t stopped_ns, resumed_ns;
	uint64_t body, body_len; /* in the table */
	uint64_t runs, staged, live_bytes;
	uint32_t first_thread, threads; /* of hold */
	uint16_t machine;
	bool held;	    /* all its threads stand still */
	uint64_t cpu_ns;    /* of all its threads, when it was found frozen */
	uint64_t ran_ns;    /* and since then, before we let it go: somebody else did */
	int not_asked;	    /* why some of its threads were not even asked to stop, positive */
	bool still, listed; /* it did while it was copied; it is in the table */
	bool whole;	    /* there with its threads */
	/* memshare's: indices + 1, 0: none */
	uint32_t share;	 /* of the first one that has the same memory */
	uint32_t copied; /* of that one's: whose part of the table has it */
};

struct procset {
	struct proc_one *proc;
	unsigned count, cap;
	uint32_t *slot; /* pid to index + 1 */
	unsigned slots;
	int proc_fd; /* borrowed */
	pid_t self;
	uint64_t since; /* start ticks of who started us; 0: not known */
	int fd_most;	/* descriptors from here on are for files that are closed again */
	bool cut;	/* some did not fit, or a part of the cgroup tree was not read */
};

/* descriptors: how many this process may have open. */
int procset_init(struct procset *s, int proc_fd, const struct target *target, unsigned descriptors,
	struct err *e) must_check;
void procset_done(struct procset *s);
/* Those in the cgroup and below are marked as frozen; the new ones among them are added. */
int procset_frozen(struct procset *s, int cgroup_fd, struct err *e) must_check;
/* NULL: it is not there, or has ended. */
struct proc_one *procset_find(const struct procset *s, pid_t pid);
/* Adds children of those in the set that were born since the target was resolved, and theirs: how
 * many. None where a cgroup holds all: it says who is in it. Our own program and its workers are
 * nobody's. */
unsigned procset_born(struct procset *s, _Atomic uint64_t *beat);
/* Does it wait for something in the kernel? */
bool procset_waits(struct procset *s, struct proc_one *p);
/* The directory of who has its memory, after procset_look(); -1: nobody has, or it was put. */
static inline int procset_dir(const struct proc_one *p)
{
	return p->live == p->pid ? p->fd : p->live ? p->live_fd : -1;
}
/* Where it is kept apart, its directory is opened again, and it is the one it was: then to be put
 * after use. */
void procset_take(struct procset *s, struct proc_one *p);
void procset_put(struct proc_one *p);
/* Reads the process's state again (it is taken): 0, -ESRCH when it has ended or cannot be looked
 * at. */
int procset_look(struct procset *s, struct proc_one *p);
