/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * sink - where a dumper puts what it found. A sink lives in a worker; the other
 * end is the writer, which believes nothing it is told. Bytes go through shared
 * memory in blocks; a full pipeline makes sink_write() wait.
 *
 * Members (files of the bundle) come one at a time, each with its size first.
 * Names are ours: [A-Za-z0-9._-] in components, '/' between them, below one of
 * the prefixes the dumper declares. Hostile names belong inside a member.
 *
 * Every function that returns int: a negative errno means that the writer is
 * gone or has refused, and the dumper should return it at once.
 */
#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;

/* The first bytes of the spool are the dumper's own, for what it wants to know after a
 * restart; sink_copy() and sink_text stay behind them. */
enum { SINK_NOTES = 1 << 20 };

/* Why something is not in the bundle (docs/BUNDLE.md explains each). */
enum gap_kind {
	GAP_UNREADABLE,	   /* the kernel refused or failed: errno in the text */
	GAP_NOT_PRESENT,   /* nothing there to read */
	GAP_SECRET_MEMORY, /* memfd_secret */
	GAP_PROTECTED,	   /* refused to everybody by the kernel's settings */
	GAP_STALLED,	   /* did not answer within its deadline */
	GAP_VANISHED,	   /* there at first, gone when read */
	GAP_CHANGED,	   /* changed while it was read: what is in the bundle may mix two states */
	GAP_OVER_BUDGET,   /* a limit of the profile or the deadline */
	GAP_REFUSED,	   /* we declined: it made no sense, or was not safe */
	GAP_CROSSED_MOUNT, /* on another file system than the one being read */
	GAP_SPECIAL_FILE,  /* fifo, socket, device: metadata only */
	GAP_BY_PROFILE,	   /* left out, or made unreadable, because the profile says so */
	GAP_KINDS
};
/* False for the last two kinds: named in the manifest, but nothing that was asked for is
 * missing, so they do not make a bundle partial. */
bool sink_gap_is_loss(enum gap_kind kind);
extern const char *const sink_gap_names[GAP_KINDS]; /* "unreadable" ... */
/* What an errno (positive) of reading a process says: vanished, over_budget, else unreadable. */
enum gap_kind sink_gap_of(int code);

/* Starts a member of exactly 'size' bytes. */
int sink_begin(struct sink *s, const char *member, uint64_t size, struct err *e) must_check;
int sink_write(struct sink *s, const void *p, size_t n, struct err *e) must_check;
/* n zero bytes: padding for what was planned and is gone. */
int sink_zeros(struct sink *s, uint64_t n, struct err *e) must_check;
/* Ends the member; the writer pads a short one with zeros and calls it partial. */
int sink_end(struct sink *s, struct err *e) must_check;
/*
 * Where to put the next bytes without a copy: *ret_room says how many fit (never
 * 0). sink_commit() sends n of them. For readers of bulk data.
 */
void *sink_room(struct sink *s, size_t *ret_room, struct err *e) must_check;
int sink_commit(struct sink *s, size_t n, struct err *e) must_check;

/* A whole member from memory. */
int sink_blob(struct sink *s, const char *member, const void *p, size_t n, struct err *e)
	must_check;

/*
 * A whole member from a descriptor whose size is not known before (text of
 * /proc): read first, up to 'max' bytes (more: gap over_budget), into memory and beyond
 * 4 MiB into the worker's spool, then sent. A read error in the middle keeps what came and
 * records a gap. Nothing read and an error: no member, a gap.
 */
int sink_copy(struct sink *s, const char *member, int fd, uint64_t max, struct err *e) must_check;

/*
 * A whole member of text made row by row, whose size is known at its end only: held in
 * memory and beyond 4 MiB in the worker's spool. Add to 'rows' (buf_add, jsonw), then
 * call sink_text_row(); a row has at most 4 MiB. Rows over 'max', over the spool's room or too
 * long are dropped, that one and all after it, and become one gap; what is in 'rows' after
 * the last sink_text_row() (closing brackets) always goes in. One at a time;
 * sink_copy() in between is allowed.
 */
struct sink_text {
	struct sink *sink;
	struct buf rows;
	size_t kept; /* of rows: bytes of accepted ones */
	uint64_t max, base, spooled, dropped;
	struct err why;
};
void sink_text_begin(struct sink_text *t, struct sink *s, uint64_t max);
/* false: dropped. */
bool sink_text_row(struct sink_text *t);
/* Accepts what was added whatever the limit: for the few bytes around rows. */
void sink_text_keep(struct sink_text *t);
/* Sends the member, and frees. */
int sink_text_end(struct sink_text *t, const char *member, struct err *e) must_check;
/* Forgets it. Also right after sink_text_end(). */
void sink_text_done(struct sink_text *t);
#define own_sink_text __attribute__((cleanup(sink_text_done)))

/*
 * Records a loss. 'member' may be NULL (not about one member). 'where' are bytes of any
 * content naming what was lost (a path, a range, a process), at most 4 KiB kept. 'why' may be NULL.
 */
int sink_gap(struct sink *s, enum gap_kind kind, const char *member, const void *where,
	size_t where_len, const struct err *why) must_check;
/* The same with a formatted place. */
int sink_gapf(struct sink *s, enum gap_kind kind, const char *member, const struct err *why,
	const char *fmt, ...) printf_like(5, 6) must_check;

/* Something a responder should look at though nothing was lost: two sources that disagree, a
 * hidden process. One line, escaped on output. */
int sink_finding(struct sink *s, const char *fmt, ...) printf_like(2, 3) must_check;

/*
 * A sign of life, and which item (of the dumper's own numbering) is being read:
 * call before each step that may block. Without one for the item deadline the
 * worker is killed and abandoned, and the dumper is started again with
 * resume set (dumper.h).
 */
void sink_item(struct sink *s, uint64_t item);

/* Bytes of members sent so far, for limits. */
uint64_t sink_total(const struct sink *s);
