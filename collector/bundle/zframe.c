/* SPDX-License-Identifier: Apache-2.0 */
/* zframe - the outside of a zstd frame. */
#include "zframe.h"

#include <errno.h>
#include <stdbool.h>

enum {
	BLOCK_HEAD = 3,
	BLOCK_MAX = 128 << 10,
	CHECKSUM = 4,
	/* the descriptor byte */
	FD_DICT = 0x03,
	FD_CHECKSUM = 0x04,
	FD_RESERVED = 0x08,
	FD_SINGLE = 0x20,
	BLOCK_RAW = 0,
	BLOCK_RLE = 1,
	BLOCK_RESERVED = 3,
};

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

/* The size that a window descriptor byte stands for (RFC 8878, 3.1.1.1.2). */
static uint64_t window(uint8_t b)
{
	uint64_t base = 1ULL << (10 + (b >> 3));

	return base + base / 8 * (b & 7);
}

static int refuse(struct zframe *f, size_t looked_at, const char *why, struct err *e)
{
	f->length = looked_at;
	return err_set(e, EBADMSG, "%s", why);
}

/* Magic number, descriptor, window, content size. Leaves f->length behind it. */
static int walk_head(struct zframe *f, const uint8_t *p, size_t n, struct err *e)
{
	static const uint8_t size_bytes[] = {1, 2, 4, 8};
	size_t at = 5, field;
	uint64_t content;
	uint8_t fd;

	if (n < at)
		return 0;
	fd = p[4];
	if (little(p, 4) != ZFRAME_MAGIC)
		return refuse(f, 4, "neither a frame nor a seal", e);
	if ((fd & (FD_DICT | FD_RESERVED)) || !(fd & FD_CHECKSUM))
		return refuse(f, 5, "not a frame of a bundle (no checksum, or a dictionary)", e);
	if (!(fd & FD_SINGLE) && fd >> 6 == 0)
		return refuse(f, 5, "not a frame of a bundle (no content size)", e);
	if (!(fd & FD_SINGLE)) {
		if (n < at + 1)
			return 0;
		if (window(p[at++]) > ZFRAME_CONTENT)
			return refuse(f, at, "a frame with a larger window than allowed", e);
	}
	field = size_bytes[fd >> 6];
	if (n < at + field)
		return 0;
	content = little(p + at, field) + (field == 2 ? 256 : 0);
	if (content > ZFRAME_CONTENT || !content)
		return refuse(f, at + field, "a frame of more content than allowed, or of none", e);
	f->content = (size_t)content;
	f->length = at + field;
	return 1;
}

/* One block at f->length; 2: it was the last. */
static int walk_block(struct zframe *f, const uint8_t *p, size_t n, struct err *e)
{
	size_t at = f->length, size;
	uint64_t head;
	unsigned type;

	if (n - at < BLOCK_HEAD)
		return 0;
	head = little(p + at, BLOCK_HEAD);
	type = head >> 1 & 3;
	size = (size_t)(head >> 3);
	if (type == BLOCK_RESERVED || size > BLOCK_MAX)
		return refuse(f, at + BLOCK_HEAD, "a frame with a broken block", e);
	/* a chain of empty blocks is what zeros look like */
	if (!size && !(head & 1))
		return refuse(f, at, "a frame with an empty block", e);
	if (type == BLOCK_RLE)
		size = 1;
	if (at + BLOCK_HEAD + size + CHECKSUM > ZFRAME_MAX)
		return refuse(f, at + BLOCK_HEAD, "a frame longer than allowed", e);
	size += BLOCK_HEAD + (head & 1 ? CHECKSUM : 0);
	if (n - at < size)
		return 0;
	f->length = at + size;
	return head & 1 ? 2 : 1;
}

int zframe_walk(struct zframe *f, const uint8_t *p, size_t n, struct err *e)
{
	int rc = f->length ? 1 : walk_head(f, p, n, e);

	while (rc == 1)
		rc = walk_block(f, p, n, e);
	return rc == 2 ? 1 : rc;
}
