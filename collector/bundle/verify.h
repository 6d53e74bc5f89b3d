/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * verify - what a bundle is worth (docs/BUNDLE.md, "Verdicts of verify"). It works on the
 * descriptors it is given and nothing else: run it in a worker. hash_setup() must have run.
 *
 * Nothing is decompressed before the seal over it was found good: with a trusted key, only
 * what that key signed. Memory: about 16 MiB and 16 bytes for each member; SHA256SUMS is mapped
 * from sums_fd for its signature, in pages that the kernel can take back.
 */
#include "err.h"
#include "hash.h"
#include "manifest.h"
#include "reader.h"
#include "seal.h"

#include <stdbool.h>
#include <stdint.h>

enum verify_verdict {
	VERIFY_SEALED,
	VERIFY_INTERRUPTED,
	VERIFY_NOTHING,
	VERIFY_BAD,
	VERIFY_VERDICTS
};
extern const char *const verify_verdict_names[VERIFY_VERDICTS]; /* "SEALED" ... */

enum { VERIFY_NAME = 256 };

struct verify_member {
	char name[VERIFY_NAME];
	uint64_t size;
	uint8_t sha256[HASH_LEN];
};

/* Flat, so that it crosses a pipe. Every string ends within its array. */
struct verify_report {
	enum verify_verdict verdict;
	bool trusted;  /* the signer is the key that was given */
	bool has_seal; /* run, signer and sealed are set */
	char run[64];
	uint8_t signer[SEAL_KEY];
	struct timespec sealed; /* the last seal's wall clock */
	uint64_t seals, sealed_bytes, file_bytes, tar_bytes;
	uint64_t members, member_bytes; /* whole and authentic */
	enum reader_tail tail;
	char cut[VERIFY_NAME]; /* the member that is authentic in part, "" when none */
	uint64_t cut_size, cut_done;
	/* BAD: */
	bool bad_has_offset;
	uint64_t bad_offset;
	char bad_member[VERIFY_NAME];
	char reason[256];
	struct manifest_info manifest;
	uint8_t file_sha256[HASH_LEN]; /* unless BAD */
};

/* As things are found, in order. NULL: not wanted. Negative: ends it. */
struct verify_ops {
	/* a member that is whole and authentic; more may still come and turn out bad */
	int (*member)(void *arg, const struct verify_member *m, struct err *e);
	/* begin.json, authentic */
	int (*begin)(void *arg, const char *text, size_t n, struct err *e);
	int (*finding)(void *arg, const char *text, size_t n, struct err *e);
	/* a gap that is a loss, for people */
	int (*gap)(void *arg, const char *text, size_t n, struct err *e);
	/* how each dumper ended, as the manifest says */
	int (*dumper)(void *arg, const struct manifest_dumper *d, struct err *e);
	/* bytes of the wanted member; sealed false: nobody vouches for them */
	int (*bytes)(void *arg, const void *p, size_t n, bool sealed, struct err *e);
};

struct verify_request {
	int fd;			/* file or pipe, from its current place on */
	int spool_fd, sums_fd;	/* two empty files of the verifier's own */
	const uint8_t *trusted; /* public key; NULL: any */
	const char *want;	/* the member whose bytes to give, NULL: none */
	const struct verify_ops *ops;
	void *arg;
};

/* 0: ret holds the verdict. Negative: it could not be read to a verdict. */
int verify_run(const struct verify_request *rq, struct verify_report *ret, struct err *e)
	must_check;
