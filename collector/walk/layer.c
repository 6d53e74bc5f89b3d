/* SPDX-License-Identifier: Apache-2.0 */
/* layer - a directory tree of the target as evidence, in two passes. */
#include "layer.h"

#include "dumper.h"
#include "emit.h"
#include "sink.h"
#include "spool.h"
#include "walk.h"

#include <errno.h>

uint64_t layer_item(uint64_t number)
{
	return number << WALK_ITEM_JOB;
}

uint64_t layer_job_of(uint64_t item)
{
	return item >> WALK_ITEM_JOB;
}

static int first_pass(const struct layer_job *job, struct spool *s, struct sink *out,
	struct layer_stats *ret, struct err *e)
{
	own_walk struct walk w;
	int rc = walk_init(&w, job, s, out, e);

	if (rc == 0)
		rc = walk_run(&w, e);
	*ret = w.stats;
	return rc;
}

/* Numbers of the first pass that the worker before this one made. */
static int count(
	struct spool *s, const struct layer_job *job, struct layer_stats *ret, struct err *e)
{
	own_walk struct walk w;
	uint64_t at = SPOOL_ROOT;
	struct rec *r;
	int rc = walk_init(&w, job, s, NULL, e);

	while (rc == 0) {
		uint64_t this = at;

		rc = spool_next(s, &at, &r, e);
		if (rc < 0 || !r)
			break;
		walk_recount(&w, this, r);
	}
	*ret = w.stats;
	return rc;
}

int layer_collect(
	const struct layer_job *job, struct sink *out, struct layer_stats *ret, struct err *e)
{
	own_spool struct spool s = SPOOL_INIT;
	bool again = job->resume && job->resume->again;
	int rc = spool_open(&s, job->spool_fd, job->number, again, e);

	*ret = (struct layer_stats){0};
	if (rc < 0)
		return rc;
	if (s.head->phase == SPOOL_EMIT) {
		rc = count(&s, job, ret, e);
	} else {
		rc = first_pass(job, &s, out, ret, e);
		if (rc == 0)
			rc = spool_flush(&s, e);
		s.head->block = s.end;
		s.head->phase = rc == 0 ? SPOOL_EMIT : s.head->phase;
	}
	if (rc == 0 && !again && job->no_trusted && job->form != LAYER_PLAIN)
		rc = sink_gapf(out, GAP_UNREADABLE, job->rows, NULL,
			"trusted.* attributes: not permitted to see which directories are opaque");
	return rc < 0 ? rc : emit_all(job, &s, out, e);
}

int layer_estimate(const struct layer_job *job, struct layer_stats *ret, struct err *e)
{
	own_spool struct spool s = SPOOL_INIT;
	int rc = spool_open(&s, job->spool_fd, job->number, false, e);

	*ret = (struct layer_stats){0};
	return rc < 0 ? rc : first_pass(job, &s, NULL, ret, e);
}
