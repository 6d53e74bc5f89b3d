/* SPDX-License-Identifier: Apache-2.0 */
/* headroom - what the cgroups we run in leave us of memory. */
#include "headroom.h"
#include "buf.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "text.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 64 << 10, PATH_LONGEST = 4096 };

/* The files of one hierarchy, and where it may be mounted. */
struct hierarchy {
	const char *limits[2], *used, *cache;
	const char *mounts[2];
};

static const struct hierarchy unified = {{"memory.max", "memory.high"}, "memory.current",
	"inactive_file", {"sys/fs/cgroup", "sys/fs/cgroup/unified"}};
static const struct hierarchy old = {{"memory.limit_in_bytes"}, "memory.usage_in_bytes",
	"total_inactive_file", {"sys/fs/cgroup/memory"}};

/* "max" is no number. */
static bool read_number(int dir, const char *name, uint64_t *ret)
{
	own_buf struct buf b = BUF_INIT(TEXT_MAX);
	char *rest, *line;

	if (!name || io_read_file(dir, name, &b, NULL) < 0 || !b.len)
		return false;
	rest = b.data;
	line = procfs_next_line(&rest);
	return line && text_parse_u64(line, UINT64_MAX, ret) == 0;
}

/* Pages of files that nobody uses at the moment. */
static uint64_t read_cache(int dir, const char *key)
{
	own_buf struct buf b = BUF_INIT(TEXT_MAX);
	size_t n = strlen(key);
	char *rest, *line;
	uint64_t bytes;

	if (io_read_file(dir, "memory.stat", &b, NULL) < 0 || !b.len)
		return 0;
	rest = b.data;
	while ((line = procfs_next_line(&rest)))
		if (!strncmp(line, key, n) && line[n] == ' ' &&
			text_parse_u64(line + n + 1, UINT64_MAX, &bytes) == 0)
			return bytes;
	return 0;
}

static uint64_t of_level(int dir, const struct hierarchy *h)
{
	uint64_t least = UINT64_MAX, limit, used, cache;

	for (unsigned i = 0; i < 2; i++)
		if (read_number(dir, h->limits[i], &limit) && limit < least)
			least = limit;
	if (least == UINT64_MAX || !read_number(dir, h->used, &used))
		return least;
	cache = read_cache(dir, h->cache);
	used -= cache < used ? cache : used;
	return used < least ? least - used : 0;
}

/* Of the cgroup and of all above it. */
static uint64_t of_mount(int mount, const char *path, const struct hierarchy *h)
{
	uint64_t least = UINT64_MAX;
	char at[PATH_LONGEST];
	char *slash;

	snprintf(at, sizeof(at), ".%s", path);
	do {
		own_fd int dir = io_open_in(mount, at, O_PATH | O_DIRECTORY, NULL);
		uint64_t n = dir < 0 ? UINT64_MAX : of_level(dir, h);

		least = n < least ? n : least;
		slash = strrchr(at, '/');
		if (slash)
			*slash = '\0';
	} while (slash);
	return least;
}

static uint64_t of_hierarchy(int root_fd, const char *path, const struct hierarchy *h)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 2 && h->mounts[i]; i++) {
		own_fd int mount = io_open_in(root_fd, h->mounts[i], O_PATH | O_DIRECTORY, NULL);
		uint64_t n = mount < 0 ? UINT64_MAX : of_mount(mount, path, h);

		least = n < least ? n : least;
	}
	return least;
}

/* Is "memory" among the controllers of a v1 hierarchy? */
static bool counts_memory(char *controllers)
{
	char *one;

	while ((one = procfs_next_option(&controllers)))
		if (!strcmp(one, "memory"))
			return true;
	return false;
}

uint64_t headroom(int proc_fd, int root_fd)
{
	own_buf struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t least = UINT64_MAX;
	char *rest, *line;

	if (io_read_file(proc_fd, "self/cgroup", &text, NULL) < 0 || !text.len)
		return least;
	rest = text.data;
	while ((line = procfs_next_line(&rest))) {
		struct procfs_cgroup c;
		uint64_t n = UINT64_MAX;

		/* above the root of our namespace of cgroups there is nothing to be seen */
		if (procfs_parse_cgroup(line, &c) < 0 || c.path[0] != '/' ||
			!strncmp(c.path, "/..", 3) || strlen(c.path) >= PATH_LONGEST - 1)
			continue;
		if (!*c.controllers)
			n = of_hierarchy(root_fd, c.path, &unified);
		else if (counts_memory(c.controllers))
			n = of_hierarchy(root_fd, c.path, &old);
		least = n < least ? n : least;
	}
	return least;
}
