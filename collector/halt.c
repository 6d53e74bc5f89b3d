/* SPDX-License-Identifier: Apache-2.0 */
/* halt - the target's cgroup frozen for a moment, and thawed whatever happens. */
#include "halt.h"
#include "dumper.h"
#include "guard.h"
#include "now.h"
#include "outsiders.h"
#include "own.h"
#include "run.h"
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>

#define SECOND 1000000000ULL

enum {
	CHECK_S = 5,
	CHECK_MEMORY = 16 << 20,
	GUARD_START_S = 2,
	GUARD_SPARE_S = 2,
	FREEZE_S = 2,
	GUARD_END_MS = 100,
};

/* Shared with the worker that looks at who is in the cgroup. */
struct checking {
	const struct run *run;
	const struct freezer *freezer;
	struct err why;
	int rc;
};

static int check_main(void *arg)
{
	struct checking *c = arg;

	c->rc = outsiders_check(c->freezer, &c->run->host.at, c->run->target, &c->why);
	return 0;
}

static int check_in(struct checking *c, struct err *e)
{
	const int keep[] = {c->run->host.at.proc_fd};
	struct worker_spec spec = {
		.name = "taphos-cgroup",
		.main = check_main,
		.arg = c,
		.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 1,
		.memory = CHECK_MEMORY,
	};
	int rc = worker_pipe(&spec, now_ns() + CHECK_S * SECOND, NULL, NULL, e);

	if (rc < 0)
		return rc;
	c->why.text[sizeof(c->why.text) - 1] = '\0';
	if (rc > 0 || c->rc < 0)
		return err_set(e, rc > 0 ? EIO : -c->rc, "%s",
			rc > 0 ? "look at its cgroup: no answer" : c->why.text);
	return 0;
}

static int check(const struct run *r, const struct freezer *f, struct err *e)
{
	struct checking *c =
		mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (c == MAP_FAILED)
		return err_set(e, ENOMEM, "no memory");
	c->run = r;
	c->freezer = f;
	c->rc = -EIO;
	rc = check_in(c, e);
	(void)munmap(c, sizeof(*c));
	return rc;
}

int halt_open(const struct run *r, struct halt *h, struct err *e)
{
	int rc = freezer_open(&r->host.at, r->target, &h->freezer, e);

	if (rc == 0)
		rc = check(r, &h->freezer, e);
	if (rc < 0)
		freezer_close(&h->freezer);
	return rc;
}

/* ---- guards */

static int start_guard(
	const struct run *r, struct halt *h, int i, uint64_t deadline_ns, struct err *e)
{
	struct guard_job job = {
		.state_fd = h->freezer.state_fd,
		.kind = h->freezer.kind,
		.deadline_ns = deadline_ns,
	};
	int pair[2], keep[2] = {h->freezer.state_fd, -1}, rc = wire_pair(pair, e);
	struct worker_spec spec = {
		.name = "thaw-guard",
		.main = guard_main,
		.arg = &job,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 2,
		.outlives = true,
		.argv = r->rq->argv,
	};

	if (rc < 0)
		return rc;
	h->sock[i] = pair[0];
	job.sock = keep[1] = pair[1];
	rc = worker_start(&spec, &h->guard[i], e);
	own_fd_(&pair[1]);
	return rc;
}

static int start_guards(const struct run *r, struct halt *h, uint64_t deadline_ns, struct err *e)
{
	uint64_t until = now_ns() + GUARD_START_S * SECOND;
	int rc = 0;

	for (int i = 0; rc == 0 && i < HALT_GUARDS; i++)
		rc = start_guard(r, h, i, deadline_ns, e);
	for (int i = 0; rc == 0 && i < HALT_GUARDS; i++)
		rc = guard_await(h->sock[i], until, e);
	if (rc == 0)
		guard_leave_cgroup(&r->host.at, h->guard[0].pid);
	return rc;
}

static bool is_guarded(struct halt *h)
{
	bool any = false;

	for (int i = 0; i < HALT_GUARDS; i++)
		any |= h->guard[i].pid && !worker_ended(&h->guard[i]);
	return any;
}

/* One that does not end when it is told to loses its socket, thaws what is not frozen, and ends. */
static void dismiss_guards(struct halt *h)
{
	uint64_t until = now_ns() + GUARD_END_MS * 1000000ULL;

	for (int i = 0; i < HALT_GUARDS; i++)
		if (h->sock[i] >= 0)
			guard_dismiss(h->sock[i]);
	while (is_guarded(h) && now_ns() < until)
		(void)poll(NULL, 0, 1);
}

/* ---- freezing */

int halt_freeze(const struct run *r, struct halt *h, uint64_t max_ns, struct err *e)
{
	uint64_t patience = max_ns < FREEZE_S * SECOND ? max_ns : FREEZE_S * SECOND;
	int rc;

	/* somebody else may have paused it since it was opened, or let it go */
	h->freezer.theirs = freezer_is_asked(&h->freezer);
	if (h->freezer.theirs)
		return freezer_freeze(&h->freezer, now_ns() + patience, e);
	rc = start_guards(r, h, now_ns() + max_ns + GUARD_SPARE_S * SECOND, e);
	if (rc < 0)
		return rc;
	h->requested_ns = now_ns();
	h->frozen = true;
	rc = freezer_freeze(&h->freezer, h->requested_ns + patience, e);
	h->frozen_ns = now_ns();
	/* ended while we did not run ourselves: nobody would thaw when we are killed now */
	if (rc == 0 && !is_guarded(h))
		rc = err_set(e, ECHILD, "the guards of the freeze were killed");
	if (rc < 0) {
		(void)!halt_thaw(h, NULL);
		h->frozen_ns = 0;
	}
	return rc;
}

int halt_thaw(struct halt *h, struct err *e)
{
	int rc;

	if (!h->frozen)
		return 0;
	rc = freezer_thaw(h->freezer.kind, h->freezer.state_fd, e);
	h->thawed_ns = now_ns();
	h->frozen = rc < 0;
	return rc;
}

void halt_done(struct halt *h)
{
	if (halt_thaw(h, NULL) == 0)
		dismiss_guards(h);
	for (int i = 0; i < HALT_GUARDS; i++) {
		own_fd_(&h->sock[i]);
		h->sock[i] = -1;
	}
	freezer_close(&h->freezer);
}
