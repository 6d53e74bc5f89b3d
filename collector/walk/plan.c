/* SPDX-License-Identifier: Apache-2.0 */
/* plan - where a record's content goes. */
#include "plan.h"

#include "layer.h"
#include "pax.h"
#include "rec.h"
#include "sink.h"
#include "walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* Is this attribute overlayfs' own? */
static bool is_internal(const struct layer_job *job, const char *name)
{
	if (job->form == LAYER_PLAIN)
		return false;
	if (job->form == LAYER_FUSE_OVERLAY)
		return starts(name, "user.fuseoverlayfs.") || starts(name, "trusted.overlay.") ||
		       starts(name, "user.overlay.");
	return starts(name, job->user_xattrs ? "user.overlay." : "trusted.overlay.");
}

static bool keep_xattr(const char *name, void *arg)
{
	return !is_internal(arg, name);
}

/* Is one of them the other, or a directory above it? Slashes in front do not count. */
static bool leads_to(const char *above, const char *path)
{
	size_t n;

	above += strspn(above, "/");
	n = strlen(above);
	while (n && above[n - 1] == '/')
		n--;
	return !n || (!strncmp(above, path, n) && (!path[n] || path[n] == '/'));
}

bool plan_has_filters(const struct layer_job *job)
{
	return (job->include && job->include[0]) || (job->exclude && job->exclude[0]);
}

bool plan_wants(const struct layer_job *job, const char *path, bool *ret_inside)
{
	bool way = false;

	*ret_inside = false;
	for (const char *const *p = job->exclude; p && *p; p++)
		if (leads_to(*p, path))
			return false;
	if (!job->include || !job->include[0])
		return *ret_inside = true;
	for (const char *const *p = job->include; *p; p++) {
		const char *want = *p + strspn(*p, "/");

		*ret_inside |= leads_to(want, path);
		way |= !*path || leads_to(path, want);
	}
	return *ret_inside || way;
}

enum rec_change plan_change(const struct rec *r)
{
	bool below = S_ISDIR(r->mode) && (r->flags & REC_BELOW);

	return r->change == REC_UNCHANGED && below ? REC_MODIFIED : (enum rec_change)r->change;
}

bool plan_in_layer(const struct rec *r)
{
	return (r->flags & REC_LAYER) &&
	       (!S_ISDIR(r->mode) || (r->flags & REC_OPAQUE) || plan_change(r) != REC_UNCHANGED);
}

/* "a/b" and ".wh.b" to "a/.wh.b" */
static void beside(char *to, size_t size, const char *path, const char *prefix)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0;

	snprintf(to, size, "%.*s%s%s", dir, path, prefix, path + dir);
}

static void folder_slash(char *to, const char *path, bool slash)
{
	size_t n = strnlen(path, REC_PATH);

	memcpy(to, path, n);
	to[n] = '/';
	to[n + slash] = '\0';
}

int plan_headers(const struct layer_job *job, const struct rec *r, const char *path,
	const char *link, uint64_t at, struct buf *out, struct err *e)
{
	char name[REC_PATH + 32];
	struct pax p = {
		.rec = r,
		.path = name,
		.link = link,
		.empty = r->change == REC_DELETED,
		.keep = keep_xattr,
		.keep_arg = (void *)job,
	};
	int rc;

	if (r->flags & REC_ASIDE)
		snprintf(name, sizeof(name), "%llu", (unsigned long long)at);
	else if (r->change == REC_DELETED)
		beside(name, sizeof(name), path, ".wh.");
	else
		folder_slash(name, path, S_ISDIR(r->mode));
	rc = pax_add(out, &p, e);
	if (rc < 0 || !(r->flags & REC_OPAQUE) || r->change == REC_DELETED)
		return rc;
	snprintf(name, sizeof(name), "%s/.wh..wh..opq", path);
	p.empty = true;
	return pax_add(out, &p, e);
}

/* Content of a regular file: does it fit? */
static bool fits(struct walk *w, struct rec *r)
{
	const struct layer_job *job = w->job;

	if (r->data > job->max_file) {
		rec_gap(r, GAP_OVER_BUDGET, WHY_MAX_FILE, 0);
		return false;
	}
	if (job->content == LAYER_FILES && (r->data > job->max_total - w->stats.bytes ||
						   r->data + w->planned > job->max_bytes)) {
		rec_gap(r, GAP_OVER_BUDGET, WHY_MAX_TOTAL, 0);
		return false;
	}
	return true;
}

/* What the layer has no place for, besides regular files in it. */
static bool nothing_to_store(const struct walk *w, struct rec *r)
{
	if (r->flags & (REC_BARE | REC_MOUNT | REC_EXCLUDED | REC_HIDDEN))
		return true;
	if (S_ISSOCK(r->mode) && r->change != REC_DELETED) {
		if (w->job->content == LAYER_FILES)
			rec_gap(r, GAP_SPECIAL_FILE, WHY_SOCKET, 0);
		return true;
	}
	if (w->job->content == LAYER_NAMES)
		return true;
	return w->job->form == LAYER_PLAIN && r->change == REC_UNCHANGED && !S_ISDIR(r->mode);
}

static void plan_place(struct walk *w, struct rec *r)
{
	bool regular = S_ISREG(r->mode) && r->change != REC_DELETED;
	bool unfit = r->flags & REC_UNFIT;

	if (nothing_to_store(w, r))
		return;
	if (regular && !r->link_to) {
		if (!fits(w, r))
			return;
		r->flags |= REC_READ;
	}
	if (w->job->content != LAYER_FILES || (unfit && (!regular || r->link_to)))
		return;
	r->flags |= unfit ? REC_ASIDE : REC_LAYER;
}

int plan_record(struct walk *w, struct rec *r, const char *path, uint64_t at, struct err *e)
{
	char link[REC_PATH + 1];
	int rc = 0;

	plan_place(w, r);
	if (!(r->flags & (REC_LAYER | REC_ASIDE)))
		return 0;
	buf_clear(&w->head);
	if (r->link_to)
		rc = spool_path(w->spool, r->link_to, link, e);
	if (rc == 0)
		rc = plan_headers(w->job, r, path, r->link_to ? link : NULL, at, &w->head, e);
	r->head_len = (uint32_t)w->head.len;
	return rc;
}
