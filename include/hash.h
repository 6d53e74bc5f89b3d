/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* hash - SHA-256. hash_setup() runs once, before any fork: OpenSSL then reads
 * no configuration file and loads no module, neither here nor in a worker. */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

#define HASH_LEN 32
#define HASH_HEX (2 * HASH_LEN + 1)

struct hash; /* a running digest */

int hash_setup(struct err *e) must_check;

/* NULL when out of memory. Reusable: hash_end() starts the next one. */
struct hash *hash_new(void);
void hash_free(struct hash *h);
#define own_hash __attribute__((cleanup(hash_free_)))
static inline void hash_free_(struct hash **h)
{
	hash_free(*h);
}
void hash_add(struct hash *h, const void *p, size_t n);
void hash_end(struct hash *h, uint8_t ret[HASH_LEN]);
/* The digest of what was added so far; the running one goes on. */
void hash_peek(const struct hash *h, uint8_t ret[HASH_LEN]);
/* One buffer. */
void hash_of(const void *p, size_t n, uint8_t ret[HASH_LEN]);
/* Lower-case hexadecimal with its NUL. */
void hash_hex(const uint8_t digest[HASH_LEN], char ret[HASH_HEX]);
