/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * spool - the records of a walk, in an unnamed file that outlives the worker.
 * A record is known by its offset. The first page is shared memory: what it
 * says is there even if the worker is killed at once.
 */
#include "buf.h"
#include "err.h"
#include "rec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SPOOL_HEAD = 4096,
	SPOOL_STALLED = 8, /* names of one directory that did not answer, before it is given up */
	SPOOL_ROOT = SPOOL_HEAD, /* the first record: the directory where the walk starts */
};

enum spool_phase { SPOOL_EMPTY, SPOOL_WALK, SPOOL_EMIT };

struct spool_head {
	uint32_t phase;	     /* enum spool_phase */
	uint32_t members;    /* how many members are complete */
	uint64_t job;	     /* whose records these are */
	uint64_t dir;	     /* walk: the directory being listed */
	uint64_t block;	     /* walk: where its listing starts. Emit: the end of the records */
	uint64_t at;	     /* emit: the record being read */
	uint32_t stalled;    /* names below in use */
	char name[REC_NAME]; /* walk: the name being looked at, "" the directory itself */
	char skip[SPOOL_STALLED][REC_NAME];
};

struct spool {
	int fd;
	uint64_t end;	  /* of all records */
	uint64_t flushed; /* [flushed, end) is still in pending */
	char *pending;	  /* 2 * REC_MAX */
	char *window;	  /* a part of the file, for scans; mapped, NULL: none */
	uint64_t window_at;
	size_t window_len;
	struct spool_head *head;
};

/* What is asked of one record out of order: no more than the name behind it. */
struct spool_rec {
	struct rec rec;
	char name[REC_NAME];
};

#define SPOOL_INIT ((struct spool){.fd = -1})
#define own_spool __attribute__((cleanup(spool_done)))

/* fd stays the caller's. Empties it unless its head says job and 'again'. */
int spool_open(struct spool *s, int fd, uint64_t job, bool again, struct err *e) must_check;
void spool_done(struct spool *s);
/* r->len bytes. */
int spool_add(struct spool *s, const struct rec *r, struct err *e) must_check;
/* Changes n bytes of the record at 'at'. */
int spool_patch(struct spool *s, uint64_t at, size_t field, const void *p, size_t n, struct err *e)
	must_check;
int spool_get(struct spool *s, uint64_t at, struct spool_rec *ret, struct err *e) must_check;
/* All of it, instead of what out holds: with what is behind the name. */
int spool_load(struct spool *s, uint64_t at, struct buf *out, struct err *e) must_check;
/* The whole record at *at for a scan from front to back; moves *at to the next. NULL in
 * *ret at the end. Valid until the next call; changes to it are in the file at once. Writes what is
 * pending first. */
int spool_next(struct spool *s, uint64_t *at, struct rec **ret, struct err *e) must_check;
/* Writes what is pending. */
int spool_flush(struct spool *s, struct err *e) must_check;
/* Forgets everything from 'at' on. */
int spool_cut(struct spool *s, uint64_t at, struct err *e) must_check;

/* The path of a record, relative, NUL-terminated, into ret[REC_PATH + 1]. -ENAMETOOLONG. */
int spool_path(struct spool *s, uint64_t at, char *ret, struct err *e) must_check;

#define SPOOL_PATCH(s, at, field, value, e) \
	spool_patch(s, at, offsetof(struct rec, field), value, sizeof(((struct rec *)0)->field), e)
