/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fakeproc - a /proc of our own making, for tests of what reads one. */
#include <stdint.h>
#include <sys/types.h>

struct fakeproc {
	char dir[64]; /* below /tmp */
	int fd;
};

struct fakeproc_row {
	pid_t pid, ppid;
	uint64_t start_ticks;
	const char *ns;	    /* processes with the same word share all namespaces */
	const char *cgroup; /* the text of its cgroup file */
	const char *root;   /* what its root link names; NULL: the fake proc itself */
	const char *mounts; /* the text of its mountinfo; NULL: empty */
};

void fakeproc_init(struct fakeproc *p);
void fakeproc_add(struct fakeproc *p, const struct fakeproc_row *row);
/* Removes it all. */
void fakeproc_done(struct fakeproc *p);
