/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kubeconfig - kubeconfig files of any content, YAML and JSON. Files they name are below an
 * empty root. */
#include "kubeconfig.h"

#include "buf.h"
#include "jsonx.h"
#include "kubeyaml.h"
#include "own.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int empty_root(void)
{
	char name[] = "/tmp/taphos-fuzz-XXXXXX";
	int fd = mkdtemp(name) ? open(name, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	(void)rmdir(name);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int root = -1;
	own_kubeconfig struct kubeconfig *c = NULL;
	own_buf struct buf text = BUF_INIT(KUBEYAML_MAX);
	own_json json_t *tree = NULL;

	if (root < 0)
		root = empty_root();
	/* on its own memory, that reading past its end shows */
	tree = kubeyaml_parse((const char *)data, size, NULL);
	buf_add(&text, data, size);
	if (kubeconfig_parse(root, "/etc", &text, NULL, &c, NULL) == 0 &&
		(strncmp(c->server, "https://", 8) != 0 || !c->ca || !c->cert != !c->key))
		abort();
	return 0;
}
