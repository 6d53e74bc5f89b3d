/* SPDX-License-Identifier: Apache-2.0 */
/* staging - where memory is copied to while the target stands still. */
#include "staging.h"
#include "headroom.h"
#include "io.h"
#include "memory.h"
#include "own.h"
#include "procfs.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MEMINFO_MAX = 64 << 10 };

#define GIB (1ULL << 30)
#define STAGE_MOST (2 * GIB) /* unless --stage says otherwise */
#define DISK_SPARE GIB	     /* left free on the output's disk, at least */

static uint64_t whole_pages(uint64_t bytes)
{
	return bytes & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
}

/* What the kernel would give without taking it from anybody, or ending us for it. The host's tree
 * of cgroups is not ours to see from a namespace of cgroups, where our own shows the limits. */
static uint64_t available(const struct run *r)
{
	own_buf struct buf text = BUF_INIT(MEMINFO_MAX);
	own_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t kib = 0, host = headroom(r->host.at.proc_fd, r->host.at.root_fd);
	uint64_t own = root < 0 ? UINT64_MAX : headroom(r->host.at.proc_fd, root);

	if (io_read_file(r->host.at.proc_fd, "meminfo", &text, NULL) < 0 ||
		procfs_field_u64(buf_str(&text), "MemAvailable", 10, &kib) < 0)
		return 0;
	own = own < host ? own : host;
	return kib << 10 < own ? kib << 10 : own;
}

static uint64_t stage_size(const struct run *r)
{
	uint64_t have = available(r), size = have / 4;

	if (size > STAGE_MOST)
		size = STAGE_MOST;
	if (r->rq->stage != STAGE_AUTO)
		size = r->rq->stage < have / 4 * 3 ? r->rq->stage : have / 4 * 3;
	return whole_pages(size);
}

static int open_stage(uint64_t size, struct err *e)
{
	own_fd int fd = memfd_create("taphos-stage", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_errno(e, "make a staging area");
	return take_fd(&fd);
}

/* Half of what the disk can spare: the other half is for the bundle. A file in memory is none.
 * *ret_spare: when others have left it no more than that, what there is is the bundle's. */
static uint64_t spill_size(int fd, uint64_t reserve, uint64_t *ret_spare)
{
	struct statfs fs;
	uint64_t spare, block;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return 0;
	block = (uint64_t)fs.f_bsize;
	spare = (uint64_t)fs.f_blocks * block / 20;
	if (spare < DISK_SPARE)
		spare = DISK_SPARE;
	if (spare < reserve)
		spare = reserve;
	*ret_spare = spare / 2 > reserve ? spare / 2 : reserve;
	if ((uint64_t)fs.f_bavail * block <= spare)
		return 0;
	return whole_pages(((uint64_t)fs.f_bavail * block - spare) / 2);
}

int staging_open(const struct run *r, struct memory *m, struct err *e)
{
	int rc = 0;

	m->fd[MEMORY_TABLE] = io_spool(r->spool_dir, e);
	if (m->fd[MEMORY_TABLE] < 0)
		return m->fd[MEMORY_TABLE];
	m->stage_bytes = stage_size(r);
	if (m->stage_bytes)
		rc = m->fd[MEMORY_STAGE] = open_stage(m->stage_bytes, e);
	if (rc < 0)
		return rc;
	m->fd[MEMORY_SPILL] = io_spool(r->spool_dir, NULL);
	m->spill_bytes = spill_size(m->fd[MEMORY_SPILL], r->reserve, &m->spill_spare);
	if (!m->spill_bytes) {
		own_fd_(&m->fd[MEMORY_SPILL]);
		m->fd[MEMORY_SPILL] = -1;
	}
	return 0;
}
