/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* conductor - runs dumpers in workers and speaks with the writer meanwhile: keeps
 * deadlines, abandons what is stuck, starts again what can go on. */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

struct run;
struct wire_msg;

/* Runs dumpers[index] to its end; how it ended is told to the writer. Negative only
 * when the output is lost: the run is over. */
int conductor_run(struct run *r, size_t index, struct err *e) must_check;
/* The same record for one that does not run. status: "skipped" or "failed". */
int conductor_skip(struct run *r, size_t index, const char *status, const char *reason,
	struct err *e) must_check;

/*
 * Members of the engine itself ("begin.json", "collector/..."): opens a channel,
 * sends, closes.
 */
int conductor_put(struct run *r, const char *member, const void *p, size_t n, struct err *e)
	must_check;
/* A gap that the engine saw. index: a dumper's, or WIRE_ENGINE. */
int conductor_gap(struct run *r, size_t index, unsigned kind, const char *where, const char *why,
	struct err *e) must_check;

/* Sends the writer a message, serving it while its queue is full. */
int conductor_tell(struct run *r, const struct wire_msg *m, int fd, struct err *e) must_check;
/* The output is lost: hears out what the writer said about it (r->output_error). */
void conductor_last_words(struct run *r);

/* Serves the writer until it sends a message of this type; -ETIMEDOUT when for
 * patience_ns neither that nor any progress came. */
int conductor_await(struct run *r, unsigned type, uint64_t patience_ns, struct wire_msg *ret,
	struct err *e) must_check;
