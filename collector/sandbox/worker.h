/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * worker - a disposable process that reads hostile things: its own session, no
 * terminal, no inherited descriptors but those listed, an unprivileged uid with
 * just the capabilities its job declares, resource limits, seccomp without
 * execve and executable mappings. It dies with its parent, unless it is there to outlive it. The
 * only file that forks.
 *
 * A worker stuck in the kernel (a FUSE file that never answers) survives SIGKILL: nobody
 * ever waits for one without WNOHANG, and nobody waits for the end of its streams.
 */
#include "err.h"
#include "filter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct worker_spec {
	const char *name;	/* at most 15 bytes: seen in ps */
	int (*main)(void *arg); /* runs in the child; its value is the exit status, 0 to 119 */
	void *arg;
	uint64_t caps; /* 1 << CAP_X of those kept */
	enum filter_kind filter;
	int netns_fd;	 /* a network namespace to enter first, -1 for none */
	int mntns_fd;	 /* a mount namespace to enter first, -1 for none; such a worker must
			    live for milliseconds and read nothing */
	const int *keep; /* descriptors it keeps, besides 0 to 2 on /dev/null */
	size_t keeps;
	uint64_t memory; /* RLIMIT_DATA in bytes, 0: no limit */
	bool urgent;	 /* somebody stands still until it is done: no lower priority */
	/*
	 * Lives on when its parent dies, and is the last that the kernel kills for memory. argv:
	 * the program's own; overwritten in the child, so that who kills all processes of the
	 * program by name does not find this one.
	 */
	bool outlives;
	char *const *argv;
};

struct worker {
	pid_t pid;
	int status; /* wait status once ended */
	bool ended;
};

/*
 * Whether such a worker cannot open any file for writing, whatever it does: readers that need not
 * look into other processes, where the kernel has Landlock (writelock.h). For the others the
 * filter says it of open(2) and openat(2), whose flags it sees; they have no right to write but
 * to what everybody may.
 */
bool worker_gives_up_writing(const struct worker_spec *spec);
int worker_start(const struct worker_spec *spec, struct worker *ret, struct err *e) must_check;

/* True once it has ended (never blocks). */
bool worker_ended(struct worker *w);
/* SIGKILL; waits at most 100 ms for the end. False: it is stuck and was abandoned. */
bool worker_kill(struct worker *w);
/* Stops it, and lets it go on. False: it is in the kernel, and stops before it leaves it. */
bool worker_pause(struct worker *w);
void worker_resume(struct worker *w);
/* How it ended, in words for a manifest: "exit 3", "killed by signal 9 (Killed)". */
void worker_describe(const struct worker *w, char *ret, size_t size);

/*
 * Runs a worker to its end, handing what it writes to out_fd (the descriptor it
 * gets as its fd 1) to 'sink' (NULL: nowhere) as it comes. deadline_ns: CLOCK_MONOTONIC. Returns
 * its exit status, -ETIMEDOUT when it was killed, -ECHILD when it
 * died by a signal, or what sink returned when that was negative.
 */
int worker_pipe(const struct worker_spec *spec, uint64_t deadline_ns,
	int (*sink)(const void *p, size_t n, void *arg), void *arg, struct err *e) must_check;
