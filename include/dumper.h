/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * dumper - one kind of evidence. A dumper is one file in dumpers/ that exports one
 * 'const struct dumper dumper_NAME', and one line in dumpers/dumpers.def; the
 * order of those lines is the order of collection, most volatile first.
 *
 * run() lives in a worker: a process of its own that has only the descriptors
 * and capabilities declared here, under seccomp (no execve, no PROT_EXEC), and
 * is killed when it makes no progress. It may keep static state.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/types.h>

struct sink;
struct target;

enum dumper_need {
	NEED_RUNNING = 1 << 0, /* a live process: skipped for exited containers */
	NEED_ROOTFS = 1 << 1,  /* a writable layer or root directory */
	NEED_NETNS = 1 << 2,   /* run() starts inside the target's network namespace */
	NEED_MOUNTS = 1 << 3,  /* dump->mount_fd */
	NEED_MEMORY = 1 << 4,  /* dump->memory_fd */
	NEED_API = 1 << 5,     /* dump->api_fd, and run() may connect to where it says */
	NEED_CRI = 1 << 6,     /* dump->daemon and dump->all; run() opens nothing */
};

#define DUMPER_CAP(c) (1ULL << (c))

enum option_type {
	OPTION_BOOL,	 /* true, false            -> .b */
	OPTION_SIZE,	 /* "10G" or a number      -> .u, bytes */
	OPTION_COUNT,	 /* a number               -> .u */
	OPTION_DURATION, /* "10s"                  -> .u, nanoseconds */
	OPTION_WORD,	 /* one of .words          -> .u, its index */
	OPTION_LIST,	 /* array of strings       -> .list, NULL-terminated */
};

/* What a profile may set for this dumper. Every dumper has "enabled" besides. */
struct dumper_option {
	const char *name;
	enum option_type type;
	const char *def; /* default, as text; for OPTION_LIST comma-separated */
	const char *help;
	const char *const *words; /* OPTION_WORD: NULL-terminated */
};

union option_value {
	bool b;
	uint64_t u;
	const char *const *list;
};

/* How far an abandoned worker of this dumper came. All zero for a first start. */
struct dumper_resume {
	bool again;	      /* a worker stalled before this one */
	uint64_t item;	      /* the last sink_item(): the one that stalled */
	char member[256];     /* the open member, "" when none */
	uint64_t member_done; /* bytes of it that the writer has: go on from there, without
				 sink_begin */
};

/* A daemon we are connected with. */
struct dump_daemon {
	int fd;
	char path[256]; /* of its socket, below the host's root, without a '/' in front */
	pid_t pid;	/* who listens there, by the kernel's word */
	uid_t uid;
};

struct dump {
	const struct target *target;
	const union option_value *options; /* in the order of dumper->options */
	struct dumper_resume resume;
	int proc_fd; /* the host's /proc */
	int host_fd; /* the host's root directory, O_PATH */
	int root_fd; /* the target's root directory, as a private read-only clone without the mounts
		      * in it where that could be made; else TFD_ROOT */
	int spool_fd; /* an empty unnamed file of this dumper's own; kept over a restart */
	/*
	 * With NEED_MOUNTS: [target->mounts], a private read-only clone of each mount without
	 * the mounts below it (open_tree(2)), so that what is hidden under another mount is
	 * seen and later mounts of the target are not; -1 where there is none (pseudo and
	 * foreign file systems, kernels before 5.12, an exited container).
	 */
	const int *mount_fd;
	/*
	 * With NEED_MEMORY: the table of what is mapped (memtable.h), the staging area and the
	 * file it spills to; -1 where there is none.
	 */
	int memory_fd[3];
	int peers_fd; /* with NEED_NETNS to write, with NEED_API to read: peers.h; -1 where there is
		       * none */
	int api_fd; /* with NEED_API: which API server to ask, and as whom (kubepass.h); else -1 */
	const struct dump_daemon *daemon; /* with NEED_CRI: the container runtime's; else NULL */
	/* with NEED_CRI: each container and sandbox of the run, as target is the only one or all of
	 * them together */
	const struct target *const *all;
	size_t alls;
	uint64_t until_ns;  /* CLOCK_MONOTONIC: end by then with what there is, the rest of the time
			       is others'; the same after a restart. 0: no such time */
	uint64_t max_bytes; /* what the run may still add to the bundle (--max-size) */
};

/* An estimate for 'taphos plan'. */
struct dump_estimate {
	uint64_t bytes, items;
	char touches[256]; /* what reading it changes or may be seen by: "nothing" */
};

struct dumper {
	const char *name;	     /* profile key */
	const char *summary;	     /* one line for help and docs */
	const char *const *prefixes; /* members it may make: "process/", ... NULL-terminated */
	unsigned needs;		     /* enum dumper_need */
	uint64_t caps;		     /* DUMPER_CAP() of those it keeps */
	unsigned brief_s; /* it takes no longer: the dumpers before it leave it so much, not half of
			     what they have; 0: as long as there is time */
	bool resumes;	  /* understands dump->resume; otherwise it is not started again */
	const struct dumper_option *options; /* ends with a NULL name; may be NULL */
	int (*run)(const struct dump *d, struct sink *out, struct err *e) must_check;
	/* Says what an item (sink_item) is, for the gap of a worker that was lost there. From its
	 * number and d->target alone: it runs in the engine, which reads nothing of the target's.
	 * "" where they do not tell. May be NULL. */
	void (*describe)(const struct dump *d, uint64_t item, char *ret, size_t size);
	/* Reads metadata only. In a worker as well. */
	int (*estimate)(const struct dump *d, struct dump_estimate *ret, struct err *e) must_check;
};

/* NULL-terminated, in collection order. */
extern const struct dumper *const dumpers[];
