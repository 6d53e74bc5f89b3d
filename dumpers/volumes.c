/* SPDX-License-Identifier: Apache-2.0 */
/* volumes - what is mounted in the container besides its root: listed, and read as far as the
 * profile wants each kind of mount to be read. */
#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "jsonw.h"
#include "layer.h"
#include "now.h"
#include "own.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define LIST "volumes/mounts.json"

/* What is done with a mount; from POLICY_NAMES on: enum layer_content. */
enum policy { POLICY_LIST, POLICY_NAMES, POLICY_HASHES, POLICY_FILES };
static const char *const policies[] = {"list", "names", "hashes", "files", NULL};

enum {
	OPT_TMPFS,
	OPT_SHM,
	OPT_VOLUMES,
	OPT_BINDS,
	OPT_SECRETS,
	OPT_CONFIG,
	OPT_MAX_FILE,
	OPT_MAX_VOLUME,
	OPT_MAX_ENTRIES,
};

static const struct dumper_option options[] = {
	[OPT_TMPFS] = {"tmpfs", OPTION_WORD, "files", "tmpfs mounts", policies},
	[OPT_SHM] = {"shm", OPTION_WORD, "files", "/dev/shm", policies},
	[OPT_VOLUMES] = {"volumes", OPTION_WORD, "files",
		"volumes of the runtime and of Kubernetes", policies},
	[OPT_BINDS] = {"binds", OPTION_WORD, "list", "directories and files of the host", policies},
	[OPT_SECRETS] = {"secrets", OPTION_WORD, "hashes", "secrets and tokens", policies},
	[OPT_CONFIG] = {"config", OPTION_WORD, "files",
		"resolv.conf, hosts, config maps and the like", policies},
	[OPT_MAX_FILE] = {"max_file", OPTION_SIZE, "4G", "larger files: metadata only", NULL},
	[OPT_MAX_VOLUME] = {"max_volume", OPTION_SIZE, "32G", "bytes of content of one mount",
		NULL},
	[OPT_MAX_ENTRIES] = {"max_entries", OPTION_COUNT, "2000000", "names of one mount", NULL},
	{NULL, OPTION_BOOL, NULL, NULL, NULL},
};

static enum policy policy_of(const struct dump *d, const struct target_mount *m)
{
	static const int option[] = {
		[MOUNT_BIND] = OPT_BINDS,
		[MOUNT_VOLUME] = OPT_VOLUMES,
		[MOUNT_TMPFS] = OPT_TMPFS,
		[MOUNT_SHM] = OPT_SHM,
		[MOUNT_SECRET] = OPT_SECRETS,
		[MOUNT_CONFIG] = OPT_CONFIG,
	};

	if (m->kind == MOUNT_PSEUDO || m->kind == MOUNT_FOREIGN)
		return POLICY_LIST;
	return (enum policy)d->options[option[m->kind]].u;
}

static void list_one(struct jsonw *w, const struct dump *d, unsigned i)
{
	const struct target_mount *m = &d->target->mount[i];
	char device[32];

	snprintf(device, sizeof(device), "%u:%u", m->major, m->minor);
	jsonw_open(w, NULL);
	jsonw_u64(w, "n", i);
	jsonw_str(w, "point", m->point);
	jsonw_str(w, "kind", target_mount_names[m->kind]);
	jsonw_str(w, "type", m->type);
	jsonw_str(w, "source", m->source);
	jsonw_str(w, "device", device);
	jsonw_u64(w, "id", m->id);
	jsonw_bool(w, "covered", m->covered);
	jsonw_str(w, "policy", policies[policy_of(d, m)]);
	if (m->elsewhere[0])
		jsonw_str(w, "collected_in", m->elsewhere);
	jsonw_close(w);
}

static int list(const struct dump *d, struct sink *out, struct err *e)
{
	own_sink_text struct sink_text text;
	struct jsonw w;

	sink_text_begin(&text, out, 64 << 20);
	w = JSONW(&text.rows);
	jsonw_open_array(&w, NULL);
	for (unsigned i = 0; i < d->target->mounts; i++) {
		list_one(&w, d, i);
		(void)buf_addc(&text.rows, '\n');
		(void)sink_text_row(&text);
	}
	jsonw_close_array(&w);
	(void)buf_addc(&text.rows, '\n');
	return sink_text_end(&text, LIST, e);
}

/* Whether what was opened by its path is the mount that was meant. */
static bool is_device(const struct target_mount *m, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	/* btrfs has a device number for each subvolume that mountinfo does not show */
	return (!m->major && !m->minor) || !strcmp(m->type, "btrfs") ||
	       st.st_dev == makedev(m->major, m->minor);
}

static int open_path(const struct target_mount *m, int dirfd, const char *path, struct err *e)
{
	own_fd int fd = io_open_in(dirfd, path, O_PATH, e);

	if (fd < 0)
		return fd;
	if (!is_device(m, fd))
		return err_set(e, EXDEV, "another file system lies there");
	return take_fd(&fd);
}

/* The root of a mount, O_PATH: from its private clone, from the host's side, or through the
 * container's root as long as nothing covers it. */
static int open_mount(const struct dump *d, unsigned i, struct err *e)
{
	const struct target_mount *m = &d->target->mount[i];
	int root = d->target->fd[TFD_ROOT];
	int fd = -ENOENT;

	if (d->mount_fd && d->mount_fd[i] >= 0) {
		fd = fcntl(d->mount_fd[i], F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_errno(e, "duplicate") : fd;
	}
	if (m->source[0] == '/')
		fd = open_path(m, d->host_fd, m->source, e);
	if (fd < 0 && root >= 0 && d->target->running && !m->covered)
		fd = open_path(m, root, m->point, e);
	if (fd < 0 && !e->code)
		(void)err_set(e, ENOENT, "covered by another mount, or not mounted any more");
	return fd;
}

static struct layer_job describe(const struct dump *d, unsigned i, int fd)
{
	const struct target_mount *m = &d->target->mount[i];

	return (struct layer_job){
		.number = i + 1,
		.root_fd = fd,
		.form = LAYER_PLAIN,
		.content = (enum layer_content)(policy_of(d, m) - POLICY_NAMES),
		.max_file = d->options[OPT_MAX_FILE].u,
		.max_total = d->options[OPT_MAX_VOLUME].u,
		.max_entries = d->options[OPT_MAX_ENTRIES].u,
		.max_bytes = d->max_bytes,
		.bodyfile_prefix = m->point,
		.spool_fd = d->spool_fd,
		.until_ns = d->until_ns,
	};
}

static int collect_tree(const struct dump *d, unsigned i, int fd, struct sink *out, struct err *e)
{
	char tar[64], aside[64], rows[64], body[64];
	struct layer_job job = describe(d, i, fd);
	struct layer_stats stats;

	snprintf(tar, sizeof(tar), "volumes/%u/content.tar", i);
	snprintf(aside, sizeof(aside), "volumes/%u/aside.tar", i);
	snprintf(rows, sizeof(rows), "volumes/%u/content.jsonl", i);
	snprintf(body, sizeof(body), "volumes/%u/bodyfile.txt", i);
	job.tar = tar;
	job.aside = aside;
	job.rows = rows;
	job.bodyfile = body;
	if (d->resume.again && layer_job_of(d->resume.item) == job.number)
		job.resume = &d->resume;
	if (job.max_bytes > sink_total(out))
		job.max_bytes -= sink_total(out);
	return layer_collect(&job, out, &stats, e);
}

/* The whole file in, its digest out. */
static int digest(int fd, char ret[HASH_HEX], struct err *e)
{
	own_hash struct hash *h = hash_new();
	uint8_t sum[HASH_LEN];
	char block[65536];
	ssize_t n;

	if (!h)
		return err_set(e, ENOMEM, "no memory");
	while ((n = io_read(fd, block, sizeof(block))) > 0)
		hash_add(h, block, (size_t)n);
	if (n < 0)
		return err_set(e, (int)-n, "read");
	hash_end(h, sum);
	hash_hex(sum, ret);
	return lseek(fd, 0, SEEK_SET) < 0 ? err_errno(e, "seek") : 0;
}

static int file_row(const struct target_mount *m, unsigned i, const struct stat *st,
	const char *sum, struct sink *out, struct err *e)
{
	own_buf struct buf row = BUF_INIT(65536);
	struct jsonw w = JSONW(&row);
	char member[64], mode[8];

	snprintf(member, sizeof(member), "volumes/%u/content.jsonl", i);
	snprintf(mode, sizeof(mode), "%04o", st->st_mode & 07777);
	jsonw_open(&w, NULL);
	jsonw_str(&w, "path", m->point);
	jsonw_str(&w, "type", "file");
	jsonw_str(&w, "mode", mode);
	jsonw_u64(&w, "uid", st->st_uid);
	jsonw_u64(&w, "gid", st->st_gid);
	jsonw_u64(&w, "size", (uint64_t)st->st_size);
	jsonw_time(&w, "mtime", st->st_mtim);
	jsonw_time(&w, "ctime", st->st_ctim);
	jsonw_time(&w, "atime", st->st_atim);
	jsonw_u64(&w, "dev", st->st_dev);
	jsonw_u64(&w, "ino", st->st_ino);
	if (sum)
		jsonw_str(&w, "sha256", sum);
	jsonw_close(&w);
	(void)buf_addc(&row, '\n');
	return buf_check(&row, e) < 0 ? -ENOSPC : sink_blob(out, member, row.data, row.len, e);
}

static int lost(struct sink *out, const struct target_mount *m, enum gap_kind kind,
	const struct err *why, struct err *e)
{
	if (sink_gap(out, kind, LIST, m->point, strlen(m->point), why) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* A single file that is mounted: resolv.conf, a secret. */
static int collect_file(const struct dump *d, unsigned i, int path_fd, const struct stat *st,
	struct sink *out, struct err *e)
{
	const struct target_mount *m = &d->target->mount[i];
	enum policy policy = policy_of(d, m);
	bool large = (uint64_t)st->st_size > d->options[OPT_MAX_FILE].u;
	struct err why = ERR_INIT;
	char member[64], sum[HASH_HEX];
	own_fd int fd = -1;
	int rc;

	if (policy == POLICY_NAMES || large) {
		rc = file_row(m, i, st, NULL, out, e);
		return rc < 0 || !large ? rc : lost(out, m, GAP_OVER_BUDGET, NULL, e);
	}
	fd = io_reopen(path_fd, &why);
	if (fd < 0 || digest(fd, sum, &why) < 0)
		return lost(out, m, GAP_UNREADABLE, &why, e);
	rc = file_row(m, i, st, sum, out, e);
	snprintf(member, sizeof(member), "volumes/%u/content", i);
	if (rc < 0 || policy != POLICY_FILES)
		return rc;
	return sink_copy(out, member, fd, d->options[OPT_MAX_FILE].u, e);
}

static int collect_mount(const struct dump *d, unsigned i, struct sink *out, struct err *e)
{
	const struct target_mount *m = &d->target->mount[i];
	struct err why = ERR_INIT;
	own_fd int fd = -1;
	struct stat st;

	fd = open_mount(d, i, &why);
	if (fd < 0)
		return lost(out, m,
			m->covered	     ? GAP_CROSSED_MOUNT
			: why.code == ENOENT ? GAP_NOT_PRESENT
					     : GAP_UNREADABLE,
			&why, e);
	if (fstat(fd, &st) < 0) {
		(void)err_errno(&why, "stat");
		return lost(out, m, GAP_UNREADABLE, &why, e);
	}
	if (S_ISDIR(st.st_mode))
		return collect_tree(d, i, fd, out, e);
	if (S_ISREG(st.st_mode))
		return collect_file(d, i, fd, &st, out, e);
	return lost(out, m, GAP_SPECIAL_FILE, NULL, e);
}

static void describe_item(const struct dump *d, uint64_t item, char *ret, size_t size)
{
	uint64_t number = layer_job_of(item);

	if (number && number <= d->target->mounts)
		snprintf(ret, size, "%s", d->target->mount[number - 1].point);
}

/* What the worker before this one did, or could not do: is this mount still to be read? */
static int is_left(const struct dump *d, unsigned i, struct sink *out, struct err *e)
{
	uint64_t stalled = layer_job_of(d->resume.item);
	struct err why = ERR_INIT;

	if (!d->resume.again || i + 1 > stalled)
		return 1;
	if (i + 1 < stalled)
		return 0;
	/* layer_collect() knows how to go on; all before it has the bare number */
	if (layer_job_of(d->resume.item - 1) == stalled)
		return 1;
	(void)err_set(&why, ETIMEDOUT, "did not answer");
	return lost(out, &d->target->mount[i], GAP_STALLED, &why, e);
}

/* Says what the profile leaves out. Returns 1 when something is to be read, 0 when nothing is. */
static int by_profile(const struct dump *d, unsigned i, struct sink *out, struct err *e)
{
	const struct target_mount *m = &d->target->mount[i];
	bool told = d->resume.again && layer_job_of(d->resume.item) == i + 1;
	enum policy policy = policy_of(d, m);
	struct err why = ERR_INIT;
	int rc = 0;

	if (policy == POLICY_FILES)
		return 1;
	if (m->kind == MOUNT_FOREIGN)
		(void)err_set(&why, 0, "a file system that may not answer: listed, not read");
	else
		(void)err_set(&why, 0, "%s: %s", target_mount_names[m->kind], policies[policy]);
	if (m->kind != MOUNT_PSEUDO && !told)
		rc = lost(out, m, m->kind == MOUNT_FOREIGN ? GAP_CROSSED_MOUNT : GAP_BY_PROFILE,
			&why, e);
	return rc < 0 ? rc : policy != POLICY_LIST;
}

/* What a worker before this one has begun is ended as far as it goes. */
static int read_mount(const struct dump *d, unsigned i, struct sink *out, struct err *e)
{
	bool begun = d->resume.again && layer_job_of(d->resume.item) == i + 1;
	struct err why = ERR_INIT;

	if (!begun)
		sink_item(out, layer_item(i + 1));
	if (begun || !now_late(d->until_ns))
		return collect_mount(d, i, out, e);
	(void)err_set(&why, 0, "no time left: the rest of it is for others");
	return lost(out, &d->target->mount[i], GAP_OVER_BUDGET, &why, e);
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	int rc = d->resume.again ? 0 : list(d, out, e);

	if (rc == 0 && d->target->truncated && !d->resume.again)
		rc = sink_gapf(out, GAP_OVER_BUDGET, LIST, NULL, "more mounts than are kept");
	for (unsigned i = 0; i < d->target->mounts && rc == 0; i++) {
		rc = d->target->mount[i].elsewhere[0] ? 0 : is_left(d, i, out, e);
		if (rc > 0)
			rc = by_profile(d, i, out, e);
		if (rc <= 0)
			continue;
		rc = read_mount(d, i, out, e);
	}
	return rc;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	for (unsigned i = 0; i < d->target->mounts; i++) {
		enum policy policy = policy_of(d, &d->target->mount[i]);
		bool here = policy != POLICY_LIST && !d->target->mount[i].elsewhere[0];
		own_fd int fd = here ? open_mount(d, i, &(struct err){0}) : -1;
		struct layer_stats stats = {0};
		struct layer_job job;
		struct stat st;
		int rc;

		if (fd < 0 || fstat(fd, &st) < 0)
			continue;
		job = describe(d, i, fd);
		rc = S_ISDIR(st.st_mode) ? layer_estimate(&job, &stats, e) : 0;
		if (rc < 0)
			return rc;
		ret->items += S_ISDIR(st.st_mode) ? stats.entries : 1;
		if (policy == POLICY_FILES)
			ret->bytes += S_ISDIR(st.st_mode) ? stats.bytes : (uint64_t)st.st_size;
	}
	snprintf(ret->touches, sizeof(ret->touches), "%s",
		"reads volumes where the target has them: watchers inside may see it");
	return 0;
}

static const char *const prefixes[] = {"volumes/", NULL};

const struct dumper dumper_volumes = {
	.name = "volumes",
	.summary = "mounts, and the content of tmpfs, /dev/shm and volumes",
	.prefixes = prefixes,
	.needs = NEED_MOUNTS,
	.caps = DUMPER_CAP(CAP_DAC_READ_SEARCH) | DUMPER_CAP(CAP_FOWNER),
	.resumes = true,
	.options = options,
	.run = run,
	.describe = describe_item,
	.estimate = estimate,
};
