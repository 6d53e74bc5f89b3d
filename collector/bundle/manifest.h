/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* manifest - reads manifest.json as it streams by (docs/BUNDLE.md), in fixed memory. */
#include "err.h"
#include "jsonsplit.h"
#include "sink.h"

#include <stdbool.h>
#include <stdint.h>

struct roster;

struct manifest_info {
	bool there;
	char verdict[16]; /* "complete", "partial", "interrupted" */
	char reason[256];
	uint64_t artifacts, artifact_bytes, gaps, findings;
	uint64_t gap_count[GAP_KINDS];
};

/* How one of them ended; strings are cut, not escaped. */
struct manifest_dumper {
	char name[32], status[16]; /* "ok", "partial", "failed", "skipped" */
	char reason[256];
	char folder[96]; /* of a container of several, "" */
};

struct manifest {
	struct jsonsplit split;
	struct manifest_info info;
	unsigned seen; /* top-level keys, as bits */
	const char *run;
	struct roster *roster; /* each artifact is ticked there */
	char member[256];      /* the row that does not fit, after -EBADMSG; "": the manifest */
	/* bytes of any content; may be NULL. gap: one that is a loss, "KIND  WHERE: WHY" */
	int (*finding)(void *arg, const char *text, size_t n, struct err *e);
	int (*gap)(void *arg, const char *text, size_t n, struct err *e);
	int (*dumper)(void *arg, const struct manifest_dumper *d, struct err *e);
	void *arg;
};

/* The fields above (run, roster, finding, gap, dumper, arg) are the caller's to set, before. */
void manifest_begin(struct manifest *m);
/* -EBADMSG: it is none, or it does not fit the run or the members. */
int manifest_feed(struct manifest *m, const void *p, size_t n, struct err *e) must_check;
int manifest_end(struct manifest *m, struct err *e) must_check;
void manifest_done(struct manifest *m);
