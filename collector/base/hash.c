/* SPDX-License-Identifier: Apache-2.0 */
/* hash - SHA-256 by OpenSSL, without its configuration. */
#include "hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct hash {
	EVP_MD_CTX *ctx;
};

static EVP_MD *sha256; /* fetched once, read-only afterwards */

int hash_setup(struct err *e)
{
	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return err_set(e, EIO, "OpenSSL does not start");
	if (!sha256)
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return sha256 ? 0 : err_set(e, EIO, "OpenSSL has no SHA-256");
}

struct hash *hash_new(void)
{
	struct hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || !EVP_DigestInit_ex(h->ctx, sha256, NULL)) {
		hash_free(h);
		return NULL;
	}
	return h;
}

void hash_free(struct hash *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_add(struct hash *h, const void *p, size_t n)
{
	if (!EVP_DigestUpdate(h->ctx, p, n))
		abort(); /* cannot fail for a software digest; never a wrong digest in evidence */
}

void hash_end(struct hash *h, uint8_t ret[HASH_LEN])
{
	if (!EVP_DigestFinal_ex(h->ctx, ret, NULL) || !EVP_DigestInit_ex(h->ctx, NULL, NULL))
		abort();
}

void hash_peek(const struct hash *h, uint8_t ret[HASH_LEN])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	if (!copy || !EVP_MD_CTX_copy_ex(copy, h->ctx) || !EVP_DigestFinal_ex(copy, ret, NULL))
		abort();
	EVP_MD_CTX_free(copy);
}

void hash_of(const void *p, size_t n, uint8_t ret[HASH_LEN])
{
	if (!EVP_Digest(p, n, ret, NULL, sha256, NULL))
		abort();
}

void hash_hex(const uint8_t digest[HASH_LEN], char ret[HASH_HEX])
{
	static const char set[] = "0123456789abcdef";

	for (size_t i = 0; i < HASH_LEN; i++) {
		ret[2 * i] = set[digest[i] >> 4];
		ret[2 * i + 1] = set[digest[i] & 15];
	}
	ret[2 * HASH_LEN] = '\0';
}
