/* SPDX-License-Identifier: Apache-2.0 */
/* conductor - runs dumpers in workers and speaks with the writer meanwhile. */
#include "conductor.h"
#include "channel.h"
#include "dumper.h"
#include "io.h"
#include "job.h"
#include "now.h"
#include "own.h"
#include "run.h"
#include "signer.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define SECOND 1000000000ULL

enum {
	TICK_MS = 20,
	OUTPUT_DEADLINE_S = 60,	 /* without the output taking anything */
	STOPPED_DEADLINE_S = 20, /* the same, when the run is to end */
	PAUSE_S = 1,		 /* between two looks: we did not run ourselves */
	ABANDON_MAX = 32,	 /* workers left stuck in the kernel, in all */
	RESTART_MAX = 256,	 /* of one dumper */
};

/* One worker of one dumper. */
struct attempt {
	struct run *r;
	size_t index;
	struct dump dump;
	struct channel channel;
	struct wire_shared *shared;
	int mem_fd, sock, writer_sock; /* sock: the worker's end */
	struct worker worker;
	uint64_t beat, alive_ns, output_ns, looked_ns;
	unsigned restarts; /* after stalls; where: of the last */
	char where[TARGET_PATH];
	bool stalled, announced; /* announced: the writer knows of a channel of this dumper */
};

#define ATTEMPT(run, of) \
	((struct attempt){.r = (run), .index = (of), .mem_fd = -1, .sock = -1, .writer_sock = -1})

static void close_one(int *fd)
{
	own_fd_(fd);
	*fd = -1;
}

static int on_message(struct run *r, const struct wire_msg *m, struct err *e)
{
	if (m->type == WIRE_PROGRESS) {
		r->progress.bytes = m->a;
		r->progress.artifacts = m->b;
		r->progress.gaps = m->c;
		r->progress.planned_bytes = m->d;
		r->mib_to_come = m->kind;
		run_show(r);
		return 0;
	}
	if (m->type == WIRE_FAILED) {
		wire_string(m, 0, r->output_error.text, sizeof(r->output_error.text));
		r->output_error.code = m->code ? m->code : EIO;
		return err_set(e, r->output_error.code, "%s", r->output_error.text);
	}
	return 0;
}

/* Serves the writer for at most one tick. 1: m holds a message of the wanted type (0: any of
 * interest is handled here). */
static int serve(struct run *r, unsigned want, struct wire_msg *m, struct err *e)
{
	struct pollfd p[2] = {
		{.fd = r->control, .events = POLLIN},
		{.fd = r->sign_sock, .events = POLLIN},
	};
	int rc;

	if (poll(p, 2, TICK_MS) <= 0)
		return 0;
	if (p[1].revents) {
		rc = signer_serve(r, e);
		if (rc < 0)
			return rc;
	}
	if (!p[0].revents)
		return 0;
	rc = wire_recv(r->control, m, NULL, false, e);
	if (rc == -EAGAIN)
		return 0;
	if (rc == 0)
		return err_set(e, EPIPE, "the writer ended unexpectedly");
	if (rc < 0)
		return rc;
	return m->type == want ? 1 : on_message(r, m, e);
}

static uint64_t patience(const struct run *r)
{
	return (r->interrupted ? STOPPED_DEADLINE_S : OUTPUT_DEADLINE_S) * SECOND;
}

int conductor_tell(struct run *r, const struct wire_msg *m, int fd, struct err *e)
{
	uint64_t until = now_ns() + patience(r);
	struct wire_msg other;

	for (;;) {
		/* Never blocks: the writer may itself be waiting, for a signature. */
		int rc = wire_send(r->control, m, fd, e);

		if (rc != -EAGAIN || now_ns() > until)
			return rc;
		rc = serve(r, 0, &other, e);
		if (rc < 0)
			return rc;
	}
}

void conductor_last_words(struct run *r)
{
	struct wire_msg m;

	while (!r->output_error.code && wire_recv(r->control, &m, NULL, false, NULL) > 0)
		(void)!on_message(r, &m, NULL);
}

int conductor_await(
	struct run *r, unsigned type, uint64_t patience_ns, struct wire_msg *ret, struct err *e)
{
	uint64_t since = now_ns(), bytes = r->progress.bytes;

	for (;;) {
		int rc = serve(r, type, ret, e);

		if (rc)
			return rc < 0 ? rc : 0;
		if (r->progress.bytes != bytes) {
			bytes = r->progress.bytes;
			since = now_ns();
		}
		if (now_ns() - since > patience_ns)
			return err_set(e, ETIMEDOUT, "the output takes no data");
	}
}

static int make_channel(struct attempt *a, struct err *e)
{
	int pair[2], rc = wire_pair(pair, e);

	if (rc < 0)
		return rc;
	a->sock = pair[0];
	a->writer_sock = pair[1];
	(void)fcntl(pair[1], F_SETFL, O_NONBLOCK);
	a->mem_fd = memfd_create("taphos-channel", MFD_CLOEXEC);
	if (a->mem_fd < 0 || ftruncate(a->mem_fd, sizeof(struct wire_shared)) < 0)
		return err_errno(e, "make a channel");
	a->shared =
		mmap(NULL, sizeof(*a->shared), PROT_READ | PROT_WRITE, MAP_SHARED, a->mem_fd, 0);
	if (a->shared == MAP_FAILED) {
		a->shared = NULL;
		return err_errno(e, "map a channel");
	}
	return 0;
}

static int announce_channel(struct attempt *a, struct err *e)
{
	struct wire_msg m = {.type = WIRE_CHANNEL, .kind = (uint32_t)a->index};
	int rc = conductor_tell(a->r, &m, a->writer_sock, e);

	close_one(&a->writer_sock);
	m.type = WIRE_CHANNEL_DATA;
	return rc < 0 ? rc : conductor_tell(a->r, &m, a->mem_fd, e);
}

static void close_channel(struct attempt *a)
{
	if (a->shared)
		(void)munmap(a->shared, sizeof(*a->shared));
	a->shared = NULL;
	close_one(&a->sock);
	close_one(&a->writer_sock);
	close_one(&a->mem_fd);
}

static int worker_main(void *arg)
{
	struct attempt *a = arg;
	struct err why = ERR_INIT;
	int rc;

	atomic_store_explicit(&a->shared->ready, 1, memory_order_relaxed);
	channel_init(&a->channel, a->sock, a->shared, a->dump.spool_fd);
	rc = dumpers[a->index]->run(&a->dump, &a->channel.sink, &why);
	return channel_done(&a->channel, rc, &why, NULL) < 0;
}

static int start_worker(struct attempt *a, struct err *e)
{
	struct job job;

	job_prepare(a->r, a->index, &a->dump, a->sock, &job);
	job.spec.main = worker_main;
	job.spec.arg = a;
	return worker_start(&job.spec, &a->worker, e);
}

/* Looks at the worker's counters. True: it has been silent for too long by its own fault. */
static bool is_stalled(struct attempt *a)
{
	uint64_t now = now_ns();
	uint64_t beat = atomic_load_explicit(&a->shared->beat, memory_order_relaxed);

	/* After a pause of our own (SIGSTOP, a frozen cgroup) the worker gets its time again. */
	if (beat != a->beat || now - a->looked_ns > PAUSE_S * SECOND ||
		atomic_load_explicit(&a->shared->waiting, memory_order_relaxed)) {
		a->beat = beat;
		a->alive_ns = now;
	}
	a->looked_ns = now;
	return now - a->alive_ns > run_item_ns(now, a->dump.until_ns);
}

/* By the worker's word alone: whether it is so, the writer says when it is asked to close. */
static bool output_is_stuck(struct attempt *a, uint64_t *bytes)
{
	uint64_t now = now_ns();

	if (a->r->progress.bytes != *bytes || now - a->looked_ns > PAUSE_S * SECOND ||
		!atomic_load_explicit(&a->shared->waiting, memory_order_relaxed)) {
		*bytes = a->r->progress.bytes;
		a->output_ns = now;
	}
	return now - a->output_ns > OUTPUT_DEADLINE_S * SECOND;
}

/* Why everything must end now, NULL when it need not. */
static const char *must_stop(const struct run *r)
{
	if (run_stopped())
		return "stopped by a signal";
	/* what is missing of the open member has to be filled with zeros by then */
	return now_ns() + run_fill_ns(r->mib_to_come) >= r->deadline_ns ? "the deadline was reached"
									: NULL;
}

static int watch(struct attempt *a, struct err *e)
{
	struct run *r = a->r;
	uint64_t bytes = r->progress.bytes;
	struct wire_msg m;

	a->stalled = false;
	a->alive_ns = a->output_ns = a->looked_ns = now_ns();
	while (!worker_ended(&a->worker)) {
		/* Stopped any earlier, it would not yet be bound to die with us. */
		if (atomic_load_explicit(&a->shared->ready, memory_order_relaxed))
			r->reader = &a->worker;
		int rc = serve(r, 0, &m, e);

		if (rc < 0)
			return rc;
		r->interrupted = must_stop(r);
		a->stalled = output_is_stuck(a, &bytes);
		a->stalled |= is_stalled(a);
		if (r->interrupted || a->stalled)
			break;
		run_show(r);
	}
	return 0;
}

static int close_at_writer(
	struct attempt *a, bool keep, const char *why, struct wire_msg *closed, struct err *e)
{
	struct wire_msg m = {.type = WIRE_CLOSE, .kind = keep};
	int rc;

	wire_puts(&m, 0, why);
	rc = conductor_tell(a->r, &m, -1, e);
	return rc < 0 ? rc : conductor_await(a->r, WIRE_CLOSED, patience(a->r), closed, e);
}

static void log_gap(struct run *r, size_t index, const char *where, const char *why)
{
	run_log(r, "warn", "gap", "%s%s: %s: %s", run_folder(r),
		index == WIRE_ENGINE ? "engine" : dumpers[index]->name, where, why);
}

int conductor_gap(struct run *r, size_t index, unsigned kind, const char *where, const char *why,
	struct err *e)
{
	struct wire_msg m = {.type = WIRE_GAP, .kind = (uint32_t)index, .a = kind};

	wire_puts(&m, 0, "");
	wire_puts(&m, 1, where);
	wire_puts(&m, 2, why);
	log_gap(r, index, where, why);
	return conductor_tell(r, &m, -1, e);
}

static void name_item(const struct attempt *a, uint64_t item, char *ret, size_t size)
{
	const struct dumper *d = dumpers[a->index];

	ret[0] = '\0';
	if (d->describe)
		d->describe(&a->dump, item, ret, size);
	if (!ret[0])
		snprintf(ret, size, "item %llu", (unsigned long long)item);
}

static const char no_progress[] = "the worker made no progress and was ended";

/* A dumper that is started again names what it had stalled on: only if it did not, we do. */
static int tell_unnamed(struct attempt *a, struct err *e)
{
	struct wire_msg m = {
		.type = WIRE_GAP, .kind = (uint32_t)a->index, .a = GAP_STALLED, .b = a->restarts};

	if (!a->restarts)
		return 0;
	wire_puts(&m, 0, "");
	wire_puts(&m, 1, a->where);
	wire_puts(&m, 2, no_progress);
	return conductor_tell(a->r, &m, -1, e);
}

/* What remains of a worker that stalled, died or was stopped. 1: start another one. */
static int after_loss(struct attempt *a, char *why, size_t size, struct err *e)
{
	const struct dumper *d = dumpers[a->index];
	struct run *r = a->r;
	struct dumper_resume next = {.again = true};
	bool again = a->stalled && d->resumes && !r->interrupted && a->restarts < RESTART_MAX &&
		     r->abandoned < ABANDON_MAX;
	bool dead = worker_kill(&a->worker);
	struct wire_msg closed;
	char where[TARGET_PATH], how[96];
	int rc;

	next.item = atomic_load_explicit(&a->shared->item, memory_order_relaxed);
	worker_describe(&a->worker, how, sizeof(how));
	if (!dead)
		r->abandoned++;
	name_item(a, next.item, where, sizeof(where));
	snprintf(why, size, "%s", r->interrupted ? r->interrupted : a->stalled ? no_progress : how);
	if (again) {
		a->restarts++;
		memcpy(a->where, where, sizeof(a->where));
		log_gap(r, a->index, where, why);
		rc = 0;
	} else {
		rc = conductor_gap(r, a->index,
			r->interrupted ? GAP_OVER_BUDGET
			: a->stalled   ? GAP_STALLED
				       : GAP_UNREADABLE,
			where, why, e);
	}
	if (rc == 0)
		rc = close_at_writer(a, again, why, &closed, e);
	if (rc < 0)
		return rc;
	next.member_done = closed.d;
	wire_string(&closed, 0, next.member, sizeof(next.member));
	a->dump.resume = next;
	return again;
}

static int tell_status(struct run *r, size_t index, const char *status, const char *reason,
	uint64_t started_ns, struct err *e)
{
	struct wire_msg m = {
		.type = WIRE_STATUS, .kind = (uint32_t)index, .a = started_ns, .b = run_wall_ns()};

	wire_puts(&m, 0, status);
	wire_puts(&m, 1, reason);
	run_log(r, "info", "dumper", "%s%s %s %s", run_folder(r), dumpers[index]->name, status,
		reason);
	run_stage(r, dumpers[index]->name);
	r->progress.stage_done = true;
	r->progress.status = status;
	run_show(r);
	return conductor_tell(r, &m, -1, e);
}

int conductor_skip(
	struct run *r, size_t index, const char *status, const char *reason, struct err *e)
{
	return tell_status(r, index, status, reason, run_wall_ns(), e);
}

/* No worker could be started: a loss, but the run goes on. */
static int not_started(struct attempt *a, const char *why, struct err *e)
{
	struct wire_msg closed;
	int rc = conductor_gap(a->r, a->index, GAP_UNREADABLE, "the whole dumper", why, e);

	return rc < 0 || !a->announced ? rc : close_at_writer(a, false, why, &closed, e);
}

/* One worker, to its end or loss. 1: again. 0: the dumper is done, status says how. */
static int attempt(struct attempt *a, const char **status, char *reason, size_t size, struct err *e)
{
	struct err why = ERR_INIT;
	struct wire_msg closed;
	int rc = make_channel(a, &why);

	if (rc == 0) {
		a->announced = true;
		rc = announce_channel(a, e);
		if (rc < 0)
			return rc;
		rc = start_worker(a, &why);
	}
	close_one(&a->sock); /* the worker's own now: its end is seen by the writer */
	if (rc < 0) {
		*status = a->restarts ? "partial" : "failed";
		snprintf(reason, size, "%s", why.text);
		return not_started(a, why.text, e);
	}
	rc = watch(a, e);
	if (rc < 0) {
		(void)worker_kill(&a->worker);
		return rc;
	}
	if (!a->worker.ended || a->worker.status != 0) {
		*status = "partial";
		return after_loss(a, reason, size, e);
	}
	rc = close_at_writer(a, false, "the worker ended", &closed, e);
	if (rc < 0)
		return rc;
	*status = closed.code ? "failed" : closed.c ? "partial" : "ok";
	if (closed.code)
		wire_string(&closed, 1, reason, size);
	return 0;
}

int conductor_run(struct run *r, size_t index, struct err *e)
{
	own_fd int spool = io_spool(r->spool_dir, e);
	struct attempt a = ATTEMPT(r, index);
	uint64_t started = run_wall_ns();
	const char *status = "failed";
	char reason[256] = "";
	int rc;

	if (spool < 0)
		return conductor_skip(r, index, "failed", "no spool file could be made", e);
	a.dump = job_dump(r, index, spool);
	a.dump.until_ns = job_ends(r, index);
	if (a.dump.max_bytes > run_fill_bytes(r)) /* no promise that cannot be kept in time */
		a.dump.max_bytes = run_fill_bytes(r);
	do {
		rc = attempt(&a, &status, reason, sizeof(reason), e);
		r->reader = NULL;
		close_channel(&a);
	} while (rc > 0);
	if (rc == 0)
		rc = tell_unnamed(&a, e);
	return rc < 0 ? rc : tell_status(r, index, status, reason, started, e);
}

int conductor_put(struct run *r, const char *member, const void *p, size_t n, struct err *e)
{
	struct attempt a = ATTEMPT(r, WIRE_ENGINE);
	const struct timeval limit = {.tv_sec = (time_t)(patience(r) / SECOND)};
	struct wire_msg closed;
	int rc = make_channel(&a, e);

	if (rc == 0)
		rc = announce_channel(&a, e);
	if (rc == 0) {
		(void)setsockopt(a.sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		(void)setsockopt(a.sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		channel_init(&a.channel, a.sock, a.shared, -1);
		rc = sink_blob(&a.channel.sink, member, p, n, e);
	}
	if (rc == 0)
		rc = channel_done(&a.channel, 0, NULL, e);
	if (rc == 0)
		rc = close_at_writer(&a, false, "", &closed, e);
	close_channel(&a);
	return rc;
}
