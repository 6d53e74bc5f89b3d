/* SPDX-License-Identifier: Apache-2.0 */
/* pagemap - which pages of a process exist. */
#include "pagemap.h"

#include "io.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	RUNS = 4096,
	ENTRIES = 64 << 10,	 /* of one read: 512 KiB */
	SHARE_MIN = 1 << 20,	 /* entries that each mapping may have, while there are any */
	SHARE_LAST = 16 << 10,	 /* and afterwards: 64 MiB */
	ENTRIES_MAX = 128 << 20, /* of a process: half a second, 512 GiB of addresses */
	SWAP_FILES = 16,	 /* kinds of swap entry below are files */
};

/* linux/fs.h, which older headers lack: struct page_region, struct pm_scan_arg. */
struct region {
	uint64_t start, end, categories;
};

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, all, any, wanted;
};

#define SCAN _IOWR('f', 16, struct scan)

enum {
	IS_FILE = 1 << 2,
	IS_PRESENT = 1 << 3,
	IS_SWAPPED = 1 << 4,
	IS_ZERO = 1 << 5,
	IS_GUARD = 1 << 8, /* Linux 6.15 */
	IS_KNOWN = IS_FILE | IS_PRESENT | IS_SWAPPED | IS_ZERO,
};

/* Bits of the table's entries: Documentation/admin-guide/mm/pagemap.rst. */
#define ENTRY_PRESENT (1ULL << 63)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_FILE (1ULL << 61)
#define ENTRY_GUARD (1ULL << 58)
#define ENTRY_NUMBER ((1ULL << 55) - 1)

static int scan(const struct pagemap *p, uint64_t start, uint64_t end, struct region *vec,
	unsigned n, uint64_t *ret_end)
{
	struct scan arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)vec,
		.vec_len = n,
		.any = IS_PRESENT | IS_SWAPPED,
		.wanted = p->mask,
	};
	int rc = ioctl(p->fd, SCAN, &arg);

	*ret_end = arg.walk_end;
	return rc < 0 ? -errno : rc;
}

/* Does the ioctl answer, with what, and up to which address? */
static bool probe(struct pagemap *p)
{
	static const uint64_t tops[] = {
		1ULL << 56, 1ULL << 52, 1ULL << 48, 1ULL << 47, 1ULL << 42, 1ULL << 39, 1ULL << 36};
	struct region one;
	uint64_t end;
	int rc;

	p->mask = IS_KNOWN | IS_GUARD;
	rc = scan(p, 0, p->page, &one, 1, &end);
	if (rc == -EINVAL) {
		p->mask = IS_KNOWN;
		rc = scan(p, 0, p->page, &one, 1, &end);
	}
	for (unsigned i = 0; rc >= 0 && i < sizeof(tops) / sizeof(tops[0]); i++) {
		p->top = tops[i] - p->page;
		if (scan(p, p->top - p->page, p->top, &one, 1, &end) >= 0)
			return true;
	}
	return false;
}

int pagemap_open(struct pagemap *p, int pid_fd, enum pagemap_way way, struct err *e)
{
	*p = PAGEMAP_INIT;
	p->page = (uint64_t)sysconf(_SC_PAGESIZE);
	p->entries = ENTRIES_MAX;
	p->fd = openat(pid_fd, "pagemap", O_RDONLY | O_CLOEXEC);
	if (p->fd < 0)
		return err_errno(e, "open pagemap");
	p->run = malloc(RUNS * sizeof(*p->run));
	/* for the ioctl's answer or the table's entries */
	p->entry = malloc(ENTRIES * sizeof(*p->entry));
	if (!p->run || !p->entry)
		return err_set(e, ENOMEM, "no memory");
	p->scan = way == PAGEMAP_BEST && probe(p);
	return 0;
}

void pagemap_done(struct pagemap *p)
{
	own_fd_(&p->fd);
	free(p->run);
	free(p->entry);
	*p = PAGEMAP_INIT;
}

void pagemap_begin(struct pagemap *p, uint64_t start, uint64_t end)
{
	uint64_t pages = (end - start) / p->page;

	/* an enormous mapping leaves the others something; a crowd of them is cut short */
	p->share = p->entries / 2 > SHARE_MIN ? p->entries / 2
		   : p->entries > SHARE_MIN   ? SHARE_MIN
					      : SHARE_LAST;
	if (p->share > pages)
		p->share = pages;
	if (p->scan)
		return;
	p->from = p->to = start;
	p->runs = p->next = 0;
}

static void add(struct pagemap *p, uint64_t start, uint64_t end, unsigned is)
{
	struct pages *last = p->runs ? &p->run[p->runs - 1] : NULL;

	if (last && last->end == start && last->is == is)
		last->end = end;
	else
		p->run[p->runs++] = (struct pages){start, end, is};
}

static int fill_by_scan(struct pagemap *p, uint64_t from, struct err *e)
{
	struct region *vec = (void *)p->entry;
	int rc = scan(p, from, p->top, vec, RUNS, &p->to);

	if (rc < 0 || p->to <= from)
		return err_set(e, rc < 0 ? -rc : EIO, "scan pagemap");
	for (int i = 0; i < rc; i++) {
		uint64_t c = vec[i].categories;
		unsigned is = (c & IS_PRESENT ? PAGES_PRESENT : 0u) |
			      (c & IS_SWAPPED ? PAGES_SWAPPED : 0u) |
			      (c & IS_FILE ? PAGES_FILE : 0u) | (c & IS_ZERO ? PAGES_ZERO : 0u) |
			      (c & IS_GUARD ? PAGES_GUARD : 0u);

		add(p, vec[i].start, vec[i].end, is);
	}
	return 0;
}

static int fill_by_table(struct pagemap *p, uint64_t from, uint64_t end, struct err *e)
{
	uint64_t pages = (end - from) / p->page;
	ssize_t got;

	if (!p->share) {
		add(p, from, end, PAGES_UNKNOWN);
		p->to = end;
		return 0;
	}
	pages = pages < p->share ? pages : p->share;
	pages = pages < ENTRIES ? pages : ENTRIES;
	got = io_pread(p->fd, p->entry, pages * 8, (off_t)(from / p->page * 8));
	if (got < 8)
		return err_set(e, got < 0 ? (int)-got : EIO, "read pagemap");
	pages = (uint64_t)got / 8;
	p->to = from + pages * p->page;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t x = p->entry[i], at = from + i * p->page;

		if (!(x & (ENTRY_PRESENT | ENTRY_SWAPPED)))
			continue;
		if (p->runs == RUNS) {
			p->to = at; /* from here on again */
			break;
		}
		add(p, at, at + p->page,
			(x & ENTRY_PRESENT ? PAGES_PRESENT : 0u) |
				(x & ENTRY_SWAPPED ? PAGES_SWAPPED : 0u) |
				(x & ENTRY_FILE ? PAGES_FILE : 0u) |
				(x & ENTRY_GUARD ? PAGES_GUARD : 0u));
	}
	pages = (p->to - from) / p->page;
	p->share -= pages;
	p->entries -= p->entries < pages ? p->entries : pages;
	return 0;
}

static int fill(struct pagemap *p, uint64_t from, uint64_t end, struct err *e)
{
	p->runs = p->next = 0;
	p->from = p->to = from;
	if (p->scan && from < p->top)
		return fill_by_scan(p, from, e);
	return fill_by_table(p, from, end, e);
}

int pagemap_next(struct pagemap *p, uint64_t from, uint64_t end, struct pages *ret, struct err *e)
{
	while (from < end) {
		if (from < p->from || from >= p->to) {
			int rc = fill(p, from, end, e);

			if (rc < 0)
				return rc;
		}
		if (p->next && p->run[p->next - 1].end > from)
			p->next = 0; /* asked again for what was given */
		while (p->next < p->runs && p->run[p->next].end <= from)
			p->next++;
		if (p->next < p->runs) {
			const struct pages *x = &p->run[p->next];

			if (x->start >= end)
				return 0;
			*ret = (struct pages){x->start > from ? x->start : from,
				x->end < end ? x->end : end, x->is};
			return 1;
		}
		from = p->to;
	}
	return 0;
}

bool pagemap_is_swapped(const struct pagemap *p, uint64_t address)
{
	uint64_t x;

	if (io_pread(p->fd, &x, sizeof(x), (off_t)(address / p->page * 8)) != sizeof(x))
		return false;
	x &= ENTRY_SWAPPED | ENTRY_NUMBER;
	/* slot 0 of a swap file is its head: no page has it */
	return (x & ENTRY_SWAPPED) && (x & ENTRY_NUMBER & ~31ULL) && (x & 31) < SWAP_FILES;
}
