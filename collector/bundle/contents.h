/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* contents - checks the members of a bundle against each other, as they come out of the tar:
 * begin.json, manifest.json, SHA256SUMS and its signature, signer.pem. */
#include "buf.h"
#include "err.h"
#include "hash.h"
#include "manifest.h"
#include "untar.h"
#include "verify.h"

#include <stdbool.h>
#include <stdint.h>

struct contents {
	const struct verify_request *rq;
	const char *run; /* and signer: what the seals say */
	const uint8_t *signer;
	bool sealed; /* false: nobody vouches for what comes now, and nothing is checked */

	struct untar *tar;
	struct roster *roster;
	struct hash *hash; /* of the open member */
	struct hash *sums; /* of the SHA256SUMS that must come */
	uint8_t sums_sha256[HASH_LEN];
	uint64_t sums_len; /* bytes of SHA256SUMS in rq->sums_fd */
	struct manifest manifest;
	struct buf text; /* the open member, when it is a small one of ours */
	unsigned stage;	 /* which of the last members has come */
	unsigned kind;	 /* of the open member */
	struct verify_member member;
	bool wanted;
	uint64_t members, member_bytes, begin_size;
	char bad_member[VERIFY_NAME]; /* which one does not fit, after -EBADMSG */
};

int contents_open(struct contents *c, const struct verify_request *rq, const char *run,
	const uint8_t *signer, struct err *e) must_check;
void contents_done(struct contents *c);
/* The next n bytes of the tar. -EBADMSG: not what a bundle holds. */
int contents_feed(struct contents *c, const void *p, size_t n, struct err *e) must_check;
/* After the last byte of a finished bundle: is everything there? */
int contents_finish(struct contents *c, struct err *e) must_check;
