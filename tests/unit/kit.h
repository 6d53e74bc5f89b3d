/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kit - makes bundles in memory, good ones and others, without the writer's code:
 * a second reading of docs/BUNDLE.md. Any failure aborts. */
#include "buf.h"
#include "hash.h"
#include "seal.h"
#include "sign.h"

#include <stdbool.h>

struct kit {
	struct sign_key *key;
	struct buf out;	     /* the bundle */
	struct buf tar;	     /* not yet in a frame */
	struct buf sums;     /* SHA256SUMS */
	struct buf rows;     /* of the manifest's artifacts */
	const char *verdict; /* of the manifest */
	const char *run, *folder_run;
	struct seal seal; /* the next one */
	size_t region;	  /* where its frames begin in out */
	int level;
	/* departures from the format */
	void (*mend)(struct seal *s); /* changes a seal before it is signed */
	bool no_checksum, no_size;    /* of frames */
	char type;		      /* of the next header, 0: a regular file */
	const char *pax;	      /* records before the next header */
};

#define KIT_RUN "20260131T100000Z-0123456789abcdef"

/* A new bundle; the key stays the same over kit_reset(). */
void kit_open(struct kit *k);
void kit_reset(struct kit *k);
void kit_done(struct kit *k);

/* A tar header and the content with its padding. name: with the folder. */
void kit_file(struct kit *k, const char *path, const void *p, size_t n);
/* The same in the run's folder, listed in manifest and SHA256SUMS. */
void kit_member(struct kit *k, const char *name, const void *p, size_t n);
/* In the folder, not listed. */
void kit_unlisted(struct kit *k, const char *name, const void *p, size_t n);
void kit_begin_json(struct kit *k);
void kit_frame(struct kit *k);
/* One frame of any size; returns its length. */
size_t kit_compress(void *to, size_t room, const void *p, size_t n);
void kit_seal(struct kit *k, bool final);
/* The last members, each step by itself */
void kit_manifest(struct kit *k);
void kit_sums(struct kit *k);
void kit_sig(struct kit *k);
void kit_signer(struct kit *k);
void kit_end(struct kit *k);
/* All of these, frame and final seal. */
void kit_finish(struct kit *k);
/* begin.json, a seal, two members, finish: about 3 KiB. */
void kit_small(struct kit *k);
