/* SPDX-License-Identifier: Apache-2.0 */
/* term - what is known of the terminal behind a descriptor, and columns of text. */
#include "term.h"
#include "buf.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_DEFAULT = 80, WIDTH_MAX = 500, CELL_MAX = 16384 };

bool term_is_live(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool term_has_colour(int fd)
{
	const char *no = getenv("NO_COLOR");

	return term_is_live(fd) && !(no && *no);
}

unsigned term_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

struct range {
	uint32_t first, last;
};

static bool in_range(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].first && c <= r[i].last)
			return true;
	return false;
}

static uint32_t decode(const unsigned char *p, size_t len)
{
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fU >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* wcwidth() needs a locale, which we never load. These are the blocks that matter in names. */
/* Columns that one UTF-8 sequence takes (0, 1 or 2); text that text_escape() let through. */
static unsigned sequence_columns(const char *p, size_t len)
{
	static const struct range zero[] = {
		{0x0300, 0x036f},
		{0x0483, 0x0489},
		{0x0591, 0x05bd},
		{0x064b, 0x065f},
		{0x1ab0, 0x1aff},
		{0x1dc0, 0x1dff},
		{0x20d0, 0x20ff},
		{0xfe00, 0xfe0f},
		{0xfe20, 0xfe2f},
		{0xe0100, 0xe01ef},
	};
	static const struct range wide[] = {
		{0x1100, 0x115f},
		{0x2e80, 0x303e},
		{0x3041, 0xa4cf},
		{0xa960, 0xa97f},
		{0xac00, 0xd7a3},
		{0xf900, 0xfaff},
		{0xfe30, 0xfe6f},
		{0xff01, 0xff60},
		{0xffe0, 0xffe6},
		{0x1f300, 0x1f64f},
		{0x1f680, 0x1f6ff},
		{0x1f900, 0x1f9ff},
		{0x20000, 0x3fffd},
	};
	uint32_t c = decode((const unsigned char *)p, len);

	if (in_range(zero, sizeof(zero) / sizeof(zero[0]), c))
		return 0;
	return in_range(wide, sizeof(wide) / sizeof(wide[0]), c) ? 2 : 1;
}

/* How many bytes of text fit into width columns; *ret_used: the columns they take. */
static size_t fit(const char *text, size_t n, unsigned width, unsigned *ret_used)
{
	size_t at = 0;

	*ret_used = 0;
	while (at < n) {
		size_t len = text_utf8_len(text + at, n - at);
		unsigned columns = sequence_columns(text + at, len);

		if (*ret_used + columns > width)
			break;
		*ret_used += columns;
		at += len;
	}
	return at;
}

static size_t columns_of(const char *text, size_t n)
{
	size_t columns = 0;

	for (size_t at = 0, len; at < n; at += len) {
		len = text_utf8_len(text + at, n - at);
		len = len ? len : 1;
		columns += sequence_columns(text + at, len);
	}
	return columns;
}

unsigned term_columns(const char *text)
{
	own_buf struct buf plain = BUF_INIT(CELL_MAX);

	text_escape(&plain, text, strlen(text));
	return (unsigned)columns_of(buf_str(&plain), plain.len);
}

void term_cell(struct buf *out, const char *text, unsigned width)
{
	own_buf struct buf plain = BUF_INIT(CELL_MAX);
	unsigned used;
	size_t n;

	text_escape(&plain, text, strlen(text));
	n = width ? fit(buf_str(&plain), plain.len, width, &used) : plain.len;
	if (n < plain.len)
		n = fit(buf_str(&plain), plain.len, width - 1, &used);
	buf_add(out, buf_str(&plain), n);
	if (!width)
		return;
	if (n < plain.len) {
		buf_adds(out, "\xe2\x80\xa6");
		used++;
	}
	for (; used < width; used++)
		buf_addc(out, ' ');
}

void term_wrap(struct buf *out, const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " \n"), columns = columns_of(text, len);

		if (at > indent && at + 1 + columns > WIDTH_DEFAULT) {
			buf_addf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			buf_addc(out, ' ');
			at++;
		}
		buf_add(out, text, len);
		at += columns;
		text += len;
		if (*text == '\n') {
			buf_addf(out, "\n%*s", text[1] == '\n' ? 0 : (int)indent, "");
			at = indent;
		}
		text += *text != '\0';
	}
	buf_addc(out, '\n');
}
