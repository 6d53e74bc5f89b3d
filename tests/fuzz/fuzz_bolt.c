/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_bolt - a database of containerd. */
#include "bolt.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES = 200 };

static char path[] = "/tmp/taphos-fuzz-XXXXXX";

static void remove_file(void)
{
	(void)unlink(path);
}

struct visit {
	const struct bolt *b;
	char at[1024];
	unsigned left;
};

static int each(const char *name, void *arg)
{
	const struct visit *up = arg;
	struct visit v = {.b = up->b};
	struct buf value = BUF_INIT(1 << 16);
	int rc = 0;

	if (!up->left)
		return 1;
	((struct visit *)arg)->left--;
	v.left = up->left / 4;
	if ((size_t)snprintf(v.at, sizeof(v.at), "%s%s%s", up->at, up->at[0] ? BOLT_SEP : "",
		    name) >= sizeof(v.at))
		return 0;
	if (bolt_get(v.b, v.at, &value) < 0 && strlen(v.at) < 512)
		rc = bolt_each(v.b, v.at, each, &v);
	buf_done(&value);
	return rc > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1, root = -1;
	struct visit v = {.left = VALUES};
	struct bolt b;

	if (fd < 0) {
		fd = mkstemp(path);
		if (fd < 0 || atexit(remove_file))
			abort();
		root = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	v.b = &b;
	if (bolt_open(&b, root, path + 5, NULL) == 0 && bolt_each(&b, "", each, &v) > 1)
		abort();
	bolt_close(&b);
	return 0;
}
