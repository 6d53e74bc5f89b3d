/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_profile - profiles of any content. */
#include "io.h"
#include "own.h"
#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_fd int fd = memfd_create("profile", MFD_CLOEXEC);
	struct err e = ERR_INIT;
	struct profile *p = NULL;
	char path[32];

	if (fd < 0 || io_write(fd, data, size) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (profile_load(path, &p, &e) < 0) {
		/* every error names the file; lists and words may not end it early */
		if (!strstr(e.text, path))
			abort();
		return 0;
	}
	for (size_t i = 0; dumpers[i]; i++)
		for (size_t k = 0; dumpers[i]->options && dumpers[i]->options[k].name; k++) {
			const union option_value *v = &profile_options(p, i)[k];

			if (dumpers[i]->options[k].type != OPTION_LIST)
				continue;
			for (const char *const *s = v->list; *s; s++)
				if (strlen(*s) > size + 4096)
					abort();
		}
	profile_free(p);
	return 0;
}
