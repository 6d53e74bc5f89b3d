/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* subject - the process that is being read, for the parts of a dossier. */
#include "buf.h"
#include "dossier.h"
#include "err.h"
#include "fsmap.h"

#include <stdbool.h>
#include <stdint.h>

struct subject {
	struct dossier_run *run;
	struct proctree_row *row;
	int fd;	  /* O_PATH /proc/PID, verified */
	int live; /* the same, or /proc/TID of a thread that runs when the leader has exited */
	bool gone;
	const char *pass;  /* for the gap */
	struct buf absent; /* names of files this kernel does not have, each with its NUL */
	/* what the parts found, for info.json */
	uint64_t threads, fds, sockets, deleted_fds;
};

/* Descriptors; -ESRCH when it is not the process that the row means. */
int subject_open(struct subject *s, struct dossier_run *run, struct proctree_row *row,
	struct err *e) must_check;
void subject_close(struct subject *s);
#define own_subject __attribute__((cleanup(subject_close)))

/* Whether the process still exists. */
bool subject_alive(const struct subject *s);
/* "process/PID/NAME"; "process/PID-START/NAME" of a later one with the same number */
struct subject_name {
	char text[256];
};
struct subject_name subject_member(const struct subject *s, const char *name);

/*
 * A read of 'name' failed with errno 'code' (positive): the process has ended (gone is set), this
 * kernel has no such file (absent), or it becomes a gap. Negative only when the sink is gone.
 */
int subject_lost(struct subject *s, const char *name, int code, struct err *e) must_check;

/* Reads a small text into run->text. 1: there; 0: not, and subject_lost() has been told. */
int subject_text(struct subject *s, const char *name, struct err *e) must_check;
/* Sends run->text or run->json as a member. */
int subject_send(struct subject *s, const char *name, const struct buf *b, struct err *e)
	must_check;

/* The mounts as the process sees them (one map is kept for all of one namespace). */
const struct fsmap *subject_mounts(struct subject *s);
