/* SPDX-License-Identifier: Apache-2.0 */
/* buf - a growing byte buffer that takes its maximum at birth. */
#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_done(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

void *buf_room(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	char *p;

	if (n < b->cap - b->len && n <= b->max - b->len && !b->failed)
		return b->data + b->len;
	if (b->failed || n > b->max || b->len > b->max - n) {
		b->failed = true;
		return NULL;
	}
	while (cap <= b->len + n)
		cap *= 2;
	if (cap > b->cap) {
		p = realloc(b->data, cap);
		if (!p) {
			b->failed = true;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);

	if (!room)
		return -ENOSPC;
	if (n)
		memcpy(room, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_addc(struct buf *b, char c)
{
	if (b->len + 1 >= b->cap || b->len >= b->max || b->failed)
		return buf_add(b, &c, 1);
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addu(struct buf *b, uint64_t v)
{
	char digits[20], *p = digits + sizeof(digits);

	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	return buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

int buf_addu0(struct buf *b, uint64_t v, unsigned digits)
{
	char text[20];

	for (unsigned i = digits; i--; v /= 10)
		text[i] = (char)('0' + v % 10);
	return buf_add(b, text, digits);
}

int buf_fill(struct buf *b, char c, size_t n)
{
	char *room = buf_room(b, n);

	if (!room)
		return -ENOSPC;
	memset(room, c, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	size_t left = b->cap - b->len;
	va_list ap;
	char *room;
	int n;

	/* mostly it fits, and is formatted once */
	va_start(ap, fmt);
	n = vsnprintf(left ? b->data + b->len : NULL, left, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	room = buf_room(b, (size_t)n);
	if (!room) {
		if (b->data)
			b->data[b->len] = '\0';
		return -ENOSPC;
	}
	if ((size_t)n >= left) {
		va_start(ap, fmt);
		vsnprintf(room, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
	return 0;
}

int buf_check(const struct buf *b, struct err *e)
{
	if (b->failed)
		return err_set(e, ENOSPC, "more than %zu bytes", b->max);
	return 0;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}
