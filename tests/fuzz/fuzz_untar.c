/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_untar - any bytes as a bundle's tar, whole and in pieces: the same members. */
#include "hash.h"
#include "names.h"
#include "untar.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int begin(void *arg, const char *name, uint64_t size, struct err *e)
{
	(void)size;
	(void)e;
	if (!names_is_safe(name) || strlen(name) >= UNTAR_NAME)
		abort();
	hash_add(arg, name, strlen(name));
	return 0;
}

static int data_(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	hash_add(arg, p, n);
	return 0;
}

static int end(void *arg, struct err *e)
{
	(void)e;
	hash_add(arg, "/", 1);
	return 0;
}

static int feed(const uint8_t *p, size_t n, size_t step, uint8_t ret[HASH_LEN])
{
	static const struct untar_ops ops = {begin, data_, end};
	own_hash struct hash *h = hash_new();
	own_untar struct untar *t = untar_new("taphos-x", &ops, h);
	int rc = 0;

	for (size_t at = 0; at < n && rc == 0; at += step)
		rc = untar_feed(t, p + at, n - at < step ? n - at : step, NULL);
	hash_end(h, ret);
	return rc == 0 && untar_ended(t) ? 1 : rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t whole[HASH_LEN], pieces[HASH_LEN];

	if (hash_setup(NULL) < 0)
		abort();
	if (feed(data, size, size + 1, whole) != feed(data, size, 7, pieces) ||
		memcmp(whole, pieces, HASH_LEN) != 0)
		abort();
	return 0;
}
