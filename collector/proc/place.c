/* SPDX-License-Identifier: Apache-2.0 */
/* place - a file behind a magic link, and whether it can be read safely. */
#include "place.h"
#include "io.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

const char *const place_names[] = {
	[PLACE_UNKNOWN] = "unknown",
	[PLACE_FOREIGN] = "foreign",
	[PLACE_CONTAINER] = "container",
	[PLACE_MEMORY] = "memory",
	[PLACE_HOST] = "host",
};

void place_begin(struct place_world *w, int self_fd, bool shared)
{
	own_fd int probe = memfd_create("taphos-probe", MFD_CLOEXEC);
	struct stat st;

	*w = (struct place_world){.shared = shared};
	if (probe >= 0 && fstat(probe, &st) == 0) {
		w->memory_known = true;
		w->memory_major = major(st.st_dev);
		w->memory_minor = minor(st.st_dev);
	}
	if (self_fd < 0 || fsmap_read(&w->host, self_fd, NULL) < 0)
		w->host = (struct fsmap){0};
}

void place_end(struct place_world *w)
{
	fsmap_done(&w->host);
}

/* Our own fdinfo says it where statx() does not (before Linux 5.8). */
static uint64_t mount_of(int fd, const struct statx *st)
{
	own_buf struct buf b = BUF_INIT(4096);
	own_fd int info = -1;
	char path[64];
	uint64_t id;

	if (st->stx_mask & STATX_MNT_ID)
		return st->stx_mnt_id;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0 || io_read_all(info, &b, NULL) < 0 ||
		procfs_field_u64(buf_str(&b), "mnt_id", 10, &id) < 0)
		return 0;
	return id;
}

/* A tmpfs makes handles of type 1 with 12 bytes (mm/shmem.c), which nothing else does. Asks no
 * server, unlike statfs(). */
static bool is_tmpfs(int fd)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount;

	return name_to_handle_at(fd, "", &h.head, &mount, AT_EMPTY_PATH) == 0 &&
	       h.head.handle_type == 1 && h.head.handle_bytes == 12;
}

static enum place_kind from_mount(const struct fsmap_mount *m, enum place_kind local)
{
	return m->kind == FSMAP_LOCAL ? local : PLACE_FOREIGN;
}

static enum place_kind judge(
	const struct place_world *w, const struct fsmap *mounts, const struct place *p)
{
	unsigned maj = p->st.stx_dev_major, min = p->st.stx_dev_minor;
	const struct fsmap_mount *m;

	if (w->memory_known && maj == w->memory_major && min == w->memory_minor)
		return PLACE_MEMORY;
	m = w->shared ? NULL : fsmap_by_id(&w->host, p->mount);
	if (m)
		return from_mount(m, PLACE_HOST);
	m = fsmap_by_id(mounts, p->mount);
	if (m)
		return from_mount(m, PLACE_CONTAINER);
	if (is_tmpfs(p->fd)) /* unmounted lazily, and still open: a hiding place */
		return PLACE_CONTAINER;
	m = fsmap_by_device(mounts, maj, min);
	if (!m)
		m = fsmap_by_device(&w->host, maj, min);
	return m ? from_mount(m, PLACE_HOST) : PLACE_UNKNOWN;
}

int place_open(const struct place_world *w, const struct fsmap *mounts, int dirfd, const char *name,
	struct place *ret, struct err *e)
{
	own_fd int fd = openat(dirfd, name, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return err_errno(e, "open %s", name);
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		    STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &ret->st) < 0)
		return err_errno(e, "stat %s", name);
	ret->fd = fd;
	ret->mount = mount_of(fd, &ret->st);
	ret->kind = judge(w, mounts, ret);
	(void)take_fd(&fd);
	return 0;
}
