/* SPDX-License-Identifier: Apache-2.0 */
/* capture - lists what is mapped, copies what is present, reads registers; beside the engine, step
 * by step. */
#include "capture.h"

#include "crew.h"
#include "draft.h"
#include "io.h"
#include "maproom.h"
#include "own.h"
#include "memready.h"
#include "procfs.h"
#include "regs.h"
#include "stopping.h"
#include "target.h"
#include "tick.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static const uint64_t renew_held_ns = 100000000; /* for reading flags again, in all */
static const uint64_t renew_live_ns = 3000000000;
static const uint64_t answer_ns = 2000000000; /* beyond the end of copying, as the guards */

const char *const capture_works[CAPTURE_WORKS] = {
	[CAPTURE_PREPARES] = "reading the flags of its mappings",
	[CAPTURE_STOPS] = "stopping its threads",
	[CAPTURE_LISTS] = "listing its memory",
	[CAPTURE_COPIES] = "copying its memory",
};

static int tell(struct capture *c, enum capture_step step, uint64_t a, uint64_t b, struct err *e)
{
	struct capture_msg m = {
		.step = step,
		.a = a,
		.b = b,
		.c = c->let_go_ns,
		.staged = c->staged,
		.live = c->live,
	};

	if (send(c->job->sock, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
		return err_errno(e, "tell the engine");
	return 0;
}

/* Is there a word of the engine's, before CLOCK_MONOTONIC until_ns? */
static bool await_word(struct capture *c, uint64_t until_ns)
{
	struct pollfd p = {.fd = c->job->sock, .events = POLLIN};
	uint64_t now;

	while ((now = tick_now()) < until_ns) {
		tick(&c->job->watch->beat);
		if (poll(&p, 1, (int)((until_ns - now) / 1000000 % 1000) + 1) > 0)
			return true;
	}
	return false;
}

static int hear(struct capture *c, enum capture_step step, struct capture_msg *ret, struct err *e)
{
	ssize_t n;

	do
		n = recv(c->job->sock, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, "hear the engine");
	if (n == 0)
		return err_set(e, EPIPE, "the engine is gone");
	if (n != sizeof(*ret) || ret->step != (uint32_t)step)
		return err_set(e, EBADMSG, "the engine said something else");
	return 0;
}

/* ---- while it stands still */

static int go(struct capture *c, struct err *e)
{
	struct capture_msg m;
	int rc = hear(c, CAPTURE_GO, &m, e);

	if (rc < 0)
		return rc;
	if (m.a > HOLD_PTRACE)
		return err_set(e, EBADMSG, "the engine asks for an unknown way to stop");
	c->how = (enum capture_hold)m.a;
	c->go_ns = tick_now();
	c->limits.until = m.b;
	c->limits.live = c->how == HOLD_NONE || c->job->options.maps_only;
	c->renew_ns = c->how == HOLD_NONE ? renew_live_ns : renew_held_ns;
	if (c->how == HOLD_CGROUP && c->job->cgroup_fd >= 0)
		rc = procset_frozen(&c->set, c->job->cgroup_fd, e);
	stopping_mark(c);
	if (rc == 0 && (c->how == HOLD_NONE || c->job->options.maps_only)) {
		(void)procset_born(&c->set, &c->job->watch->beat);
		return 0;
	}
	if (rc == 0)
		rc = stopping_others(c, e);
	for (unsigned i = 0; i < c->set.count; i++)
		if (c->set.proc[i].frozen)
			c->set.proc[i].stopped_ns = c->go_ns;
	return rc;
}

/* ---- when it is let go */

static int read_registers(struct capture *c, struct hold_thread *t, struct err *e)
{
	struct proc_one *p = &c->set.proc[t->proc];
	int rc;

	if (t->state != HOLD_STOPPED)
		return 0;
	tick(&c->job->watch->beat);
	t->regs = memtable_at(&c->regs);
	rc = regs_read(&c->regs, t, &p->machine, &t->error, e);
	t->regs_len = memtable_at(&c->regs) - t->regs;
	hold_release(t);
	p->resumed_ns = tick_now();
	return rc < 0 ? rc : 0;
}

static int by_process(const void *a, const void *b)
{
	const struct hold_thread *x = a, *y = b;

	return x->proc != y->proc ? (x->proc < y->proc ? -1 : 1) : x->tid < y->tid ? -1 : 1;
}

/* Puts each process's threads side by side. */
static void sort_threads(struct capture *c)
{
	struct hold *h = &c->hold;

	hold_sort(h, by_process);
	for (uint32_t i = 0; i < h->count; i++) {
		struct proc_one *p = &c->set.proc[h->thread[i].proc];

		if (!p->threads++)
			p->first_thread = i;
	}
}

/* The engine may itself be stopped: the guards thaw by then, and no thread is held any longer for
 * its word. */
static int hear_thawed(struct capture *c, struct err *e)
{
	uint64_t now = tick_now(), until = c->limits.until > now ? c->limits.until : now;
	struct capture_msg m;

	if (c->how != HOLD_NONE && !await_word(c, until + answer_ns))
		return 0;
	return hear(c, CAPTURE_THAWED, &m, e);
}

/* Each thread goes on as soon as it has been read. */
static int read_all(struct capture *c, struct err *e)
{
	uint64_t until = c->thawed_ns + stopping_ns(c->hold.asked);
	int rc = 0;

	do
		for (unsigned i = 0; rc >= 0 && i < c->hold.count; i++)
			rc = read_registers(c, &c->hold.thread[i], e);
	while (rc >= 0 && hold_wait_some(&c->hold, until));
	c->let_go_ns = c->hold.count ? tick_now() : 0;
	return rc;
}

/* Once: at the end of copying, or when its time is up. */
static int release(void *arg, struct err *e)
{
	struct capture *c = arg;
	uint64_t was;
	int rc = 0;

	if (c->released)
		return 0;
	c->released = true;
	was = tick_item(&c->job->watch->item, 0);
	stopping_judge_ran(c);
	for (unsigned i = 0; rc >= 0 && i < c->set.count; i++)
		rc = c->set.proc[i].frozen ? stopping_ask(c, i, e) : 0;
	if (rc >= 0)
		rc = tell(c, CAPTURE_COPIED, c->staged, c->live, e);
	if (rc >= 0)
		rc = hear_thawed(c, e);
	if (rc < 0)
		return rc;
	c->thawed_ns = tick_now();
	for (unsigned i = 0; i < c->set.count; i++)
		c->set.proc[i].resumed_ns = c->set.proc[i].stopped_ns ? c->thawed_ns : 0;
	rc = read_all(c, e);
	c->job->watch->let_go_ns = c->let_go_ns;
	if (rc >= 0)
		rc = memtable_flush(&c->regs, e);
	sort_threads(c);
	(void)tick_item(&c->job->watch->item, was);
	return rc;
}

/* Whose memory is whose, of those that are not in the table yet. */
static void share(struct capture *c)
{
	memshare_begin(&c->share, &c->set);
	for (unsigned i = 0; !c->limits.by_file && i < c->set.count; i++) {
		struct proc_one *p = &c->set.proc[i];

		tick(&c->job->watch->beat);
		if (p->listed || p->left_out || p->ended || p->stat.flags & PROCSET_KTHREAD ||
			(!stopping_stands_still(p) && procset_waits(&c->set, p)))
			continue;
		draft_at(c, CAPTURE_LISTS, p);
		if (procset_dir(p) >= 0 || procset_look(&c->set, p) == 0)
			(void)memshare_join(&c->share, &c->set, p);
		procset_put(p);
		draft_at(c, CAPTURE_LISTS, NULL);
	}
}

static int copy_one(struct capture *c, struct proc_one *p, struct err *e)
{
	int rc;

	if (c->released)
		hold_sweep(&c->hold);
	draft_at(c, CAPTURE_LISTS, p);
	rc = draft_process(c, p, e);
	draft_at(c, CAPTURE_LISTS, NULL);
	return rc == 0 && c->released ? draft_complete(c, e) : rc;
}

enum order { STILL, OTHERS, WAITING };

/* Of two with one number, who is there comes first: a reader takes no other. */
static bool is_its_turn(struct capture *c, struct proc_one *p, enum order order)
{
	bool replaced = p->ended && procset_find(&c->set, p->pid);

	if (p->listed || (replaced && p->before))
		return false;
	if (order == STILL)
		return !replaced && (stopping_stands_still(p) || p->left_out);
	return order == WAITING || !procset_waits(&c->set, p);
}

static int copy_those(struct capture *c, enum order order, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < c->set.count; i++)
		if (is_its_turn(c, &c->set.proc[i], order))
			rc = copy_one(c, &c->set.proc[i], e);
	return rc;
}

/* Children that are born while it runs and is read. */
static int copy_born(struct capture *c, struct err *e)
{
	int rc = 0;

	for (unsigned round = 0; rc == 0 && round < STOPPING_ROUNDS; round++) {
		if (!procset_born(&c->set, &c->job->watch->beat))
			return 0;
		share(c);
		rc = copy_those(c, WAITING, e);
	}
	return rc;
}

/* Who stands still holds no lock. Who waits in the kernel may: he comes last, when nobody stands
 * still any more and what was copied is safe in the table. */
static int copy_all(struct capture *c, struct err *e)
{
	int rc = c->how == HOLD_NONE ? draft_complete(c, e) : 0;

	share(c);
	if (rc == 0)
		rc = copy_those(c, STILL, e);
	if (rc == 0)
		rc = copy_those(c, OTHERS, e);
	if (rc == 0)
		rc = release(c, e);
	if (rc == 0)
		rc = draft_complete(c, e);
	if (rc == 0)
		rc = copy_those(c, WAITING, e);
	return rc == 0 && c->how == HOLD_NONE && !c->job->late ? copy_born(c, e) : rc;
}

static int run(struct capture *c, struct err *e)
{
	int rc = memtable_open(&c->table, c->job->table_fd, e);
	uint64_t present = 0;

	if (rc == 0)
		rc = memtable_open(&c->regs, c->regs_fd, e);
	if (rc == 0)
		rc = hold_init(&c->hold, &c->job->watch->beat, e);
	if (rc == 0)
		rc = memready_prepare(c, &present, e);
	if (rc == 0)
		rc = tell(c, CAPTURE_READY, present, c->set.count, e);
	if (rc == 0)
		rc = go(c, e);
	if (rc == 0)
		rc = copy_all(c, e);
	if (rc == 0)
		rc = tell(c, CAPTURE_DONE, c->with, c->without, e);
	return rc;
}

int capture_run(const struct capture_job *job, struct err *e)
{
	own_free struct capture *c = calloc(1, sizeof(*c));
	own_free struct copy *copy = calloc(1, sizeof(*copy));
	own_fd int regs_fd = io_spool(-1, e);
	int rc;

	if (!c || !copy || regs_fd < 0)
		return err_set(e, ENOMEM, "no memory");
	c->job = job;
	c->copy = copy;
	c->regs_fd = regs_fd;
	c->set.proc_fd = -1;
	c->stage = STAGE_INIT;
	c->table = c->regs = MEMTABLE_INIT;
	c->flag_room = MEMFLAGS_MAX;
	c->maps_left = job->maps_max ? job->maps_max : MAPROOM_MAX;
	c->runs_left = job->runs_max ? job->runs_max : RUNS_MAX;
	c->limits = (struct copy_limits){
		.max_process = job->options.max_process,
		.max_total = job->options.max_total,
		.maps_only = job->options.maps_only,
		.expired = release,
		.arg = c,
		.beat = &job->watch->beat,
		.item = &job->watch->item,
	};
	copy->limits = &c->limits;
	copy->stage = &c->stage;
	copy->crew = crew_new(crew_cores(STAGE_HANDS) - 1);
	memdevs_init(&c->devs);
	rc = run(c, e);
	crew_free(copy->crew);
	hold_done(&c->hold);
	procset_done(&c->set);
	memdevs_done(&c->devs);
	stage_done(&c->stage);
	shmem_done(&c->shmem);
	memshare_done(&c->share);
	memtable_done(&c->table);
	memtable_done(&c->regs);
	return rc;
}
