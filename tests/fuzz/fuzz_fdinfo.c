/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_fdinfo - the fdinfo and status texts of a process, as they become JSON. */
#include "fdinfo.h"
#include "jsonw.h"
#include "status.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT(1 << 20);
	struct jsonw w = JSONW(&b);
	char *text = malloc(size + 1);
	struct fdinfo info;

	memcpy(text, data, size);
	text[size] = '\0';
	info = fdinfo_parse(text);
	jsonw_open(&w, NULL);
	fdinfo_json(&w, &info, text);
	status_json(&w, text, true);
	jsonw_close(&w);
	buf_done(&b);
	free(text);
	return 0;
}
