/* SPDX-License-Identifier: Apache-2.0 */
/* memory - holds the target still while its memory is copied. */
#include "memory.h"
#include "conductor.h"
#include "dumper.h"
#include "halt.h"
#include "io.h"
#include "job.h"
#include "jsonw.h"
#include "now.h"
#include "own.h"
#include "profile.h"
#include "run.h"
#include "sink.h"
#include "staging.h"
#include "tracer.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000000ULL

enum {
	STEP_S = 300,	/* for a step during which the target runs, while there are signs of life */
	LAST_S = 5,	/* for a step after the capture's own end: only names are left to tell */
	GRACE_MS = 500, /* from the end of copying to the thaw, whatever it does */
	END_MS = 100,	/* for the worker to end by itself */
	UNREADY = 4,	/* processes that workers do not come back from, before READY */
};

/* One capture. */
struct session {
	struct run *r;
	struct memory *m;
	size_t index; /* of the dumper */
	struct halt halt;
	struct tracer tracer;
	bool tracing;	/* it may hold threads */
	bool disturbed; /* somebody else thawed it before we did */
	int final_fd;	/* of the table, once it is complete; until then the draft is used */
	uint64_t max_ns;
	uint64_t until_ns; /* when the capture is to end: its cores, and other dumpers follow */
};

/* ---- what the worker is told */

static void fill_job(struct session *s)
{
	struct run *r = s->r;

	s->tracer.job = (struct capture_job){
		.target = r->target,
		.options = memory_options(r, s->index),
		.proc_fd = r->host.at.proc_fd,
		.cgroup_fd = -1,
		.table_fd = s->m->fd[MEMORY_TABLE],
		.final_fd = s->final_fd,
		.stage_fd = s->m->fd[MEMORY_STAGE],
		.spill_fd = s->m->fd[MEMORY_SPILL],
		.stage_bytes = s->m->stage_bytes,
		.spill_bytes = s->m->spill_bytes,
		.spill_spare = s->m->spill_spare,
	};
}

/* ---- the steps */

static int gap(struct session *s, unsigned kind, const char *where, const char *why, struct err *e)
{
	return conductor_gap(s->r, s->index, kind, where, why, e);
}

/* The complete one takes the place of the draft. */
static void turn_to_final(struct session *s)
{
	if (s->final_fd < 0)
		return;
	own_fd_(&s->m->fd[MEMORY_TABLE]);
	s->m->fd[MEMORY_TABLE] = take_fd(&s->final_fd);
}

/* No thread is held once it is gone. */
static void end_tracer(struct session *s, unsigned patience_ms)
{
	uint64_t let_go = s->tracer.watch ? atomic_load(&s->tracer.watch->let_go_ns) : 0;

	if (s->tracer.watch && s->tracer.watch->completed)
		turn_to_final(s);

	if (!tracer_end(&s->tracer, patience_ms))
		s->r->abandoned++;
	if (s->tracing)
		s->m->let_go_ns = let_go ? let_go : now_ns();
	s->tracing = false;
}

/* It runs on: as it was asked for, or a gap, or the end of this dumper. */
static int go_live(struct session *s, const char *why, struct err *e)
{
	struct memory *m = s->m;

	m->hold = HOLD_NONE;
	m->method = "none";
	snprintf(m->why, sizeof(m->why), "%s", why);
	if (s->r->rq->freeze != FREEZE_ALWAYS)
		return gap(s, GAP_CHANGED, "freeze", why, e);
	snprintf(m->refused, sizeof(m->refused), "it could not be frozen (--freeze always): %.200s",
		why);
	return 0;
}

/* Its own cgroup, or all its threads; not at all when nobody asks for it. */
static void choose_hold(struct session *s)
{
	struct err why = ERR_INIT;
	struct memory *m = s->m;

	if (s->r->rq->freeze == FREEZE_NEVER || s->tracer.job.options.maps_only)
		return;
	if (halt_open(s->r, &s->halt, &why) == 0) {
		m->hold = HOLD_CGROUP;
		m->theirs = s->halt.freezer.theirs;
		m->method = freezer_names[s->halt.freezer.kind];
		snprintf(m->cgroup, sizeof(m->cgroup), "%s", s->halt.freezer.path);
		return;
	}
	m->hold = HOLD_PTRACE;
	m->method = "ptrace";
	snprintf(m->why, sizeof(m->why), "%s", why.text);
}

static void copy_times(struct session *s)
{
	if (s->m->hold == HOLD_PTRACE)
		return;
	s->m->requested_ns = s->halt.requested_ns;
	s->m->frozen_ns = s->halt.frozen_ns;
	s->m->thawed_ns = s->halt.thawed_ns;
}

/* A step that begins now ends by then. */
static uint64_t step_ends(const struct session *s)
{
	const uint64_t now = now_ns(), last = now + LAST_S * SECOND;
	uint64_t until = now + STEP_S * SECOND;

	until = until < s->until_ns ? until : s->until_ns;
	return until > last ? until : last;
}

/* From GO to COPIED. Whatever comes, it is thawed afterwards. */
static int copy(struct session *s, struct err *e)
{
	struct memory *m = s->m;
	struct capture_msg copied = {0};
	uint64_t start = s->halt.requested_ns ? s->halt.requested_ns : now_ns();
	uint64_t until = start + s->max_ns;
	int rc;

	if (until > s->until_ns && m->hold != HOLD_NONE)
		until = s->until_ns;

	if (m->hold == HOLD_PTRACE)
		m->requested_ns = m->frozen_ns = start;
	s->tracing = m->hold != HOLD_NONE && !m->theirs;
	rc = tracer_tell(&s->tracer, CAPTURE_GO, m->hold, until, e);
	if (rc == 0)
		rc = tracer_await(&s->tracer, CAPTURE_COPIED,
			m->hold == HOLD_NONE ? step_ends(s) : until + GRACE_MS * 1000000ULL,
			&copied, e);
	s->disturbed = m->hold == HOLD_CGROUP &&
		       (!freezer_holds(&s->halt.freezer) || s->tracer.watch->ran);
	(void)!halt_thaw(&s->halt, NULL); /* tried again at the end */
	m->staged = copied.a;
	m->live = copied.b;
	return rc;
}

/* It stops each thread before it runs again, for as long as it reads: that counts. Held by ptrace
 * alone, they stand still until it says so or dies, so that it is not given much time. */
static int read_registers(struct session *s, struct err *e)
{
	struct capture_msg done = {0};
	int rc = tracer_tell(&s->tracer, CAPTURE_THAWED, 0, 0, e);

	if (s->tracing && s->m->hold == HOLD_PTRACE)
		s->tracer.silence_ns = 2 * GRACE_MS * 1000000ULL;
	if (rc == 0)
		rc = tracer_await(&s->tracer, CAPTURE_DONE, step_ends(s), &done, e);
	if (rc < 0)
		return rc;
	turn_to_final(s);
	s->tracing = false;
	if (done.c)
		s->m->let_go_ns = done.c;
	s->m->staged = done.staged;
	s->m->live = done.live;
	s->m->threads = done.a;
	s->m->threads_missed = done.b;
	return 0;
}

/* Frozen, if it is to be. 1: nothing more to do. */
static int freeze(struct session *s, struct err *e)
{
	struct err why = ERR_INIT;
	char text[256];
	int rc;

	if (s->m->hold != HOLD_CGROUP)
		return 0;
	rc = halt_freeze(s->r, &s->halt, s->max_ns, &why);
	s->m->theirs = s->halt.freezer.theirs;
	copy_times(s);
	if (rc == 0)
		return 0;
	snprintf(text, sizeof(text), "%.180s; it was thawed again", why.text);
	rc = go_live(s, text, e);
	return rc < 0 ? rc : s->m->refused[0] != '\0';
}

static int lost(struct session *s, const char *where, const struct err *why, struct err *e)
{
	bool stopped = tracer_must_stop(s->r) != NULL;

	end_tracer(s, 0); /* before anybody waits for the writer */
	if (stopped)
		s->r->interrupted = tracer_must_stop(s->r);
	return gap(s,
		stopped			 ? GAP_OVER_BUDGET
		: why->code == ETIMEDOUT ? GAP_STALLED
					 : GAP_UNREADABLE,
		where, why->text, e);
}

/* ---- a process that a worker does not come back from */

/* Its worker is gone, and another one may go on without it. */
static bool goes_on(struct session *s, int rc, const struct err *why)
{
	if (rc != -ETIMEDOUT || tracer_must_stop(s->r) || !tracer_pass_on(&s->tracer))
		return false;
	run_log(s->r, "warn", "stalled", "%s", why->text);
	end_tracer(s, 0);
	return true;
}

/* Reading flags and weighing have a share of the capture's time, and copying the most of it. */
static int start(struct session *s, struct capture_msg *ready, struct err *e)
{
	const uint64_t now = now_ns(), left = now < s->until_ns ? s->until_ns - now : 0;
	uint64_t until = now + left / 2;
	int rc;

	s->tracer.job.prepared_ns = now + left / 4;
	if (s->tracer.job.unprepared && until < now + LAST_S * SECOND)
		until = now + LAST_S * SECOND;
	rc = tracer_start(&s->tracer, e);
	return rc < 0 ? rc : tracer_await(&s->tracer, CAPTURE_READY, until, ready, e);
}

/* Who had all that time and is not ready is not asked to prepare again. */
static bool starts_again(struct session *s, int rc, const struct err *why)
{
	struct capture_job *j = &s->tracer.job;

	if (rc != -ETIMEDOUT || s->tracer.stuck)
		return goes_on(s, rc, why);
	if (tracer_must_stop(s->r) || j->unprepared)
		return false;
	j->unprepared = true;
	run_log(s->r, "warn", "stalled", "%s", why->text);
	end_tracer(s, 0);
	return true;
}

static int get_ready(struct session *s, struct capture_msg *ready, struct err *e)
{
	struct capture_job *j = &s->tracer.job;
	int rc = start(s, ready, e);

	while (rc < 0 && starts_again(s, rc, e)) {
		j->unprepared |= j->skips >= UNREADY || now_ns() >= s->until_ns;
		rc = start(s, ready, e);
	}
	return rc;
}

/* Those that are not in the table yet, while the target runs. */
static int take_rest(struct session *s, struct err *e)
{
	struct capture_job *j = &s->tracer.job;
	struct capture_msg m;
	int rc;

	j->again = true;
	j->late = s->m->hold != HOLD_NONE;
	s->tracer.silence_ns = 0;
	j->no_more |= j->skips == CAPTURE_SKIPS || now_ns() >= s->until_ns;
	j->stage_fd = j->spill_fd = -1; /* a worker that is left behind may still copy into them */
	own_fd_(&s->final_fd);
	rc = s->final_fd = io_spool(s->r->spool_dir, e);
	j->table_fd = s->m->fd[MEMORY_TABLE];
	j->final_fd = s->final_fd;
	rc = rc < 0 ? rc : get_ready(s, &m, e);
	if (rc == 0)
		rc = tracer_tell(&s->tracer, CAPTURE_GO, HOLD_NONE, 0, e);
	if (rc == 0)
		rc = tracer_await(&s->tracer, CAPTURE_COPIED, step_ends(s), &m, e);
	return rc < 0 ? rc : read_registers(s, e);
}

static int go_on(struct session *s, int rc, struct err *why)
{
	while (rc < 0 && goes_on(s, rc, why))
		rc = take_rest(s, why);
	return rc;
}

static int note_no_registers(struct session *s, struct err *e)
{
	if (s->m->hold == HOLD_NONE)
		return 0;
	return gap(s, GAP_STALLED, "registers",
		"who would have read them had to be ended before: another process did not answer",
		e);
}

/* ---- what is said of it */

static int note_disturbed(struct session *s, struct err *e)
{
	if (!s->disturbed)
		return 0;
	return gap(s, GAP_CHANGED, "freeze",
		"somebody else thawed it, or ended one of its processes, while its memory was "
		"copied: what is said to have stood still may not have",
		e);
}

static int note_live(struct session *s, struct err *e)
{
	char text[160];

	if (s->m->hold == HOLD_NONE || !s->m->live || s->tracer.job.options.maps_only)
		return 0;
	snprintf(text, sizeof(text),
		"%llu bytes did not fit the staging area or --max-freeze%s: %s",
		(unsigned long long)s->m->live,
		s->tracer.job.again ? ", or came after a process that did not answer" : "",
		"read while it ran");
	return gap(s, GAP_CHANGED, "freeze", text, e);
}

/* It comes before all dumpers, and leaves the most of the time to them and to the one that makes
 * cores of it. */
static uint64_t capture_ends(const struct session *s)
{
	const uint64_t now = now_ns();

	return now + (job_ends(s->r, s->index) - now) / 2;
}

static int open_session(struct session *s, struct err *e)
{
	struct capture_msg ready = {0};
	int rc = staging_open(s->r, s->m, e);

	if (rc == 0)
		rc = s->final_fd = io_spool(s->r->spool_dir, e);
	rc = rc < 0 ? rc : 0;
	fill_job(s);
	s->until_ns = capture_ends(s);
	s->tracer.job.listed_ns = s->until_ns;
	if (rc == 0) {
		choose_hold(s);
		s->tracer.job.cgroup_fd = s->halt.freezer.dir_fd;
		rc = get_ready(s, &ready, e);
	}
	s->m->present = ready.a;
	if (rc < 0)
		snprintf(s->m->refused, sizeof(s->m->refused),
			"its memory could not be captured: %.200s", e->text);
	return rc;
}

/* What was copied before a process got stuck is kept; of the others, what can be had. */
static int run_session(struct session *s, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = open_session(s, &why), held;

	if (rc < 0)
		return lost(s, "capture", &why, e);
	rc = freeze(s, e);
	if (rc)
		return rc < 0 ? rc : 0;
	held = copy(s, &why);
	copy_times(s);
	rc = go_on(s, held == 0 ? read_registers(s, &why) : held, &why);
	if (rc < 0)
		return lost(s, held < 0 ? "capture" : "registers", &why, e);
	rc = held < 0 ? note_no_registers(s, e) : 0;
	if (rc == 0)
		rc = note_disturbed(s, e);
	return rc < 0 ? rc : note_live(s, e);
}

bool memory_is_wanted(const struct run *r, size_t *ret)
{
	bool loss;

	for (size_t i = 0; dumpers[i]; i++)
		if (dumpers[i]->needs & NEED_MEMORY && profile_enabled(r->profile, i)) {
			*ret = i;
			return !job_obstacle(r, dumpers[i], &loss);
		}
	return false;
}

/* The guards went on trying while we closed. */
static int note_frozen(struct session *s, const struct err *why, struct err *e)
{
	struct wire_msg m = {.type = WIRE_FINDING, .kind = WIRE_ENGINE};
	char text[512];

	snprintf(text, sizeof(text),
		"the target may still be frozen, thaw its cgroup %.100s by hand: %s", s->m->cgroup,
		why->text);
	wire_puts(&m, 0, text);
	run_log(s->r, "error", "thaw", "%s", text);
	return conductor_tell(s->r, &m, -1, e);
}

int memory_capture(struct run *r, size_t index,
	int (*capture)(const struct capture_job *, struct err *), struct err *e)
{
	struct err thaw = ERR_INIT;
	struct session s = {
		.r = r,
		.m = &r->memory,
		.index = index,
		.halt = HALT_INIT,
		.final_fd = -1,
		.tracer = {.run = r, .capture = capture, .sock = -1},
		.max_ns = r->rq->max_freeze_ns,
	};
	int rc;

	r->memory.done = true;
	r->progress.stage = dumpers[index]->name;
	run_show(r);
	rc = run_session(&s, e);
	(void)!halt_thaw(&s.halt, &thaw);
	end_tracer(&s, END_MS);
	halt_done(&s.halt);
	own_fd_(&s.final_fd);
	if (thaw.code && rc == 0)
		rc = note_frozen(&s, &thaw, e);
	run_log(r, "info", "memory", "%s: held for %llu us, %llu bytes staged, %llu live",
		r->memory.method, (unsigned long long)(memory_held_ns(&r->memory) / 1000),
		(unsigned long long)r->memory.staged, (unsigned long long)r->memory.live);
	return rc;
}

void memory_done(struct memory *m)
{
	for (size_t i = 0; i < MEMORY_FDS; i++) {
		own_fd_(&m->fd[i]);
		m->fd[i] = -1;
	}
}

void memory_render_plan(struct run *r, struct jsonw *w)
{
	struct session s = {.r = r, .m = &r->memory, .halt = HALT_INIT, .final_fd = -1};

	if (memory_is_wanted(r, &s.index)) {
		fill_job(&s);
		choose_hold(&s);
		halt_done(&s.halt);
	}
	if (s.m->hold == HOLD_NONE) {
		jsonw_null(w, "freeze");
		return;
	}
	jsonw_open(w, "freeze");
	memory_render_how(s.m, w);
	jsonw_u64(w, "max_ms", r->rq->max_freeze_ns / 1000000);
	jsonw_close(w);
}
