/* SPDX-License-Identifier: Apache-2.0 */
/* notable - what somebody in a hurry looks for among the rows. */
#include "notable.h"

#include "layer.h"
#include "sink.h"
#include "xattrs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NAMES_MAX = 8,
	NAME_MAX_BYTES = 100, /* of one among them: eight fit a finding */
	NAMES_BYTES = 1024,
	PRIVILEGED_MAX = 20,
};

void notable_begin(struct notable *n, const struct layer_job *job, struct sink *out)
{
	*n = (struct notable){.job = job, .sink = out, .names = BUF_INIT(NAMES_BYTES)};
}

void notable_done(struct notable *n)
{
	buf_done(&n->names);
}

static const char *prefix(const struct notable *n)
{
	return n->job->bodyfile_prefix ? n->job->bodyfile_prefix : "";
}

/* Of a whole root without anything to compare it with, every program would be. */
static bool is_of_the_target(const struct notable *n, const struct rec *r)
{
	return r->change == REC_ADDED || r->change == REC_MODIFIED ||
	       (r->change == REC_PRESENT && *prefix(n));
}

static int gone(int rc, struct err *e)
{
	return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
}

static int tell_rights(struct notable *n, const struct rec *r, const char *path, struct err *e)
{
	struct xattr x;
	bool caps = xattrs_find(rec_xattrs(r), r->xattr_len, "security.capability", &x);

	if (!caps && !(r->mode & (S_ISUID | S_ISGID)))
		return 0;
	if (n->privileged++ >= PRIVILEGED_MAX)
		return 0;
	return gone(
		sink_finding(n->sink, "%s/%.800s: %s program%s%s%s, of uid %u and gid %u",
			prefix(n), path, rec_changes[r->change],
			r->mode & S_ISUID ? ", setuid" : "", r->mode & S_ISGID ? ", setgid" : "",
			caps ? ", with capabilities" : "", r->uid, r->gid),
		e);
}

int notable_add(struct notable *n, const struct rec *r, const char *path, struct err *e)
{
	if (!S_ISDIR(r->mode) || r->change == REC_DELETED)
		n->change[r->change]++;
	if (!S_ISREG(r->mode) || !(r->mode & 0111) || !is_of_the_target(n, r))
		return 0;
	n->programs++;
	if (*path && n->named < NAMES_MAX) {
		buf_addf(&n->names, "%s%s/%.*s", n->named ? ", " : "", prefix(n), NAME_MAX_BYTES,
			path);
		n->named++;
	}
	return tell_rights(n, r, path, e);
}

static int tell_programs(const struct notable *n, struct err *e)
{
	const char *what = n->change[REC_PRESENT] ? "" : " added or modified";

	if (!n->programs || n->names.failed)
		return 0;
	if (n->programs > n->named)
		return gone(
			sink_finding(n->sink, "executable files%s: %s and %" PRIu64 " more, see %s",
				what, buf_str(&n->names), n->programs - n->named, n->job->rows),
			e);
	return gone(sink_finding(n->sink, "executable files%s: %s", what, buf_str(&n->names)), e);
}

int notable_end(struct notable *n, struct err *e)
{
	const uint64_t *c = n->change;
	int rc = 0;

	if (c[REC_ADDED] + c[REC_MODIFIED] + c[REC_DELETED])
		rc = gone(sink_finding(n->sink,
				  "files: %" PRIu64 " added, %" PRIu64 " modified, %" PRIu64
				  " deleted, see %s",
				  c[REC_ADDED], c[REC_MODIFIED], c[REC_DELETED], n->job->rows),
			e);
	if (rc == 0)
		rc = tell_programs(n, e);
	if (rc == 0 && n->privileged > PRIVILEGED_MAX)
		rc = gone(sink_finding(n->sink,
				  "%" PRIu64 " more programs with rights of their own, see %s",
				  n->privileged - PRIVILEGED_MAX, n->job->rows),
			e);
	return rc;
}
