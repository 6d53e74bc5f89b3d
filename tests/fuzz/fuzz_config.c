/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_config - configuration files of any content. */
#include "command.h"
#include "config.h"
#include "io.h"
#include "own.h"

#include <stdio.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_fd int fd = memfd_create("config", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	struct config *c = NULL;
	char path[32];

	if (fd < 0 || io_write(fd, data, size) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_load(path, commands, &c, &e) == 0)
		for (const struct option_def *o = commands[0]->options; o && o->name; o++)
			(void)config_get(c, o->name);
	config_free(c);
	return 0;
}
