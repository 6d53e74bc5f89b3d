/* SPDX-License-Identifier: Apache-2.0 */
/* jsonline - on which line a key stands. */
#include "jsonline.h"

#include <stddef.h>
#include <string.h>

/* p is behind an opening quote; returns the closing one. */
static const char *string_end(const char *p)
{
	while (*p && *p != '"')
		p += (*p == '\\' && p[1]) + 1;
	return p;
}

unsigned jsonline_of(const char *text, const char *const *path)
{
	unsigned line = 1, found = 1, depth = 0, matched = 0;

	for (const char *p = text; *p && path[matched]; p++) {
		const char *end;

		line += *p == '\n';
		if (*p == '{' || *p == '[')
			depth++;
		if ((*p == '}' || *p == ']') && --depth < matched)
			break; /* the object of the last match has ended */
		if (*p != '"')
			continue;
		end = string_end(p + 1);
		if (depth == matched + 1 && (size_t)(end - p - 1) == strlen(path[matched]) &&
			!strncmp(p + 1, path[matched], (size_t)(end - p - 1)) && *end &&
			end[1 + strspn(end + 1, " \t\r\n")] == ':') {
			found = line;
			matched++;
		}
		p = *end ? end : end - 1;
	}
	return found;
}
