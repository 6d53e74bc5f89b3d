/* SPDX-License-Identifier: Apache-2.0 */
/* still - did the directories of a walk stay as they were listed? */
#include "still.h"

#include <sys/stat.h>

enum { DIRS_ALIVE = 256 };

/*
 * The change time, which nobody can set back. A directory that is not to be found any more
 * has left its mark on the one above it.
 */
static bool has_changed(struct dircur *cur, uint64_t dir, const struct rec *r)
{
	int fd = dircur_open(cur, dir, NULL);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 &&
	       (st.st_ctim.tv_sec != r->ctime.sec || st.st_ctim.tv_nsec != r->ctime.nsec);
}

static int look_at(struct spool *s, struct dircur *cur, uint64_t dir, struct err *e)
{
	struct spool_rec r;
	int rc = spool_get(s, dir, &r, e);

	if (rc < 0 || r.rec.gap || !has_changed(cur, dir, &r.rec))
		return rc;
	rec_gap(&r.rec, GAP_CHANGED, WHY_DIR_CHANGED, 0);
	return spool_patch(s, dir, 0, &r.rec, sizeof(r.rec), e);
}

int still_check(
	struct spool *s, struct dircur *cur, struct sink *sink, uint64_t item, struct err *e)
{
	uint64_t next = SPOOL_ROOT, dirs = 0;
	struct rec *r;

	for (;;) {
		int rc = spool_next(s, &next, &r, e);

		if (rc < 0 || !r)
			return rc;
		if (!(r->flags & REC_BLOCK))
			continue;
		if (dirs++ % DIRS_ALIVE == 0)
			sink_item(sink, item);
		rc = look_at(s, cur, r->parent, e);
		if (rc < 0)
			return rc;
	}
}
