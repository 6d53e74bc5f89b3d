/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * frames - tar bytes in; zstd frames and seals out, to one descriptor, in order
 * (docs/BUNDLE.md, "The stream"). Chunks are compressed by a thread per core (at most four)
 * and written by one more, so that flushing does not stop the others. Memory: about 8.3 MiB
 * for each of threads + 2 chunks.
 */
#include "err.h"
#include "hash.h"
#include "seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames;

struct frames_opts {
	int fd;	       /* the bundle: appended to from its current place */
	int sign_sock; /* WIRE_SIGN goes there, WIRE_SIGNED comes back */
	int level;     /* zstd's */
	const char *run;
	uint8_t signer[SEAL_KEY];
};

struct frames_result {
	uint64_t bytes; /* written */
	char sha256[HASH_HEX];
};

int frames_open(const struct frames_opts *o, struct frames **ret, struct err *e) must_check;
/*
 * p may lie in memory that somebody else changes: it is read once. hash (may be NULL) gets
 * what was taken. -errno once the output has failed, with the first failure's text: final,
 * nothing more is written.
 */
int frames_add(struct frames *f, const void *p, size_t n, struct hash *hash, struct err *e)
	must_check;
/* Ends the chunk; what is there so far is sealed as soon as it is written. */
int frames_seal(struct frames *f, struct err *e) must_check;
/* Bytes added since the last frames_seal(). */
uint64_t frames_unsealed(const struct frames *f);
/* Waits until all that was added up to the last frames_seal() is written and sealed. */
int frames_drain(struct frames *f, struct err *e) must_check;
/* Everything, then the final seal, flushed. Waits. */
int frames_finish(struct frames *f, struct frames_result *ret, struct err *e) must_check;
/* 0, or the failure. Does not wait. */
int frames_failed(struct frames *f, struct err *e) must_check;
/* Ends the threads. What was not written is lost; sealed parts stay. */
void frames_free(struct frames *f);
