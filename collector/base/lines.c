/* SPDX-License-Identifier: Apache-2.0 */
/* lines - the lines of a descriptor, in fixed memory. */
#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void lines_begin(struct lines *l, int fd)
{
	l->fd = fd;
	l->error = 0;
	l->cut = l->skipping = l->eof = false;
	l->start = l->end = 0;
}

static void fill(struct lines *l)
{
	ssize_t n;

	memmove(l->data, l->data + l->start, l->end - l->start);
	l->end -= l->start;
	l->start = 0;
	do
		n = read(l->fd, l->data + l->end, LINES_MAX - l->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		l->error = -errno;
	if (n <= 0)
		l->eof = true;
	else
		l->end += (size_t)n;
}

/* What is between start and 'to' becomes a line, unless it is the tail of a long one. */
static char *give(struct lines *l, size_t to, size_t next)
{
	char *line = l->data + l->start;
	bool tail = l->skipping;

	l->data[to] = '\0';
	l->start = next;
	l->skipping = false;
	return tail ? NULL : line;
}

char *lines_next(struct lines *l)
{
	for (;;) {
		char *nl = memchr(l->data + l->start, '\n', l->end - l->start);
		char *line = NULL;

		if (nl) {
			line = give(l, (size_t)(nl - l->data), (size_t)(nl - l->data) + 1);
		} else if (!l->eof && (l->start || l->end < LINES_MAX)) {
			fill(l);
			continue;
		} else if (l->start == l->end) {
			return NULL;
		} else {
			line = give(l, l->end, l->end);
			l->cut |= !l->eof;
			l->skipping = !l->eof;
		}
		if (line)
			return line;
	}
}
