/* SPDX-License-Identifier: Apache-2.0 */
/* memmaps - the mappings of a process, and what kind of memory each is. */
#include "memmaps.h"

#include "memdevs.h"
#include "memflags.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ZERO_MAJOR = 1, ZERO_MINOR = 5 };

/* seq_path(3) of the kernel writes a newline as \012 and nothing else so; a file that is named
 * \012 in so many letters looks the same. */
static size_t unescape(char *s)
{
	char *from = strchr(s, '\\'), *to = from;

	if (!from)
		return strlen(s);
	while (*from) {
		bool newline = !strncmp(from, "\\012", 4);

		*to++ = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	*to = '\0';
	return (size_t)(to - s);
}

/* Names in brackets that are the kernel's own pages. All others are anonymous memory. */
static const struct {
	const char *name;
	bool whole, refused;
} own_pages[] = {
	{"[vdso]", true, false},
	{"[vvar]", false, true},
	{"[vvar_vclock]", false, true},
	{"[vsyscall]", false, true},
	{"[vectors]", true, false},
	{"[sigpage]", true, false},
	{"[uprobes]", false, false},
};

static void judge_unnamed(struct memmap *m)
{
	m->kind = MEM_ANON;
	for (size_t i = 0; i < sizeof(own_pages) / sizeof(own_pages[0]); i++) {
		if (strcmp(m->name, own_pages[i].name) != 0)
			continue;
		m->kind = MEM_SPECIAL;
		m->whole = own_pages[i].whole;
		m->refused = own_pages[i].refused;
	}
}

static bool has_prefix(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* A mapping of something that has an inode. */
static void judge_file(struct memmap *m, enum memdevs_kind dev)
{
	bool shared = m->flags & MEM_MAY_SHARE;
	bool huge = dev == MEMDEVS_OWN_HUGE || dev == MEMDEVS_HUGE;
	bool own = dev == MEMDEVS_OWN || dev == MEMDEVS_OWN_HUGE;

	m->nameless = dev == MEMDEVS_OTHER || procfs_says_deleted(m->name, m->name_len);
	m->in_memory = dev != MEMDEVS_DISK;
	m->ask = dev == MEMDEVS_TMPFS || dev == MEMDEVS_RAM || dev == MEMDEVS_DEV;
	if (huge)
		m->flags |= MEM_HUGETLB;
	if (dev == MEMDEVS_OWN_HUGE && !shared && has_prefix(m->name, "/anon_hugepage")) {
		m->kind = MEM_ANON; /* MAP_ANONYMOUS | MAP_HUGETLB: the file is never anybody's */
	} else if (shared && m->in_memory && dev != MEMDEVS_OTHER && dev != MEMDEVS_DEV) {
		m->kind = MEM_SHMEM;
		/* holes of hugetlbfs cannot be told from data */
		m->object = !huge && dev != MEMDEVS_RAM;
	} else if (own) {
		m->kind = MEM_DELETED;
		m->nameless = true;
	} else if (m->name[0] != '/') {
		m->kind = MEM_SPECIAL; /* anon_inode:[io_uring], socket:[41] */
	} else if (m->nameless) {
		m->kind = MEM_DELETED;
		m->hidden = !m->major && has_prefix(m->name, "/secretmem");
		m->object = shared && dev == MEMDEVS_OTHER;
	} else if ((dev == MEMDEVS_DISK || dev == MEMDEVS_DEV) && has_prefix(m->name, "/dev/")) {
		m->kind = MEM_SPECIAL;
	} else {
		m->kind = shared ? MEM_SHARED : MEM_PRIVATE;
	}
}

void memmaps_file(const struct memmap *m, char name[MEMMAPS_FILE])
{
	snprintf(name, MEMMAPS_FILE, "%" PRIx64 "-%" PRIx64, m->start, m->end);
}

/* A tmpfs makes handles of type 1 with 12 bytes, the generation first (mm/shmem.c), which nothing
 * else does. */
bool memmaps_generation(int fd, const char *name, uint32_t *ret)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount, flags = *name ? AT_SYMLINK_FOLLOW : AT_EMPTY_PATH;

	if (name_to_handle_at(fd, name, &h.head, &mount, flags) < 0 || h.head.handle_type != 1 ||
		h.head.handle_bytes != 12)
		return false;
	memcpy(ret, h.head.f_handle, sizeof(*ret));
	return true;
}

static bool is_zero_device(const struct statx *st)
{
	return S_ISCHR(st->stx_mode) && st->stx_rdev_major == ZERO_MAJOR &&
	       st->stx_rdev_minor == ZERO_MINOR;
}

void memmaps_settle(struct memmap *m, int map_files)
{
	bool shared = m->flags & MEM_MAY_SHARE;
	char name[MEMMAPS_FILE];
	struct statx st;

	memmaps_file(m, name);
	if (m->object && !memmaps_generation(map_files, name, &m->generation))
		m->generation = 0;
	if (!m->ask || statx(map_files, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) < 0)
		return;
	if (S_ISREG(st.stx_mode)) {
		if (m->kind != MEM_SPECIAL)
			return;
		m->kind = shared ? MEM_SHMEM : MEM_PRIVATE;
		m->object = shared;
		return;
	}
	/* a private mapping of it is anonymous memory; a shared one has a file of the kernel's */
	m->kind = is_zero_device(&st) && !shared ? MEM_ANON : MEM_SPECIAL;
	m->object = m->in_memory = m->hidden = false;
}

int memmaps_parse(char *line, const struct memdevs *devs, struct memmap *ret)
{
	struct procfs_map p;

	if (procfs_parse_map(line, &p) < 0 || p.start >= p.end)
		return -EINVAL;
	*ret = (struct memmap){
		.start = p.start,
		.end = p.end,
		.offset = p.offset,
		.ino = p.inode,
		.major = p.major,
		.minor = p.minor,
		.flags = (p.perms[0] == 'r' ? MEM_R : 0u) | (p.perms[1] == 'w' ? MEM_W : 0u) |
			 (p.perms[2] == 'x' ? MEM_X : 0u) |
			 (p.perms[3] == 's' ? MEM_MAY_SHARE : 0u),
		.name = p.path,
		.name_len = unescape(p.path),
	};
	if (p.major || p.minor || p.inode)
		judge_file(ret, memdevs_kind(devs, p.major, p.minor));
	else
		judge_unnamed(ret);
	return 0;
}

int memmaps_open(struct memmaps *m, int pid_fd, struct err *e)
{
	m->fd = openat(pid_fd, "maps", O_RDONLY | O_CLOEXEC);
	m->last = 0;
	m->damaged = 0;
	if (m->fd < 0)
		return err_errno(e, "open maps");
	lines_begin(&m->lines, m->fd);
	return 0;
}

void memmaps_done(struct memmaps *m)
{
	own_fd_(&m->fd);
	m->fd = -1;
}

int memmaps_next(struct memmaps *m, struct memmap *ret, struct err *e)
{
	char *line;

	while ((line = lines_next(&m->lines))) {
		if (memmaps_parse(line, m->devs, ret) < 0) {
			m->damaged++;
			continue;
		}
		/* while it runs, a mapping that grew may come again: never go back */
		if (ret->end <= m->last)
			continue;
		if (ret->start < m->last) {
			ret->offset += ret->ino ? m->last - ret->start : 0;
			ret->start = m->last;
		}
		if (m->flags)
			memflags_join(m->flags, ret);
		m->last = ret->end;
		return 1;
	}
	return m->lines.error ? err_set(e, -m->lines.error, "read maps") : 0;
}
