/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* lines - the lines of a descriptor, one after the other, in fixed memory:
 * texts of /proc that may have a million of them. */
#include <stdbool.h>
#include <stddef.h>

enum { LINES_MAX = 65536 }; /* bytes of one line; the rest of a longer one is passed over */

struct lines {
	int fd;	   /* borrowed */
	int error; /* negative errno that ended it, 0 at the end of the file */
	bool cut;  /* some line was longer than LINES_MAX */
	bool skipping, eof;
	size_t start, end;
	char data[LINES_MAX + 1];
};

void lines_begin(struct lines *l, int fd);
/* The next line without its newline, valid until the next call; NULL at the end. */
char *lines_next(struct lines *l);
