/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* seal - the signed line after each run of frames (docs/BUNDLE.md). */
#include "err.h"
#include "hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct buf;

#define SEAL_MAGIC 0x184D2A5AU
#define SEAL_SIG 64 /* bytes of an Ed25519 signature */
#define SEAL_KEY 32 /* bytes of an Ed25519 public key */
enum { SEAL_HEAD = 8, SEAL_PAYLOAD_MAX = 2048 };

struct seal {
	char run[64];
	uint64_t seq, offset, length;
	uint8_t sha256[HASH_LEN], prev[HASH_LEN];
	uint64_t tar_offset, tar_length;
	struct timespec wall;
	uint64_t boot_ns;
	bool final;
	uint8_t signer[SEAL_KEY];
};

/* "YYYYMMDDTHHMMSSZ-" and 16 lower-case hex digits. */
bool seal_run_is_valid(const char *run);
/* The JSON line without its newline, into out (added). */
void seal_render(const struct seal *s, struct buf *out);
/* The whole skippable frame: head, line, newline, base64 signature, newline (added to out). */
void seal_frame(const char *line, size_t len, const uint8_t sig[SEAL_SIG], struct buf *out);
/*
 * Parses a payload strictly: exactly the bytes that seal_render would make (it is
 * rendered again and compared). ret_line_len: bytes the signature covers.
 * -EBADMSG with a text otherwise.
 */
int seal_parse(const void *payload, size_t n, struct seal *ret, uint8_t ret_sig[SEAL_SIG],
	size_t *ret_line_len, struct err *e) must_check;
