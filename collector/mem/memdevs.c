/* SPDX-License-Identifier: Apache-2.0 */
/* memdevs - which device numbers are file systems in memory. */
#include "memdevs.h"

#include "lines.h"
#include "own.h"
#include "procfs.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
	DEVS_MAX = 4096,
	MOUNTS_MAX = 131072, /* lines of one mountinfo; the kernel's limit is 100,000 */
};

enum memdevs_kind memdevs_kind(const struct memdevs *d, unsigned major, unsigned minor)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->dev[i].major == major && d->dev[i].minor == minor)
			return d->dev[i].kind;
	return MEMDEVS_OTHER;
}

static void add(struct memdevs *d, unsigned major, unsigned minor, enum memdevs_kind kind)
{
	if (d->count == DEVS_MAX || memdevs_kind(d, major, minor) != MEMDEVS_OTHER)
		return;
	if (d->count == d->cap) {
		unsigned cap = d->cap ? 2 * d->cap : 32;
		struct memdev *more = realloc(d->dev, cap * sizeof(*more));

		if (!more)
			return;
		d->dev = more;
		d->cap = cap;
	}
	d->dev[d->count++] = (struct memdev){major, minor, kind};
}

/* The number is the same for everybody's: it is the kernel's one mount. */
static void add_own(struct memdevs *d, unsigned flags, enum memdevs_kind kind)
{
	own_fd int fd = memfd_create("taphos", MFD_CLOEXEC | flags);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		add(d, major(st.st_dev), minor(st.st_dev), kind);
}

void memdevs_init(struct memdevs *d)
{
	*d = (struct memdevs){0};
	add_own(d, 0, MEMDEVS_OWN);
	add_own(d, MFD_HUGETLB, MEMDEVS_OWN_HUGE);
	for (unsigned shift = 16; shift <= 34; shift++) /* 64 KiB to 16 GiB: those that exist */
		add_own(d, MFD_HUGETLB | shift << MFD_HUGE_SHIFT, MEMDEVS_OWN_HUGE);
}

void memdevs_done(struct memdevs *d)
{
	free(d->dev);
	*d = (struct memdevs){0};
}

static bool seen_before(struct memdevs *d, int pid_fd)
{
	struct memdevs_seen x;
	struct statx st;

	/* a root on a server that does not answer is not asked of it */
	if (procfs_ns_inode(pid_fd, "mnt", &x.ns, NULL) < 0 ||
		statx(pid_fd, "root", AT_STATX_DONT_SYNC, STATX_INO, &st) < 0)
		return false;
	x.root = st.stx_ino;
	x.major = st.stx_dev_major;
	x.minor = st.stx_dev_minor;
	for (unsigned i = 0; i < d->seen_count; i++)
		if (!memcmp(&d->seen[i], &x, sizeof(x)))
			return true;
	if (d->seen_count < sizeof(d->seen) / sizeof(d->seen[0]))
		d->seen[d->seen_count++] = x;
	return false;
}

static enum memdevs_kind kind_of(const char *type)
{
	static const struct {
		const char *type;
		enum memdevs_kind kind;
	} kinds[] = {
		{"tmpfs", MEMDEVS_TMPFS},
		{"hugetlbfs", MEMDEVS_HUGE},
		{"ramfs", MEMDEVS_RAM},
		{"devtmpfs", MEMDEVS_DEV},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(type, kinds[i].type))
			return kinds[i].kind;
	return MEMDEVS_DISK;
}

void memdevs_learn(struct memdevs *d, int pid_fd)
{
	own_fd int fd =
		seen_before(d, pid_fd) ? -1 : openat(pid_fd, "mountinfo", O_RDONLY | O_CLOEXEC);
	own_free struct lines *l = fd < 0 ? NULL : malloc(sizeof(*l));
	struct procfs_mount m;
	char *line;

	if (!l)
		return;
	lines_begin(l, fd);
	for (unsigned i = 0; i < MOUNTS_MAX && (line = lines_next(l)); i++)
		if (procfs_parse_mount(line, &m) == 0)
			add(d, m.major, m.minor, kind_of(m.type));
}
