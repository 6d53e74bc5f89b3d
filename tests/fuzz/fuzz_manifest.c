/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_manifest - any bytes as manifest.json, whole and in pieces: the same answer. */
#include "hash.h"
#include "manifest.h"
#include "roster.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed(const uint8_t *p, size_t n, size_t step, struct manifest_info *ret)
{
	static const uint8_t digest[HASH_LEN];
	struct roster *members = roster_new();
	struct manifest m = {.run = "r", .roster = members};
	int rc;

	if (!members || roster_add(members, "a", digest, NULL) < 0)
		abort();
	manifest_begin(&m);
	rc = 0;
	for (size_t at = 0; at < n && rc == 0; at += step)
		rc = manifest_feed(&m, p + at, n - at < step ? n - at : step, NULL);
	if (rc == 0)
		rc = manifest_end(&m, NULL);
	*ret = m.info;
	manifest_done(&m);
	roster_free(members);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest_info whole, pieces;

	if (hash_setup(NULL) < 0)
		abort();
	if (feed(data, size, size + 1, &whole) != feed(data, size, 3, &pieces) ||
		whole.artifacts != pieces.artifacts || whole.gaps != pieces.gaps ||
		strcmp(whole.verdict, pieces.verdict) != 0)
		abort();
	return 0;
}
