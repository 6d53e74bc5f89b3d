/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * reader - goes through a bundle's frames and seals (docs/BUNDLE.md, "The stream"), once, from
 * front to back, and says what is authentic. It decompresses nothing: whoever wants the content
 * gets each run of frames after its seal was found good.
 */
#include "err.h"
#include "hash.h"
#include "seal.h"

#include <stdbool.h>
#include <stdint.h>

/* A run of frames. */
struct reader_region {
	int fd;		  /* where its bytes are, to be read with pread() */
	uint64_t base;	  /* at this place of fd */
	uint64_t offset;  /* and this one of the bundle */
	uint64_t length;  /* in bytes; whole frames */
	uint64_t content; /* what they decompress to */
	uint64_t tar_offset;
	uint8_t sha256[HASH_LEN]; /* of its bytes; only where a seal is over it */
	const struct seal *seal;  /* NULL: none covers it */
};

enum reader_tail { /* what lies behind the last seal */
	TAIL_NOTHING,
	TAIL_FRAME, /* frames, the last of them perhaps cut */
	TAIL_SEAL,  /* the same and the beginning of a seal */
	TAIL_ZEROS, /* the same and then zeros */
	TAIL_KINDS
};
extern const char *const reader_tail_names[TAIL_KINDS];

struct reader_request {
	int fd;			/* file or pipe, read from its current place on */
	int spool_fd;		/* an empty file for runs of frames of a pipe */
	const uint8_t *trusted; /* the only key that may have signed; NULL: any */
	/* negative: ends it. Unsealed whole frames at the end come too, once, when there are any.
	 */
	int (*region)(void *arg, const struct reader_region *r, struct err *e);
	void *arg;
};

struct reader_result {
	uint64_t seals, sealed_bytes, file_bytes, tar_bytes;
	bool final;
	enum reader_tail tail;
	struct seal last; /* when seals > 0: run and signer are those of all */
	bool has_bad;
	uint64_t bad_offset;	       /* with -EBADMSG of our own */
	uint8_t file_sha256[HASH_LEN]; /* when it was read to its end */
};

/*
 * 0: result says how far it is good. -EBADMSG: it is not a bundle, or not what was sealed;
 * e says what; *ret is filled as far as it came. Others: could not be read.
 */
int reader_run(const struct reader_request *rq, struct reader_result *ret, struct err *e)
	must_check;
