/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sign - Ed25519 keys, signatures, fingerprints (OpenSSL). Never in a worker that
 * reads a target. hash_setup() must have run. */
#include "err.h"
#include "seal.h"

#include <stddef.h>
#include <stdint.h>

/* A private key. Its page is locked, not dumped, wiped on free, and empty in every child process:
 * sign in the process that loaded it (elsewhere: -EPERM). */
struct sign_key;

int sign_generate(struct sign_key **ret, struct err *e) must_check;
/* PEM PKCS#8 Ed25519, unencrypted, from a regular file that only its owner may read
 * (otherwise refused with the chmod that mends it). */
int sign_load(const char *path, struct sign_key **ret, struct err *e) must_check;
void sign_free(struct sign_key *k);
/* Writes PATH (0600, O_EXCL) and PATH.pub (0644, SubjectPublicKeyInfo); removes both when one
 * fails. */
int sign_save(const struct sign_key *k, const char *path, struct err *e) must_check;

void sign_public(const struct sign_key *k, uint8_t ret[SEAL_KEY]);
int sign_bytes(const struct sign_key *k, const void *p, size_t n, uint8_t ret[SEAL_SIG],
	struct err *e) must_check;
/* 0: good. -EBADMSG: not this key's signature over these bytes. */
int sign_verify(const uint8_t key[SEAL_KEY], const void *p, size_t n, const uint8_t sig[SEAL_SIG],
	struct err *e) must_check;
/* A public key file (PEM SubjectPublicKeyInfo; a private one works too). */
int sign_load_public(const char *path, uint8_t ret[SEAL_KEY], struct err *e) must_check;
/* The PEM text of a public key, into ret (at least 160 bytes). */
int sign_public_pem(const uint8_t key[SEAL_KEY], char *ret, size_t size, struct err *e) must_check;
/* SHA-256 of the raw key, hex: what people compare. */
void sign_fingerprint(const uint8_t key[SEAL_KEY], char ret[HASH_HEX]);
