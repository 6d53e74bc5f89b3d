/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* term - what is known of the terminal behind a descriptor, and columns of text. */
#include <stdbool.h>
#include <stddef.h>

struct buf;

bool term_is_live(int fd);    /* a terminal that understands carriage return and escapes */
bool term_has_colour(int fd); /* live, and NO_COLOR is unset or empty */
/* Columns; 80 where nobody knows. */
unsigned term_width(int fd);

/* Columns that text takes once it is escaped. */
unsigned term_columns(const char *text);
/* Adds text, escaped, in exactly 'width' columns: cut with an ellipsis, or padded. Width 0: as
 * it is. */
void term_cell(struct buf *out, const char *text, unsigned width);
/* Adds words of text from column 'at' on, lines after the first from column 'indent', in 80
 * columns; newlines stay, one is added. */
void term_wrap(struct buf *out, const char *text, size_t at, size_t indent);
