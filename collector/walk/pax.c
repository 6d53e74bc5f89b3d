/* SPDX-License-Identifier: Apache-2.0 */
/* pax - the headers of one member of a pax tar. */
#include "pax.h"

#include "rec.h"
#include "text.h"
#include "xattrs.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], chksum[8], type;
	char link[100], magic[6], version[2], uname[32], gname[32], major[8], minor[8];
	char prefix[155], unused[12];
};
static_assert(sizeof(struct ustar) == PAX_BLOCK, "one block");

static size_t digits(uint64_t v)
{
	size_t n = 1;

	while (v /= 10)
		n++;
	return n;
}

/* "LEN key=value\n", where LEN counts itself. n bytes of value and the newline are added by the
 * caller. */
static void record_start(struct buf *b, const char *key, size_t key_len, size_t n)
{
	size_t rest = 1 + key_len + 1 + n + 1, len = rest + digits(rest);

	if (digits(len) > digits(rest))
		len++;
	(void)buf_addu(b, len);
	(void)buf_addc(b, ' ');
	(void)buf_add(b, key, key_len);
	(void)buf_addc(b, '=');
}

static void record(struct buf *b, const char *key, size_t key_len, const void *value, size_t n)
{
	record_start(b, key, key_len, n);
	(void)buf_add(b, value, n);
	(void)buf_addc(b, '\n');
}

static void record_str(struct buf *b, const char *key, const char *value)
{
	record(b, key, strlen(key), value, strlen(value));
}

static void record_u64(struct buf *b, const char *key, uint64_t v)
{
	record_start(b, key, strlen(key), digits(v));
	(void)buf_addu(b, v);
	(void)buf_addc(b, '\n');
}

/* Seconds may be negative: -1.5 s is { -2, 500000000 }. */
static void record_time(struct buf *b, const char *key, const struct rec_time *t)
{
	bool minus = t->sec < 0, part = minus && t->nsec;
	uint64_t sec = minus ? 0 - (uint64_t)t->sec - part : (uint64_t)t->sec;

	if (!t->known)
		return;
	record_start(b, key, strlen(key), minus + digits(sec) + 1 + 9);
	if (minus)
		(void)buf_addc(b, '-');
	(void)buf_addu(b, sec);
	(void)buf_addc(b, '.');
	(void)buf_addu0(b, part ? 1000000000 - t->nsec : t->nsec, 9);
	(void)buf_addc(b, '\n');
}

/* GNU tar's way: '=' would end the key. */
static void record_xattr(struct buf *b, const struct xattr *x)
{
	own_buf struct buf key = BUF_INIT(1024);

	(void)buf_adds(&key, "SCHILY.xattr.");
	for (size_t i = 0; i < x->name_len; i++)
		if (x->name[i] == '=' || x->name[i] == '%')
			(void)buf_addf(&key, "%%%02X", x->name[i]);
		else
			(void)buf_addc(&key, x->name[i]);
	record(b, buf_str(&key), key.len, x->value, x->value_len);
}

static void octal(char *field, size_t size, uint64_t v)
{
	uint64_t max = (1ULL << (3 * (size - 1))) - 1;

	if (v > max) /* a record says it */
		v = 0;
	for (size_t i = size - 1; i--; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static bool fits_octal(size_t size, uint64_t v)
{
	return v < 1ULL << (3 * (size - 1));
}

static void finish(struct ustar *h)
{
	const uint8_t *p = (const uint8_t *)h;
	unsigned sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->chksum, ' ', sizeof(h->chksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += p[i];
	octal(h->chksum, 7, sum);
	h->chksum[6] = '\0';
}

/* Into name and prefix, split at a slash; false: too long. */
static bool put_path(struct ustar *h, const char *path)
{
	size_t len = strlen(path), cut;

	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	if (len > sizeof(h->name) + 1 + sizeof(h->prefix))
		return false;
	for (cut = len - sizeof(h->name) - 1; cut < len - 1; cut++)
		if (path[cut] == '/' && cut)
			break;
	if (cut >= len - 1 || cut > sizeof(h->prefix))
		return false;
	memcpy(h->prefix, path, cut);
	memcpy(h->name, path + cut + 1, len - cut - 1);
	return true;
}

static char type_of(const struct pax *p)
{
	if (p->empty)
		return '0';
	if (p->link)
		return '1';
	switch (p->rec->mode & S_IFMT) {
	case S_IFLNK:
		return '2';
	case S_IFCHR:
		return '3';
	case S_IFBLK:
		return '4';
	case S_IFDIR:
		return '5';
	case S_IFIFO:
		return '6';
	default:
		return '0';
	}
}

/* "N\noffset\nlength\n..." with zeros up to a block. */
static void sparse_map(struct buf *b, const struct rec *r)
{
	size_t start = b->len;

	(void)buf_addf(b, "%u\n", r->extents);
	for (uint32_t i = 0; i < r->extents; i++) {
		struct rec_extent x = rec_extent_at(r, i);

		(void)buf_addf(
			b, "%llu\n%llu\n", (unsigned long long)x.start, (unsigned long long)x.len);
	}
	(void)buf_fill(b, '\0', pax_padding(b->len - start));
}

static void add_sparse(struct buf *ext, const struct pax *p)
{
	record_str(ext, "GNU.sparse.major", "1");
	record_str(ext, "GNU.sparse.minor", "0");
	record_str(ext, "GNU.sparse.name", p->path);
	record_u64(ext, "GNU.sparse.realsize", p->rec->size);
}

static void add_path(struct buf *ext, struct ustar *h, const struct pax *p, bool sparse)
{
	bool raw = false;

	if (sparse) {
		(void)put_path(h, "GNUSparseFile.0/file");
		raw = true;
	} else if (!put_path(h, p->path)) {
		record_str(ext, "path", p->path);
		(void)put_path(h, "PaxHeaders.0/long");
		raw = true;
	}
	if (raw && !text_is_utf8(p->path, strlen(p->path)))
		record_str(ext, "hdrcharset", "BINARY");
}

static void add_link(struct buf *ext, struct ustar *h, const char *to, size_t len)
{
	if (len <= sizeof(h->link))
		memcpy(h->link, to, len);
	else
		record(ext, "linkpath", 8, to, len);
}

static void add_owner(struct buf *ext, struct ustar *h, const struct rec *r)
{
	octal(h->mode, sizeof(h->mode), r->mode & 07777);
	octal(h->uid, sizeof(h->uid), r->uid);
	octal(h->gid, sizeof(h->gid), r->gid);
	if (!fits_octal(sizeof(h->uid), r->uid))
		record_u64(ext, "uid", r->uid);
	if (!fits_octal(sizeof(h->gid), r->gid))
		record_u64(ext, "gid", r->gid);
	octal(h->mtime, sizeof(h->mtime), r->mtime.sec < 0 ? 0 : (uint64_t)r->mtime.sec);
	record_time(ext, "mtime", &r->mtime);
	record_time(ext, "atime", &r->atime);
	record_time(ext, "ctime", &r->ctime);
}

static void add_xattrs(struct buf *ext, const struct pax *p)
{
	struct xattr x;

	for (size_t at = 0; xattrs_next(rec_xattrs(p->rec), p->rec->xattr_len, &at, &x);)
		if (!p->keep || p->keep(x.name, p->keep_arg))
			record_xattr(ext, &x);
}

/* The header in front of the real one, over the records in [at + PAX_BLOCK, out->len). */
static void finish_records(struct buf *out, size_t at)
{
	size_t len = out->len - at - PAX_BLOCK;
	struct ustar h = {0};

	(void)put_path(&h, "PaxHeaders.0/next");
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), len);
	octal(h.mtime, sizeof(h.mtime), 0);
	h.type = 'x';
	finish(&h);
	(void)buf_fill(out, '\0', pax_padding(len));
	if (!out->failed)
		memcpy(out->data + at, &h, sizeof(h));
}

static void add_device(struct ustar *h, const struct rec *r)
{
	if (h->type != '3' && h->type != '4')
		return;
	octal(h->major, sizeof(h->major), r->rdev_major);
	octal(h->minor, sizeof(h->minor), r->rdev_minor);
}

/* All records; map: the sparse file's, empty otherwise. */
static void add_records(
	struct buf *out, struct ustar *h, const struct pax *p, const struct buf *map)
{
	const struct rec *r = p->rec;
	uint64_t size = h->type == '0' && !p->empty ? r->data + map->len : 0;

	add_path(out, h, p, map->len);
	add_owner(out, h, r);
	if (p->link)
		add_link(out, h, p->link, strlen(p->link));
	else if (h->type == '2')
		add_link(out, h, rec_target(r), r->target_len);
	if (!p->empty && !p->link)
		add_xattrs(out, p);
	if (map->len)
		add_sparse(out, p);
	octal(h->size, sizeof(h->size), size);
	if (!fits_octal(sizeof(h->size), size))
		record_u64(out, "size", size);
	add_device(h, r);
}

int pax_add(struct buf *out, const struct pax *p, struct err *e)
{
	own_buf struct buf map = BUF_INIT(PAX_HEAD_MAX);
	struct ustar h = {.type = type_of(p)};
	size_t at = out->len;

	if (h.type == '0' && !p->empty && (p->rec->flags & REC_SPARSE))
		sparse_map(&map, p->rec);
	(void)buf_fill(out, '\0', PAX_BLOCK);
	add_records(out, &h, p, &map);
	finish_records(out, at);
	finish(&h);
	(void)buf_add(out, &h, sizeof(h));
	(void)buf_add(out, map.data, map.len);
	if (map.failed)
		return err_set(e, E2BIG, "a map of more than %d bytes", PAX_HEAD_MAX);
	return buf_check(out, e);
}
