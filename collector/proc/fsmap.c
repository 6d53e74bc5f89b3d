/* SPDX-License-Identifier: Apache-2.0 */
/* fsmap - the mounts of one mount namespace, by id and by device. */
#include "fsmap.h"
#include "lines.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOUNTS_MAX = 131072 }; /* fs.mount-max is 100,000 */

/* What is not here is foreign: a new FUSE in disguise must not pass. */
static const struct {
	const char *type;
	enum fsmap_kind kind;
} kinds[] = {
	{"overlay", FSMAP_LOCAL},
	{"ext4", FSMAP_LOCAL},
	{"ext3", FSMAP_LOCAL},
	{"ext2", FSMAP_LOCAL},
	{"xfs", FSMAP_LOCAL},
	{"btrfs", FSMAP_LOCAL},
	{"tmpfs", FSMAP_LOCAL},
	{"ramfs", FSMAP_LOCAL},
	{"rootfs", FSMAP_LOCAL},
	{"devtmpfs", FSMAP_LOCAL},
	{"zfs", FSMAP_LOCAL},
	{"f2fs", FSMAP_LOCAL},
	{"bcachefs", FSMAP_LOCAL},
	{"squashfs", FSMAP_LOCAL},
	{"erofs", FSMAP_LOCAL},
	{"iso9660", FSMAP_LOCAL},
	{"vfat", FSMAP_LOCAL},
	{"exfat", FSMAP_LOCAL},
	{"hugetlbfs", FSMAP_LOCAL},
	{"aufs", FSMAP_LOCAL},
	{"proc", FSMAP_PSEUDO},
	{"sysfs", FSMAP_PSEUDO},
	{"cgroup", FSMAP_PSEUDO},
	{"cgroup2", FSMAP_PSEUDO},
	{"devpts", FSMAP_PSEUDO},
	{"mqueue", FSMAP_PSEUDO},
	{"securityfs", FSMAP_PSEUDO},
	{"debugfs", FSMAP_PSEUDO},
	{"tracefs", FSMAP_PSEUDO},
	{"bpf", FSMAP_PSEUDO},
	{"pstore", FSMAP_PSEUDO},
	{"configfs", FSMAP_PSEUDO},
	{"efivarfs", FSMAP_PSEUDO},
	{"nsfs", FSMAP_PSEUDO},
};

static enum fsmap_kind kind_of(const char *type)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].type, type))
			return kinds[i].kind;
	return FSMAP_FOREIGN;
}

static int by_id(const void *a, const void *b)
{
	const struct fsmap_mount *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int add(struct fsmap *m, const struct procfs_mount *line)
{
	struct fsmap_mount *mount;

	if (m->count % 256 == 0) {
		void *more = realloc(m->mounts, (m->count + 256) * sizeof(*m->mounts));

		if (!more)
			return -ENOMEM;
		m->mounts = more;
	}
	mount = &m->mounts[m->count++];
	*mount = (struct fsmap_mount){
		.id = line->id,
		.major = line->major,
		.minor = line->minor,
		.kind = kind_of(line->type),
	};
	snprintf(mount->type, sizeof(mount->type), "%s", line->type);
	return 0;
}

int fsmap_read(struct fsmap *m, int pid_fd, struct err *e)
{
	own_fd int fd = openat(pid_fd, "mountinfo", O_RDONLY | O_CLOEXEC);
	own_free struct lines *l = malloc(sizeof(*l));
	struct procfs_mount line;
	char *text;

	*m = (struct fsmap){0};
	if (fd < 0 || !l)
		return err_errno(e, "open mountinfo");
	lines_begin(l, fd);
	while ((text = lines_next(l))) {
		m->cut |= m->count == MOUNTS_MAX;
		if (m->cut || procfs_parse_mount(text, &line) < 0)
			continue;
		if (add(m, &line) < 0) {
			fsmap_done(m);
			return err_set(e, ENOMEM, "no memory");
		}
	}
	if (m->count)
		qsort(m->mounts, m->count, sizeof(*m->mounts), by_id);
	return 0;
}

void fsmap_done(struct fsmap *m)
{
	free(m->mounts);
	*m = (struct fsmap){0};
}

const struct fsmap_mount *fsmap_by_id(const struct fsmap *m, uint64_t id)
{
	struct fsmap_mount key = {.id = id};

	return m->count ? bsearch(&key, m->mounts, m->count, sizeof(key), by_id) : NULL;
}

const struct fsmap_mount *fsmap_by_device(const struct fsmap *m, unsigned major, unsigned minor)
{
	for (unsigned i = 0; i < m->count; i++)
		if (m->mounts[i].major == major && m->mounts[i].minor == minor)
			return &m->mounts[i];
	return NULL;
}
