/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kubepage - answers of a server that lists, and paths made of what they say. */
#include "kubepage.h"
#include "kubepath.h"

#include "own.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *text)
{
	static const char secrets[] = "/api/v1/secrets";
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX);

	/* a name in a path may be "secrets", what is asked for is not */
	if (kubepath_check(text, NULL) == 0 && !strncmp(text, secrets, strlen(secrets)) &&
		strchr("/?", text[strlen(secrets)]))
		abort();
	buf_adds(&path, "/api/v1/namespaces/");
	if (kubepath_name(&path, text) < 0)
		return;
	buf_adds(&path, "/pods?fieldSelector=");
	kubepath_value(&path, text);
	/* whatever the name is, the path is that of pods */
	if (buf_check(&path, NULL) == 0 && kubepath_check(buf_str(&path), NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kubepage whole = KUBEPAGE_INIT, cut = KUBEPAGE_INIT;
	own_free char *text = strndup((const char *)data, size);
	size_t half = size / 2;

	kubepage_feed(&whole, (const char *)data, size);
	kubepage_feed(&cut, (const char *)data, half);
	kubepage_feed(&cut, (const char *)data + half, size - half);
	if (strcmp(whole.token, cut.token) != 0 || whole.items != cut.items || whole.bad != cut.bad)
		abort();
	if (text)
		check_path(text);
	return 0;
}
