/* SPDX-License-Identifier: Apache-2.0 */
/* plan - what a collection would read and touch: every dumper's own estimate. */
#include "describe.h"
#include "engine.h"
#include "io.h"
#include "job.h"
#include "jsonw.h"
#include "now.h"
#include "own.h"
#include "places.h"
#include "prepare.h"
#include "profile.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define SECOND 1000000000ULL

enum { ESTIMATE_S = 30 };

/* Shared with the worker that estimates. */
struct estimating {
	size_t index;
	struct dump dump;
	struct dump_estimate estimate;
	struct err err;
	int rc;
};

static int estimate_main(void *arg)
{
	struct estimating *s = arg;

	s->rc = dumpers[s->index]->estimate(&s->dump, &s->estimate, &s->err);
	return 0;
}

static int estimate_in(const struct run *r, struct estimating *s, struct err *e)
{
	struct job job;
	int rc;

	job_prepare(r, s->index, &s->dump, -1, &job);
	job.spec.main = estimate_main;
	job.spec.arg = s;
	rc = worker_pipe(&job.spec, now_ns() + ESTIMATE_S * SECOND, NULL, NULL, e);
	if (rc < 0)
		return rc;
	s->estimate.touches[sizeof(s->estimate.touches) - 1] = '\0';
	s->err.text[sizeof(s->err.text) - 1] = '\0';
	return s->rc < 0 ? err_set(e, -s->rc, "%s", s->err.text) : 0;
}

static int estimate(const struct run *r, size_t index, struct dump_estimate *ret, struct err *e)
{
	struct estimating *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	own_fd int spool = io_spool(r->spool_dir, e);
	int rc;

	if (spool < 0)
		return spool;
	if (s == MAP_FAILED)
		return err_set(e, ENOMEM, "no memory");
	s->index = index;
	s->dump = job_dump(r, index, spool);
	rc = estimate_in(r, s, e);
	*ret = s->estimate;
	(void)munmap(s, sizeof(*s));
	return rc;
}

static void add_dumper(const struct run *r, size_t i, struct jsonw *w, uint64_t *total)
{
	const struct dumper *d = dumpers[i];
	bool loss;
	const char *obstacle = job_obstacle(r, d, &loss);
	struct dump_estimate est = {0};
	struct err why = ERR_INIT;
	int rc = 0;

	jsonw_open(w, NULL);
	jsonw_str(w, "name", d->name);
	if (*run_folder(r))
		jsonw_bytes(w, "folder", run_folder(r), strlen(run_folder(r)) - 1);
	jsonw_str(w, "summary", d->summary);
	if (!obstacle)
		rc = estimate(r, i, &est, &why);
	if (obstacle || rc < 0) {
		jsonw_str(w, "status", obstacle ? "skipped" : "unknown");
		jsonw_str(w, "reason", obstacle ? obstacle : why.text);
	} else {
		jsonw_str(w, "status", "planned");
		jsonw_u64(w, "bytes", est.bytes);
		jsonw_u64(w, "items", est.items);
		jsonw_str(w, "touches", est.touches);
		*total += est.bytes;
	}
	jsonw_close(w);
}

static void render(struct run *r, struct buf *out)
{
	struct jsonw w = JSONW(out);
	uint64_t total = 0;

	jsonw_open(&w, NULL);
	jsonw_str(&w, "profile", profile_name(r->profile));
	describe_target(r, &w);
	jsonw_open_array(&w, "dumpers");
	for (size_t i = 0; dumpers[i]; i++)
		for (size_t k = 0; k < r->places && profile_enabled(r->profile, i); k++) {
			places_stand(r, k);
			if (places_wants(&r->place[k], dumpers[i]))
				add_dumper(r, i, &w, &total);
		}
	places_stand(r, 0);
	jsonw_close_array(&w);
	jsonw_u64(&w, "total_bytes", total);
	memory_render_plan(r, &w);
	jsonw_open_array(&w, "findings");
	for (size_t k = 0; k < r->places; k++)
		for (unsigned i = 0; i < r->place[k].target->findings; i++)
			jsonw_str(&w, NULL, r->place[k].target->finding[i]);
	jsonw_close_array(&w);
	jsonw_close(&w);
	buf_addc(out, '\n');
}

enum exit_code engine_plan(
	const struct engine_request *rq, struct buf *out, struct buf *candidates, struct err *e)
{
	struct run r = {.rq = rq, .control = -1, .sign_sock = -1, .spool_dir = run_spool_dir()};
	enum exit_code code = prepare(&r, candidates, e);

	for (size_t i = 0; code == EXIT_COMPLETE && i < r.places; i++) {
		places_stand(&r, i);
		if (r.target->fd[TFD_MNTNS] >= 0 && r.sealed_start)
			(void)!prepare_clones(&r, NULL); /* without: estimated as nothing */
	}
	if (code == EXIT_COMPLETE)
		places_share_mounts(&r);
	if (code == EXIT_COMPLETE)
		places_stand(&r, 0);
	if (code == EXIT_COMPLETE) {
		render(&r, out);
		if (buf_check(out, e) < 0)
			code = EXIT_FAILED;
	}
	prepare_done(&r);
	own_fd_(&r.spool_dir);
	return code;
}
