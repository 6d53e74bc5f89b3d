/* SPDX-License-Identifier: Apache-2.0 */
/* What docs/DUMPERS.md says of the dumpers, held against their own tables. */
#include "unit.h"

#include "buf.h"
#include "dumper.h"
#include "io.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void docs_name_every_option_and_default(void **state)
{
	own_buf struct buf text = BUF_INIT(1 << 20);
	own_fd int top = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char row[256];

	(void)state;
	assert_int_equal(io_read_file(top, "docs/DUMPERS.md", &text, NULL), 0);
	for (const struct dumper *const *d = dumpers; *d; d++) {
		snprintf(row, sizeof(row), "\n| %s | `", (*d)->name);
		assert_non_null(strstr(buf_str(&text), row));
		for (const struct dumper_option *o = (*d)->options; o && o->name; o++) {
			snprintf(row, sizeof(row), "\n| %s | `%s` | ", (*d)->name, o->name);
			if (!strstr(buf_str(&text), row))
				fail_msg(
					"docs/DUMPERS.md does not name %s.%s", (*d)->name, o->name);
			if (o->type == OPTION_LIST)
				continue;
			snprintf(row, sizeof(row), "| `%s` | ", o->def);
			assert_non_null(strstr(buf_str(&text), row));
		}
	}
}

static void prefixes_are_folders_of_their_own(void **state)
{
	(void)state;
	for (const struct dumper *const *d = dumpers; *d; d++) {
		assert_non_null((*d)->prefixes[0]);
		assert_non_null((*d)->run);
		assert_non_null((*d)->estimate);
		for (const char *const *p = (*d)->prefixes; *p; p++) {
			assert_true(strlen(*p) > 1);
			assert_true(strcmp(*p, "collector/") && strcmp(*p, "begin.json"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docs_name_every_option_and_default),
		cmocka_unit_test(prefixes_are_folders_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
