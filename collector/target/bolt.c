/* SPDX-License-Identifier: Apache-2.0 */
/* bolt - reads the key-value files of containerd. */
#include "bolt.h"
#include "hostfs.h"
#include "io.h"
#include "own.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FILE_MAGIC = 0xED0CDAED,
	FILE_VERSION = 2,
	META_BYTES = 56, /* what its checksum covers */
	HEADER = 16,
	ELEMENT = 16,
	PAGE_MAX = 8 << 20, /* a page with its overflow pages */
	DEPTH = 32,
	NAMES_MAX = 100000,
	FLAG_BRANCH = 1,
	FLAG_LEAF = 2,
};

/* Little endian, unaligned: as every machine that runs containers writes it. */
static uint16_t get16(const char *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint64_t fnv1a(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3ULL;
	return h;
}

/* --- pages --- */

/* 0 and the state's transaction, or -EBADMSG. meta points behind the page's header. */
static int check_meta(const char *meta, uint64_t *ret_txid)
{
	uint32_t size = get32(meta + 8);

	if (get32(meta) != FILE_MAGIC || get32(meta + 4) != FILE_VERSION || size < 512 ||
		size > (1 << 16) || get64(meta + META_BYTES) != fnv1a(meta, META_BYTES))
		return -EBADMSG;
	*ret_txid = get64(meta + 48);
	return 0;
}

static void try_meta(struct bolt *b, off_t at, uint64_t *best, bool *found)
{
	char page[HEADER + META_BYTES + 8];
	uint64_t txid;

	if (io_pread(b->fd, page, sizeof(page), at) != sizeof(page) ||
		check_meta(page + HEADER, &txid) < 0 || (*found && txid <= *best))
		return;
	*found = true;
	*best = txid;
	b->page_size = get32(page + HEADER + 8);
	b->root = get64(page + HEADER + 16);
}

int bolt_open(struct bolt *b, int root_fd, const char *path, struct err *e)
{
	uint64_t best = 0;
	bool found = false;
	struct stat st;

	*b = BOLT_INIT;
	b->fd = hostfs_open_file(root_fd, path, e);
	if (b->fd < 0)
		return b->fd;
	if (fstat(b->fd, &st) < 0)
		return err_errno(e, "stat %s", path);
	/* the second state lies one page on, whatever a page is: sizes are powers of two */
	try_meta(b, 0, &best, &found);
	for (off_t at = 512; at <= 1 << 16; at *= 2)
		try_meta(b, at, &best, &found);
	if (!found)
		return err_set(e, EBADMSG, "%s: not a bolt database", path);
	b->pages = (uint64_t)st.st_size / b->page_size;
	return 0;
}

void bolt_close(struct bolt *b)
{
	own_fd_(&b->fd);
	b->fd = -1;
}

static int read_page(const struct bolt *b, uint64_t id, struct buf *page)
{
	char head[HEADER];
	uint64_t bytes;
	char *room;

	if (id < 2 || id >= b->pages ||
		io_pread(b->fd, head, HEADER, (off_t)(id * b->page_size)) != HEADER ||
		get64(head) != id)
		return -EBADMSG;
	bytes = ((uint64_t)get32(head + 12) + 1) * b->page_size;
	if (bytes > PAGE_MAX || id + get32(head + 12) >= b->pages)
		return -EBADMSG;
	buf_clear(page);
	room = buf_room(page, (size_t)bytes);
	if (!room)
		return -ENOMEM;
	if (io_pread(b->fd, room, (size_t)bytes, (off_t)(id * b->page_size)) != (ssize_t)bytes)
		return -EBADMSG;
	page->len = (size_t)bytes;
	return 0;
}

/* One element of a page. */
struct element {
	const char *key, *value;
	size_t key_len, value_len;
	uint64_t child; /* in branches */
	bool is_bucket;
};

static unsigned count_of(const struct buf *page)
{
	return page->len < HEADER ? 0 : get16(page->data + 10);
}

static bool is_leaf(const struct buf *page)
{
	return page->len >= HEADER && (get16(page->data + 8) & FLAG_LEAF);
}

static int get_element(const struct buf *page, unsigned i, struct element *ret)
{
	size_t at = HEADER + (size_t)i * ELEMENT;
	const char *p = page->data + at;
	bool leaf = is_leaf(page);
	size_t pos;

	if (i >= count_of(page) || page->len < at + ELEMENT ||
		!(get16(page->data + 8) & (FLAG_LEAF | FLAG_BRANCH)))
		return -EBADMSG;
	pos = get32(leaf ? p + 4 : p);
	ret->key_len = get32(leaf ? p + 8 : p + 4);
	ret->value_len = leaf ? get32(p + 12) : 0;
	ret->child = leaf ? 0 : get64(p + 8);
	ret->is_bucket = leaf && (get32(p) & 1);
	if (pos > page->len - at || ret->key_len > page->len - at - pos ||
		ret->value_len > page->len - at - pos - ret->key_len)
		return -EBADMSG;
	ret->key = p + pos;
	ret->value = ret->key + ret->key_len;
	return 0;
}

/* --- buckets --- */

/* Loads the top page of a bucket: of its own, or inside the value when it is small. */
static int enter(const struct bolt *b, const char *value, size_t len, struct buf *page)
{
	own_buf struct buf copy = BUF_INIT(PAGE_MAX);

	if (len < 16)
		return -EBADMSG;
	if (get64(value))
		return read_page(b, get64(value), page);
	/* value points into page */
	if (buf_add(&copy, value + 16, len - 16) < 0)
		return -ENOMEM;
	buf_clear(page);
	return buf_add(page, copy.data ? copy.data : "", copy.len);
}

static int compare(const struct element *el, const char *name, size_t len)
{
	int order = memcmp(el->key, name, el->key_len < len ? el->key_len : len);

	return order ? order : (el->key_len > len) - (el->key_len < len);
}

/* Finds a name below page, which becomes the leaf it is in. */
static int find(
	const struct bolt *b, const char *name, size_t len, struct buf *page, struct element *ret)
{
	for (int depth = 0; depth < DEPTH; depth++) {
		uint64_t child = 0;
		int rc = 0;

		for (unsigned i = 0; i < count_of(page); i++) {
			rc = get_element(page, i, ret);
			if (rc < 0)
				return rc;
			if (is_leaf(page) && !compare(ret, name, len))
				return 0;
			if (!is_leaf(page) && i && compare(ret, name, len) > 0)
				break;
			child = ret->child;
		}
		if (is_leaf(page) || !child)
			return -ENOENT;
		rc = read_page(b, child, page);
		if (rc < 0)
			return rc;
	}
	return -EBADMSG;
}

/* Walks a path of names. The element found points into page. */
static int follow(const struct bolt *b, const char *path, struct buf *page, struct element *ret)
{
	int rc = read_page(b, b->root, page);

	while (rc == 0) {
		size_t len = strcspn(path, BOLT_SEP);

		rc = find(b, path, len, page, ret);
		path += len;
		if (rc < 0 || !*path)
			break;
		path++;
		rc = ret->is_bucket ? enter(b, ret->value, ret->value_len, page) : -ENOENT;
	}
	return rc;
}

int bolt_get(const struct bolt *b, const char *path, struct buf *ret)
{
	own_buf struct buf page = BUF_INIT(PAGE_MAX);
	struct element el;
	int rc = b->fd < 0 ? -ENOENT : follow(b, path, &page, &el);

	if (rc < 0)
		return rc;
	return el.is_bucket ? -ENOENT : buf_add(ret, el.value, el.value_len);
}

void bolt_text(const struct bolt *b, const char *path, char *ret, size_t size)
{
	own_buf struct buf text = BUF_INIT(size - 1);

	if (bolt_get(b, path, &text) < 0)
		buf_clear(&text);
	memcpy(ret, buf_str(&text), text.len);
	ret[text.len] = '\0';
}

/* --- all names --- */

struct walk {
	const struct bolt *b;
	int (*each)(const char *name, void *arg);
	void *arg;
	unsigned names;
};

static int visit_name(struct walk *w, const struct element *el)
{
	char name[512];

	if (++w->names > NAMES_MAX)
		return -E2BIG;
	if (el->key_len >= sizeof(name) || memchr(el->key, 0, el->key_len))
		return 0;
	memcpy(name, el->key, el->key_len);
	name[el->key_len] = '\0';
	return w->each(name, w->arg);
}

static int visit(struct walk *w, struct buf *page, int depth)
{
	for (unsigned i = 0; i < count_of(page); i++) {
		own_buf struct buf child = BUF_INIT(PAGE_MAX);
		struct element el;
		int rc = get_element(page, i, &el);

		if (!rc && is_leaf(page))
			rc = visit_name(w, &el);
		else if (!rc && depth < DEPTH && ++w->names <= NAMES_MAX)
			rc = read_page(w->b, el.child, &child);
		else if (!rc)
			rc = -EBADMSG;
		if (!rc && child.len)
			rc = visit(w, &child, depth + 1);
		if (rc)
			return rc;
	}
	return 0;
}

int bolt_each(
	const struct bolt *b, const char *path, int (*each)(const char *name, void *arg), void *arg)
{
	own_buf struct buf page = BUF_INIT(PAGE_MAX);
	struct walk w = {b, each, arg, 0};
	struct element el;
	int rc;

	if (b->fd < 0)
		return 0;
	if (!*path) {
		rc = read_page(b, b->root, &page);
	} else {
		rc = follow(b, path, &page, &el);
		if (!rc)
			rc = el.is_bucket ? enter(b, el.value, el.value_len, &page) : -ENOENT;
	}
	return rc ? rc : visit(&w, &page, 0);
}
