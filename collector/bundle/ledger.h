/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * ledger - what is in the bundle and what is not: rows of artifacts, gaps and
 * findings, kept in spool files (a million rows must not need memory), from
 * which manifest.json and SHA256SUMS are made at the end.
 */
#include "err.h"
#include "hash.h"
#include "sink.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct buf;

enum ledger_list { LEDGER_ARTIFACTS, LEDGER_GAPS, LEDGER_FINDINGS, LEDGER_SUMS, LEDGER_LISTS };

enum {
	LEDGER_ROWS = 1024, /* of dumpers: one for each in each folder */
	LEDGER_FOLDER = 96,
	LEDGER_GAPS_MAX = 100000,     /* rows of one kind; beyond that only counted, and said so */
	LEDGER_FINDINGS_MAX = 100000, /* the same of findings */
};

struct ledger_dumper {
	const char *name;
	char folder[LEDGER_FOLDER];
	char status[16], reason[256];
	uint64_t started_ns, ended_ns; /* CLOCK_REALTIME */
	uint64_t artifacts, bytes, gaps;
	uint64_t stalled; /* gaps of that kind that it made itself */
};

struct ledger {
	int fd[LEDGER_LISTS];
	uint64_t bytes[LEDGER_LISTS];
	struct buf *pending[LEDGER_LISTS];
	uint64_t artifacts, gaps /* losses only */, findings, member_bytes;
	uint64_t gap_count[GAP_KINDS];
	struct ledger_dumper *row; /* in the order they began in */
	size_t rows;
	char folder[LEDGER_FOLDER]; /* whose rows are being written: "containers/web/"; "": of all
				     */
	struct err failure;	    /* a spool could not be written */
};

struct ledger_artifact {
	const char *name, *dumper;
	uint64_t size;
	uint8_t sha256[HASH_LEN];
	bool partial;
	struct timespec started, ended;
};

struct ledger_gap {
	enum gap_kind kind;
	const char *dumper, *member;
	const void *where;
	size_t where_len;
	int code;
	const char *why;
};

/* fd: empty spools, borrowed. */
int ledger_open(struct ledger *r, const int fd[LEDGER_LISTS], struct err *e) must_check;
void ledger_done(struct ledger *r);

/* The row of a dumper (a name that stays) in this folder, new or as it was. */
struct ledger_dumper *ledger_row(struct ledger *r, const char *dumper);
/* Folder: made of safe names and with a '/' at its end, or "". What follows is about it. */
int ledger_enter(struct ledger *r, const char *folder, struct err *e) must_check;
void ledger_artifact(struct ledger *r, const struct ledger_artifact *a);
/* A line of SHA256SUMS alone: for the manifest itself. */
void ledger_sum(struct ledger *r, const char *member, const uint8_t sha256[HASH_LEN]);
void ledger_gap(struct ledger *r, const struct ledger_gap *g);
void ledger_finding(struct ledger *r, const char *dumper, const char *text, size_t len);

/* Writes what is pending; 0, or the first failure of any spool. */
int ledger_flush(struct ledger *r, struct err *e) must_check;

/* "complete", "partial", or "interrupted" when reason is not empty. */
const char *ledger_verdict(const struct ledger *r, const char *reason);
/*
 * manifest.json: 'fields' is JSON text of the caller's own top-level fields. Calls
 * put() with pieces; run it twice to learn the size first. Flush before.
 */
int ledger_manifest(const struct ledger *r, const char *fields, const char *reason,
	int (*put)(const void *p, size_t n, void *arg, struct err *e), void *arg, struct err *e)
	must_check;
