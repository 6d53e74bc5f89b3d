/* SPDX-License-Identifier: Apache-2.0 */
/* memflags - what only smaps tells of mappings. */
#include "memflags.h"

#include "lines.h"
#include "memmaps.h"
#include "own.h"
#include "procfs.h"
#include "tick.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { LOW = 0xfff }; /* of a page's address */

static const struct {
	char name[3];
	unsigned bit;
	uint32_t flag; /* of mem_map */
} words[] = {
	{"dd", 1 << 0, MEM_DONTDUMP},
	{"um", 1 << 1, MEM_UFFD}, /* missing pages */
	{"ui", 1 << 2, MEM_UFFD}, /* minor faults */
	{"uw", 1 << 3, 0},	  /* writes: nobody waits to read */
	{"ht", 1 << 4, MEM_HUGETLB},
	{"io", 1 << 5, MEM_IO},
	{"pf", 1 << 6, MEM_IO},
};
enum { WORDS = sizeof(words) / sizeof(words[0]), PROTECTED = 1 << 3 };

static unsigned flags_of(const char *text)
{
	unsigned bits = 0;

	for (; *text; text += strcspn(text, " ")) {
		text += strspn(text, " ");
		for (unsigned i = 0; i < WORDS; i++)
			if (!strncmp(text, words[i].name, 2))
				bits |= words[i].bit;
	}
	return bits;
}

/* Of a file, which one and where it begins. It may grow, be cut, and change its protection. */
static uint64_t file_at(unsigned major, unsigned minor, uint64_t ino, uint64_t base)
{
	const uint64_t parts[] = {(uint64_t)major << 32 | minor, ino, base};
	uint64_t what = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		what = (what ^ parts[i]) * 0x9e3779b97f4a7c15;
		what ^= what >> 32;
	}
	return what | 2;
}

/* Anonymous memory is all alike, but for the kernel's pages ("[vvar]"). */
static uint64_t what_of(const struct memmap *m)
{
	if (m->ino || m->major || m->minor)
		return file_at(m->major, m->minor, m->ino, m->offset - m->start);
	return !strncmp(m->name, "[v", 2);
}

static int add(struct memflags *f, const struct memflags_text *t, unsigned bits, size_t *room)
{
	struct memflags_range *last = f->count ? &f->range[f->count - 1] : NULL;
	const uint64_t start = t->start, end = t->end;

	if ((start | end) & LOW || start >= end || (last && start < last->end))
		return 0; /* the mappings moved while they were read */
	if (last && last->end == start && (last->start & LOW) == bits && last->what == t->what) {
		last->end = end;
		return 0;
	}
	if (!*room)
		return -ENOSPC;
	if (!f->range || f->count == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 64;
		struct memflags_range *more = realloc(f->range, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->range = more;
		f->cap = cap;
	}
	f->range[f->count++] = (struct memflags_range){start | bits, end, t->what};
	--*room;
	return 0;
}

int memflags_line(struct memflags *f, struct memflags_text *t, char *line, size_t *room)
{
	static const char key[] = "VmFlags:";
	struct procfs_map p;

	if (!strncmp(line, key, sizeof(key) - 1)) {
		const struct memflags_text done = *t;

		*t = (struct memflags_text){0};
		return add(f, &done, flags_of(line + sizeof(key) - 1), room);
	}
	if (line[0] >= 'A' && line[0] <= 'Z')
		return 0; /* "Rss:": addresses are in small letters */
	if (procfs_parse_map(line, &p) == 0) {
		const struct memmap m = {.start = p.start,
			.offset = p.offset,
			.ino = p.inode,
			.major = p.major,
			.minor = p.minor,
			.name = p.path};

		*t = (struct memflags_text){p.start, p.end, what_of(&m)};
	}
	return 0;
}

int memflags_read(struct memflags *f, int pid_fd, size_t *room, uint64_t until,
	_Atomic uint64_t *beat, struct err *e)
{
	own_fd int fd = openat(pid_fd, "smaps", O_RDONLY | O_CLOEXEC);
	own_free struct lines *l = fd < 0 ? NULL : malloc(sizeof(*l));
	struct memflags_text t = {0};
	char *line;
	int rc = 0;

	f->cut = true;
	if (fd < 0)
		return err_errno(e, "open smaps");
	if (!l)
		return err_set(e, ENOMEM, "no memory");
	lines_begin(l, fd);
	for (unsigned i = 1; rc == 0 && (line = lines_next(l)); i++) {
		rc = memflags_line(f, &t, line, room);
		if (i % 64)
			continue;
		tick(beat);
		if (tick_now() >= until)
			return err_set(e, ETIME, "smaps: no time to read all of it");
	}
	if (rc < 0)
		return err_set(e, -rc, "smaps: too many mappings");
	if (l->error)
		return err_set(e, -l->error, "read smaps");
	f->cut = false;
	return 0;
}

void memflags_renew(
	struct memflags *f, int pid_fd, size_t *room, uint64_t until, _Atomic uint64_t *beat)
{
	struct memflags now = {0};
	const size_t before = *room;
	int rc = memflags_read(&now, pid_fd, room, until, beat, NULL);

	if (rc < 0 && f->count) {
		memflags_done(&now);
		*room = before;
		return;
	}
	*room += f->count;
	memflags_done(f);
	*f = now;
}

void memflags_done(struct memflags *f)
{
	free(f->range);
	*f = (struct memflags){0};
}

/* The first range that ends behind the address. */
static size_t find(const struct memflags *f, uint64_t address)
{
	size_t from = 0, to = f->count;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (f->range[mid].end > address)
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

void memflags_join(const struct memflags *f, struct memmap *m)
{
	const uint64_t what = what_of(m);
	unsigned bits = 0;
	bool same = true;
	size_t i = find(f, m->start);

	m->flags &= ~(uint32_t)MEM_NO_FLAGS;

	/* the kernel joins mappings with the same flags only: what grew has those it had */
	if (i == f->count || (f->range[i].start & ~(uint64_t)LOW) >= m->end) {
		m->flags |= MEM_NO_FLAGS;
		return;
	}
	for (; i < f->count && (f->range[i].start & ~(uint64_t)LOW) < m->end; i++) {
		bits |= f->range[i].start & LOW;
		same = same && f->range[i].what == what;
	}
	if (!same) {
		m->flags |= MEM_NO_FLAGS;
		return;
	}
	for (unsigned w = 0; w < WORDS; w++)
		if (bits & words[w].bit)
			m->flags |= words[w].flag;
	m->protected = bits & PROTECTED;
	m->refused |= (m->flags & MEM_IO) != 0;
}
