/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * writer - the process that owns the bundle's file: takes what workers send,
 * trusts none of it, packs, hashes, compresses, seals. Runs in a worker without
 * capabilities; the engine speaks to it over 'control' (wire.h).
 */
#include "ledger.h"
#include "seal.h"

struct writer_spec {
	int control;		 /* from the engine */
	int sign_sock;		 /* to the signer */
	int out_fd;		 /* the bundle */
	int spool[LEDGER_LISTS]; /* empty unnamed files */
	int level;		 /* zstd's */
	char run[64];
	uint8_t signer[SEAL_KEY];
	uint64_t max_bytes; /* of all members, 0: no limit */
	uint64_t reserve;   /* bytes that stay free on the bundle's disk, 0: nobody looks */
};

/* A worker's main: struct writer_spec. */
int writer_main(void *arg);
