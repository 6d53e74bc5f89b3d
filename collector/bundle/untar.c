/* SPDX-License-Identifier: Apache-2.0 */
/* untar - takes the bundle's tar apart as it comes. */
#include "untar.h"

#include "names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BLOCK = 512,
	RECORD = 10240, /* what some writers pad an archive to */
};

/* POSIX.1-1988 ustar */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], typeflag;
	char linkname[100], magic[6], version[2], uname[32], gname[32];
	char devmajor[8], devminor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a ustar header is one block");

enum state { IN_HEAD, IN_PAX, IN_DATA, IN_END };

struct untar {
	const struct untar_ops *ops;
	void *arg;
	char folder[96];
	enum state state;
	union {
		struct ustar head;
		unsigned char block[BLOCK];
	};
	size_t have;	/* bytes of the block, or of the pax header with its padding */
	size_t zeros;	/* zero blocks at the end */
	uint64_t total; /* bytes fed */
	uint64_t size, done, padding;
	bool member; /* an open one */
	char name[UNTAR_NAME];
	char pax[UNTAR_PAX_MAX + BLOCK];
	size_t pax_size;
	bool pax_there; /* what follows belongs to the next header */
	bool pax_has_size, pax_has_path;
	uint64_t pax_file_size;
	char pax_path[UNTAR_NAME + 96];
};

struct untar *untar_new(const char *folder, const struct untar_ops *ops, void *arg)
{
	struct untar *t = calloc(1, sizeof(*t));

	if (!t || strlen(folder) >= sizeof(t->folder)) {
		free(t);
		return NULL;
	}
	strncpy(t->folder, folder, sizeof(t->folder) - 1);
	t->ops = ops;
	t->arg = arg;
	return t;
}

void untar_free(struct untar *t)
{
	free(t);
}

bool untar_looks_like_ours(const void *p, size_t n)
{
	static const char ours[] = "taphos-";

	return !memcmp(p, ours, n < sizeof(ours) - 1 ? n : sizeof(ours) - 1);
}

/* Octal digits, then NULs or blanks. UINT64_MAX: none. */
static uint64_t octal(const char *p, size_t n)
{
	uint64_t v = 0;
	size_t i = 0;

	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (uint64_t)(p[i] - '0');
	if (!i || i == n)
		return UINT64_MAX;
	for (; i < n; i++)
		if (p[i] && p[i] != ' ')
			return UINT64_MAX;
	return v;
}

static bool checksum_fits(const struct untar *t)
{
	size_t from = offsetof(struct ustar, chksum), to = offsetof(struct ustar, typeflag);
	uint64_t sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= from && i < to ? ' ' : t->block[i];
	return octal(t->head.chksum, sizeof(t->head.chksum)) == sum;
}

static bool block_is_zero(const struct untar *t)
{
	return !t->block[0] && !memcmp(t->block, t->block + 1, BLOCK - 1);
}

/* "LENGTH KEY=VALUE\n" at p; returns its length, 0 when it is none. */
static size_t pax_record(struct untar *t, const char *p, size_t n)
{
	const char *end, *equals;
	size_t len = 0, digits = 0, key, value;

	for (; digits < n && digits < 5 && p[digits] >= '0' && p[digits] <= '9'; digits++)
		len = 10 * len + (size_t)(p[digits] - '0');
	if (!digits || p[0] == '0' || len > n || len < digits + 4 || p[digits] != ' ' ||
		p[len - 1] != '\n')
		return 0;
	p += digits + 1;
	end = p + (len - digits - 2);
	equals = memchr(p, '=', (size_t)(end - p));
	if (!equals)
		return 0;
	key = (size_t)(equals - p);
	value = (size_t)(end - equals) - 1;
	if (key == 4 && !memcmp(p, "path", 4)) {
		if (t->pax_has_path || !value || value >= sizeof(t->pax_path))
			return 0;
		memcpy(t->pax_path, equals + 1, value);
		t->pax_path[value] = '\0';
		t->pax_has_path = strlen(t->pax_path) == value;
		return t->pax_has_path ? len : 0;
	}
	if (key == 4 && !memcmp(p, "size", 4)) {
		uint64_t v = 0;

		if (t->pax_has_size || !value || value > 18)
			return 0;
		for (const char *c = equals + 1; c < end; c++) {
			if (*c < '0' || *c > '9')
				return 0;
			v = 10 * v + (uint64_t)(*c - '0');
		}
		t->pax_file_size = v;
		t->pax_has_size = true;
		return len;
	}
	return key == 5 && (!memcmp(p, "mtime", 5) || !memcmp(p, "atime", 5) ||
				   !memcmp(p, "ctime", 5))
		       ? len
		       : 0;
}

static int take_pax(struct untar *t, struct err *e)
{
	for (size_t at = 0, len; at < t->pax_size; at += len) {
		len = pax_record(t, t->pax + at, t->pax_size - at);
		if (!len)
			return err_set(e, EBADMSG, "tar: a pax header of another kind");
	}
	t->pax_there = true;
	t->state = IN_HEAD;
	t->have = 0;
	return 0;
}

/* A field that need not end in a NUL. */
static size_t put_field(char *ret, const char *field, size_t n)
{
	size_t len = strnlen(field, n);

	memcpy(ret, field, len);
	ret[len] = '\0';
	return len;
}

static int take_name(struct untar *t, struct err *e)
{
	char path[sizeof(t->pax_path)];
	size_t len = 0, folder = strlen(t->folder);

	if (t->pax_has_path) {
		memcpy(path, t->pax_path, sizeof(path));
	} else {
		len = put_field(path, t->head.prefix, sizeof(t->head.prefix));
		if (len)
			path[len++] = '/';
		put_field(path + len, t->head.name, sizeof(t->head.name));
	}
	if (strncmp(path, t->folder, folder) || path[folder] != '/')
		return err_set(e, EBADMSG, "tar: a name outside the folder %s", t->folder);
	if (strlen(path) >= UNTAR_NAME || !names_is_safe(path + folder + 1))
		return err_set(e, EBADMSG, "tar: a name that is not safe");
	memcpy(t->name, path + folder + 1, strlen(path) - folder);
	return 0;
}

static int start_member(struct untar *t, struct err *e)
{
	uint64_t size = octal(t->head.size, sizeof(t->head.size));
	int rc;

	if (t->head.typeflag != '0' || t->head.linkname[0] ||
		octal(t->head.mode, sizeof(t->head.mode)) > 0777)
		return err_set(e, EBADMSG, "tar: not a regular file");
	/* a size too large for its field: the pax header's is what counts */
	if (t->pax_has_size)
		size = t->pax_file_size;
	if (size > (uint64_t)INT64_MAX)
		return err_set(e, EBADMSG, "tar: no size");
	rc = take_name(t, e);
	if (rc < 0)
		return rc;
	t->pax_there = t->pax_has_size = t->pax_has_path = false;
	t->size = size;
	t->done = 0;
	t->padding = -size % BLOCK;
	t->member = true;
	t->state = IN_DATA;
	return t->ops->begin(t->arg, t->name, size, e);
}

static int take_head(struct untar *t, struct err *e)
{
	if (block_is_zero(t)) {
		if (t->pax_there)
			return err_set(e, EBADMSG, "tar: a pax header without a file");
		t->state = IN_END;
		t->zeros = 1;
		return 0;
	}
	if (memcmp(t->head.magic, "ustar", 6) != 0 || memcmp(t->head.version, "00", 2) != 0 ||
		!checksum_fits(t))
		return err_set(e, EBADMSG, "tar: not a ustar header");
	if (t->head.typeflag != 'x')
		return start_member(t, e);
	t->pax_size = octal(t->head.size, sizeof(t->head.size));
	if (t->pax_there || !t->pax_size || t->pax_size > UNTAR_PAX_MAX)
		return err_set(e, EBADMSG, "tar: a pax header of another size");
	t->state = IN_PAX;
	return 0;
}

static int take_end(struct untar *t, struct err *e)
{
	uint64_t least = t->total - (t->zeros + 1) * BLOCK + 2 * BLOCK;

	if (!block_is_zero(t))
		return err_set(e, EBADMSG, "tar: something behind its end");
	t->zeros++;
	if (t->zeros > 2 && t->total > (least + RECORD - 1) / RECORD * RECORD)
		return err_set(e, EBADMSG, "tar: too many zeros at its end");
	return 0;
}

/* Copies up to 'want' bytes in all into 'to'; true when they are there. */
static bool gather(struct untar *t, void *to, size_t want, const unsigned char **p, size_t *n)
{
	size_t take = want - t->have < *n ? want - t->have : *n;

	memcpy((char *)to + t->have, *p, take);
	t->have += take;
	t->total += take;
	*p += take;
	*n -= take;
	return t->have == want;
}

static int feed_data(struct untar *t, const unsigned char **p, size_t *n, struct err *e)
{
	uint64_t left = t->size - t->done;
	size_t take = left < *n ? (size_t)left : *n;
	int rc;

	if (take) {
		rc = t->ops->data(t->arg, *p, take, e);
		if (rc < 0)
			return rc;
		t->done += take;
	} else {
		take = t->padding < *n ? (size_t)t->padding : *n;
		for (size_t i = 0; i < take; i++)
			if ((*p)[i])
				return err_set(e, EBADMSG, "tar: bytes behind the end of a file");
		t->padding -= take;
	}
	t->total += take;
	*p += take;
	*n -= take;
	return 0;
}

static int end_member(struct untar *t, struct err *e)
{
	if (t->done < t->size || t->padding)
		return 0;
	t->member = false;
	t->state = IN_HEAD;
	t->have = 0;
	return t->ops->end(t->arg, e);
}

static int step(struct untar *t, const unsigned char **p, size_t *n, struct err *e)
{
	int rc;

	switch (t->state) {
	case IN_PAX:
		if (!gather(t, t->pax, (t->pax_size + BLOCK - 1) / BLOCK * BLOCK, p, n))
			return 0;
		return take_pax(t, e);
	case IN_DATA:
		rc = feed_data(t, p, n, e);
		return rc < 0 ? rc : end_member(t, e);
	default:
		if (!gather(t, t->block, BLOCK, p, n))
			return 0;
		t->have = 0;
		if (t->state == IN_END)
			return take_end(t, e);
		rc = take_head(t, e);
		/* a file without content ends at once */
		return rc == 0 && t->state == IN_DATA ? end_member(t, e) : rc;
	}
}

int untar_feed(struct untar *t, const void *bytes, size_t n, struct err *e)
{
	const unsigned char *p = bytes;
	int rc = 0;

	while (n && rc == 0)
		rc = step(t, &p, &n, e);
	return rc;
}

bool untar_ended(const struct untar *t)
{
	return t->state == IN_END && t->zeros >= 2 && !t->have;
}

const char *untar_open(const struct untar *t, uint64_t *ret_size, uint64_t *ret_done)
{
	*ret_size = t->size;
	*ret_done = t->done;
	return t->member ? t->name : NULL;
}
