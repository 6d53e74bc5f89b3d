/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kubepass - what a worker in other hands leaves for the next one; and the table of peers. */
#include "io.h"
#include "kubepass.h"
#include "own.h"
#include "peers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer list[PEERS_MAX];
	own_kubeconfig struct kubeconfig *config = NULL;
	own_fd int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	uint64_t dropped;
	int rc;

	if (fd < 0 || io_write(fd, data, size) < 0)
		return 0;
	rc = kubepass_read(fd, fd, &config, &e);
	if (rc == 0 ? !config || !config->server || !config->ca : config || !e.text[0])
		abort();
	for (size_t n = peers_read(fd, list, PEERS_MAX, &dropped); n > 0; n--)
		if (memchr(list[n - 1].protocol, 0, sizeof(list[0].protocol)) == NULL)
			abort();
	return 0;
}
