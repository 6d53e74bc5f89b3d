/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_memmaps - the texts of maps and smaps, as mappings with flags. */
#include "memdevs.h"
#include "memflags.h"
#include "memmaps.h"
#include "own.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	own_free char *text = malloc(size + 1), *again = malloc(size + 1);
	struct memdev own = {0, 1, MEMDEVS_OWN};
	struct memdevs devs = {.dev = &own, .count = 1};
	struct memflags_text part = {0};
	struct memflags flags = {0};
	size_t room = 1000;
	char *next, *line;

	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(again, text, size + 1);
	for (next = text; (line = strsep(&next, "\n"));)
		(void)memflags_line(&flags, &part, line, &room);
	for (next = again; (line = strsep(&next, "\n"));) {
		struct memmap m;

		if (memmaps_parse(line, &devs, &m) < 0)
			continue;
		memflags_join(&flags, &m);
		if (m.start >= m.end || m.kind >= MEM_KINDS || m.name_len != strlen(m.name))
			abort();
	}
	for (size_t i = 0; i < flags.count; i++)
		if ((flags.range[i].start & ~4095ULL) >= flags.range[i].end ||
			(i && flags.range[i].start < flags.range[i - 1].end))
			abort();
	memflags_done(&flags);
	return 0;
}
