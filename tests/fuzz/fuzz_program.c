/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_program - a program file: its notes, its sections, what Go's linker wrote into it. */
#include "elffile.h"
#include "goinfo.h"
#include "own.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_fd int fd = memfd_create("program", MFD_CLOEXEC);
	struct goinfo go = {0};
	struct elffile f;
	uint8_t id[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (elffile_open(fd, &f, NULL) < 0)
		return 0;
	if (elffile_note(&f, ELF_NOTE_GNU, NT_GNU_BUILD_ID, id, sizeof(id)) > (int)sizeof(id))
		abort();
	if (goinfo_read(&f, &go, NULL) < 0 && (go.version[0] || go.module[0]))
		abort();
	if (strlen(go.version) >= sizeof(go.version) || strlen(go.module) >= sizeof(go.module))
		abort();
	return 0;
}
