/* SPDX-License-Identifier: Apache-2.0 */
/* filesystem - what the container changed in its root: the overlay's upper directory as an OCI
 * layer, rows and a bodyfile; without one, the whole root. */
#include "dumper.h"
#include "io.h"
#include "layer.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOUNTINFO_MAX = 4 << 20 };

enum { OPT_CONTENT, OPT_MAX_FILE, OPT_MAX_TOTAL, OPT_MAX_ENTRIES, OPT_INCLUDE, OPT_EXCLUDE };

static const char *const contents[] = {"names", "hashes", "files", NULL}; /* enum layer_content */

static const struct dumper_option options[] = {
	[OPT_CONTENT] = {"content", OPTION_WORD, "files",
		"names: metadata only; hashes: and a SHA-256 of each file; files: and the layer",
		contents},
	[OPT_MAX_FILE] = {"max_file", OPTION_SIZE, "16G", "larger files: metadata only", NULL},
	[OPT_MAX_TOTAL] = {"max_total", OPTION_SIZE, "256G", "bytes of content in all", NULL},
	[OPT_MAX_ENTRIES] = {"max_entries", OPTION_COUNT, "5000000", "names in all", NULL},
	[OPT_INCLUDE] = {"include", OPTION_LIST, "", "only below these paths", NULL},
	[OPT_EXCLUDE] = {"exclude", OPTION_LIST, "", "nothing below these paths", NULL},
	{NULL, OPTION_BOOL, NULL, NULL, NULL},
};

static bool is_overlay(const struct target *t)
{
	return t->rootfs == ROOTFS_OVERLAY || t->rootfs == ROOTFS_FUSE_OVERLAY;
}

/* "userxattr" among the options of the mount that is the target's root. Only that line of the
 * target's mountinfo counts, found by the id that the kernel gives: the others may be made up. */
static int mounted_with_user_xattrs(const struct target *t)
{
	own_buf struct buf text = BUF_INIT(MOUNTINFO_MAX);
	struct procfs_mount m;
	struct statx x;
	char *rest, *line;

	if (t->fd[TFD_ROOT] < 0 || t->fd[TFD_PROC] < 0 ||
		statx(t->fd[TFD_ROOT], "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 ||
		!(x.stx_mask & STATX_MNT_ID) ||
		io_read_file(t->fd[TFD_PROC], "mountinfo", &text, NULL) < 0 || !text.len)
		return -ENOENT;
	rest = text.data;
	while ((line = procfs_next_line(&rest)))
		if (procfs_parse_mount(line, &m) == 0 && m.id == x.stx_mnt_id &&
			!strcmp(m.type, "overlay"))
			return strstr(m.super, ",userxattr") != NULL;
	return -ENOENT;
}

static bool user_xattrs(const struct target *t)
{
	int known = t->rootfs == ROOTFS_OVERLAY ? mounted_with_user_xattrs(t) : 0;
	struct stat st;

	if (known >= 0)
		return known;
	/* not mounted: only an overlay of somebody who is not root needs them */
	return fstat(t->fd[TFD_UPPER], &st) == 0 && st.st_uid != 0;
}

/* Without CAP_SYS_ADMIN trusted.* attributes read as if they were not there. */
static bool may_see_trusted(void)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t on = CAP_CLEAR;

	if (caps)
		(void)cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &on);
	(void)cap_free(caps);
	return on == CAP_SET;
}

static struct layer_job describe(const struct dump *d)
{
	const struct target *t = d->target;
	bool overlay = is_overlay(t) && t->fd[TFD_UPPER] >= 0;
	struct layer_job job = {
		.root_fd = overlay ? t->fd[TFD_UPPER] : d->root_fd,
		.lower = &t->fd[TFD_LOWER0],
		.lowers = t->lowers,
		.form = LAYER_PLAIN,
		.content = (enum layer_content)d->options[OPT_CONTENT].u,
		.max_file = d->options[OPT_MAX_FILE].u,
		.max_total = d->options[OPT_MAX_TOTAL].u,
		.max_entries = d->options[OPT_MAX_ENTRIES].u,
		.max_bytes = d->max_bytes,
		.include = d->options[OPT_INCLUDE].list,
		.exclude = d->options[OPT_EXCLUDE].list,
		.tar = "filesystem/diff.tar",
		.aside = "filesystem/aside.tar",
		.rows = "filesystem/diff.jsonl",
		.bodyfile = "timeline/bodyfile.txt",
		.bodyfile_prefix = "",
		.spool_fd = d->spool_fd,
		.resume = &d->resume,
	};

	if (!overlay)
		return job;
	job.form = t->rootfs == ROOTFS_OVERLAY ? LAYER_OVERLAY : LAYER_FUSE_OVERLAY;
	job.user_xattrs = user_xattrs(t);
	job.no_trusted = !job.user_xattrs && !may_see_trusted();
	return job;
}

/* How the result is to be read. */
static int remarks(const struct dump *d, const struct layer_job *job, struct sink *out)
{
	const struct target *t = d->target;
	int rc = 0;

	if (d->resume.again)
		return 0;
	if (job->form == LAYER_PLAIN)
		rc = sink_finding(out,
			"no writable layer of its own%s%s: the whole root was walked, %s",
			t->rootfs_note[0] ? ": " : "", t->rootfs_note,
			t->lowers ? "and compared with the layers below"
				  : "and there is nothing to compare it with");
	if (rc == 0 && job->content != LAYER_FILES)
		rc = sink_gapf(out, GAP_BY_PROFILE, job->rows, NULL, "content: %s",
			contents[job->content]);
	if (rc == 0 && job->lowers && !t->lowers_complete)
		rc = sink_gapf(out, GAP_UNREADABLE, job->rows, NULL,
			"a lower layer could not be opened: 'added' may mean 'modified'");
	return rc;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	struct layer_job job = describe(d);
	struct layer_stats stats;

	if (is_overlay(d->target) && d->target->fd[TFD_UPPER] < 0 && d->target->upper_path[0])
		return err_set(
			e, ENOENT, "the writable layer %s is not there", d->target->upper_path);
	if (job.root_fd < 0)
		return err_set(e, ENOENT, "neither a writable layer nor a root directory");
	if (remarks(d, &job, out) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return layer_collect(&job, out, &stats, e);
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	struct layer_job job = describe(d);
	struct layer_stats stats;
	int rc;

	if (job.root_fd < 0)
		return err_set(e, ENOENT, "neither a writable layer nor a root directory");
	rc = layer_estimate(&job, &stats, e);
	ret->bytes = job.content == LAYER_FILES ? stats.bytes : 0;
	ret->items = stats.entries;
	snprintf(ret->touches, sizeof(ret->touches), "%s",
		job.form == LAYER_PLAIN
			? "reads through the target's own root: watchers inside see it"
			: "nothing");
	return rc;
}

static const char *const prefixes[] = {"filesystem/", "timeline/", NULL};

const struct dumper dumper_filesystem = {
	.name = "filesystem",
	.summary = "changed files: an OCI layer, rows with digests, a bodyfile",
	.prefixes = prefixes,
	.needs = NEED_ROOTFS,
	.caps = DUMPER_CAP(CAP_DAC_READ_SEARCH) | DUMPER_CAP(CAP_FOWNER) |
		DUMPER_CAP(CAP_SYS_ADMIN),
	.resumes = true,
	.options = options,
	.run = run,
	.estimate = estimate,
};
