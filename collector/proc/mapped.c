/* SPDX-License-Identifier: Apache-2.0 */
/* mapped - files that processes have mapped. */
#include "mapped.h"
#include "dumper.h"
#include "elffile.h"
#include "hash.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 << 10, BUILD_ID = 64 };
static const uint64_t one_max = 4ULL << 30, all_max = 64ULL << 30; /* bytes hashed */

int mapped_init(struct mapped *m, const struct dump *d, struct sink *out, struct err *e)
{
	own_fd int self = openat(d->proc_fd, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t own = 0;

	*m = (struct mapped){
		.dump = d, .out = out, .pid_fd = -1, .hash = hash_new(), .block = malloc(BLOCK)};
	if (!m->hash || !m->block)
		return err_set(e, ENOMEM, "no memory");
	if (self >= 0 && procfs_ns_inode(self, "mnt", &own, NULL) < 0)
		own = 0;
	place_begin(&m->world, self, own && own == d->target->ns_mnt);
	return 0;
}

static void leave(struct mapped *m)
{
	fsmap_done(&m->mounts);
	if (m->pid_fd >= 0)
		(void)close(m->pid_fd);
	m->pid_fd = -1;
	m->pid = 0;
}

void mapped_done(struct mapped *m)
{
	leave(m);
	place_end(&m->world);
	hash_free(m->hash);
	free(m->block);
	m->hash = NULL;
	m->block = NULL;
}

/* Who holds its memory: of a thread that has ended nothing is mapped. */
static int follow(struct mapped *m, const struct procfs_stat *st)
{
	pid_t tid;
	int fd;

	if (!strchr("ZXx", st->state))
		return 0;
	fd = procfs_open_live(m->dump->proc_fd, m->pid_fd, m->pid, &tid);
	if (fd < 0)
		return fd;
	(void)close(m->pid_fd);
	m->pid_fd = fd;
	return 0;
}

static int enter(struct mapped *m, const struct mapped_file *f, struct err *e)
{
	struct procfs_stat st;
	int rc;

	if (m->pid == f->pid)
		return m->pid_fd < 0 ? err_set(e, ESRCH, "it has ended") : 0;
	leave(m);
	m->pid = f->pid;
	m->pid_fd = procfs_open_pid(m->dump->proc_fd, f->pid, e);
	if (m->pid_fd < 0)
		return m->pid_fd;
	rc = procfs_read_stat(m->pid_fd, &st, e);
	if (rc == 0 && st.start_ticks != f->start_ticks)
		rc = err_set(e, ESRCH, "it has ended");
	if (rc == 0 && follow(m, &st) < 0)
		rc = err_set(e, ESRCH, "it has ended");
	if (rc == 0)
		rc = fsmap_read(&m->mounts, m->pid_fd, e);
	if (rc < 0) {
		(void)close(m->pid_fd);
		m->pid_fd = -1;
	}
	return rc;
}

/* Is it what was mapped there? By number; by name where overlays and btrfs show others in maps
 * than in stat. */
static bool is_same(const struct mapped *m, const struct mapped_file *f, const struct place *p,
	const char *link)
{
	own_buf struct buf now = BUF_INIT(65536);

	if (p->st.stx_ino == f->ino)
		return true;
	return io_read_link(m->pid_fd, link, &now, NULL) == 0 && !strcmp(buf_str(&now), f->name);
}

static int judge(const struct place *p, struct err *e)
{
	if (p->kind == PLACE_UNKNOWN || p->kind == PLACE_FOREIGN)
		return err_set(e, ENOTSUP, "its file system may never answer");
	if (!S_ISREG(p->st.stx_mode))
		return err_set(e, EINVAL, "not a regular file");
	if (p->st.stx_size > one_max)
		return err_set(e, EFBIG, "too long for a digest");
	return 0;
}

static int digest(
	struct mapped *m, const struct mapped_file *f, int fd, uint8_t ret[HASH_LEN], struct err *e)
{
	uint64_t total = 0;
	ssize_t n;

	while ((n = io_read(fd, m->block, BLOCK)) > 0) {
		sink_item(m->out, f->item);
		hash_add(m->hash, m->block, (size_t)n);
		total += (uint64_t)n;
		m->hashed += (uint64_t)n;
		if (total > one_max || m->hashed > all_max)
			break;
	}
	hash_end(m->hash, ret);
	if (n > 0)
		return err_set(e, EFBIG, "too long for a digest");
	return n < 0 ? err_set(e, (int)-n, "read it") : 0;
}

static void write_build_id(struct jsonw *w, int fd)
{
	unsigned char id[BUILD_ID];
	struct elffile elf;
	int n;

	if (elffile_open(fd, &elf, NULL) < 0)
		return;
	n = elffile_note(&elf, ELF_NOTE_GNU, NT_GNU_BUILD_ID, id, sizeof(id));
	if (n > 0)
		jsonw_hexbytes(w, "build_id", id, (size_t)n);
}

static void write_facts(struct jsonw *w, const struct place *p)
{
	const struct statx *st = &p->st;

	jsonw_str(w, "place", place_names[p->kind]);
	jsonw_u64(w, "size", st->stx_size);
	jsonw_u64(w, "links", st->stx_nlink);
	jsonw_time(w, "mtime", (struct timespec){st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec});
	jsonw_time(w, "ctime", (struct timespec){st->stx_ctime.tv_sec, st->stx_ctime.tv_nsec});
}

static int read_file(struct mapped *m, const struct mapped_file *f, const struct place *p,
	struct jsonw *w, struct err *e)
{
	own_fd int fd = -1;
	uint8_t sum[HASH_LEN];
	struct stat st;
	int rc = judge(p, e);

	if (rc < 0)
		return rc;
	write_facts(w, p);
	fd = io_reopen(p->fd, e);
	if (fd < 0)
		return fd;
	rc = digest(m, f, fd, sum, e);
	if (rc < 0)
		return rc;
	jsonw_hexbytes(w, "sha256", sum, sizeof(sum));
	write_build_id(w, fd);
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != p->st.stx_size ||
		st.st_mtim.tv_sec != p->st.stx_mtime.tv_sec ||
		st.st_mtim.tv_nsec != p->st.stx_mtime.tv_nsec)
		jsonw_bool(w, "changed_meanwhile", true);
	return 0;
}

void mapped_write(
	struct mapped *m, const struct mapped_file *f, struct jsonw *w, struct err *ret_why)
{
	char name[64];
	struct place p;
	int rc;

	*ret_why = ERR_INIT;
	sink_item(m->out, f->item);
	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, f->start, f->end);
	rc = enter(m, f, ret_why);
	if (rc == 0)
		rc = place_open(&m->world, &m->mounts, m->pid_fd, name, &p, ret_why);
	if (rc == 0) {
		if (is_same(m, f, &p, name))
			rc = read_file(m, f, &p, w, ret_why);
		else
			rc = err_set(ret_why, ESTALE, "another file is mapped there by now");
		(void)close(p.fd);
	}
	if (rc < 0)
		jsonw_str(w, "not_read", ret_why->text);
}
