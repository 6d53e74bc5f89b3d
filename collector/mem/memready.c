/* SPDX-License-Identifier: Apache-2.0 */
/* memready - what is done before the target is stopped. */
#include "memready.h"

#include "crew.h"
#include "memmaps.h"
#include "memplan.h"
#include "own.h"
#include "pagemap.h"
#include "procfs.h"
#include "resume.h"
#include "tick.h"

#include <fcntl.h>
#include <unistd.h>

static const uint64_t flags_ns = 500000000;	 /* for smaps of one process */
static const uint64_t all_flags_ns = 3000000000; /* of all of them */
static const uint64_t reserve = 16 << 20;	 /* staged beyond what was present */

/* Bytes that are there now. A process that cannot be read is a gap later. */
static uint64_t weigh(struct capture *c, struct proc_one *p)
{
	own_pagemap struct pagemap pages = PAGEMAP_INIT;
	own_free struct memmaps *maps = calloc(1, sizeof(*maps));
	struct memmap m;
	uint64_t sum = 0;

	if (!maps || pagemap_open(&pages, p->live_fd, PAGEMAP_BEST, NULL) < 0)
		return 0;
	maps->devs = &c->devs;
	if (memmaps_open(maps, p->live_fd, NULL) < 0)
		return 0;
	while (memmaps_next(maps, &m, NULL) > 0) {
		tick(&c->job->watch->beat);
		if (c->job->options.kinds & 1u << m.kind)
			sum += memplan_weigh(&pages, &m);
	}
	memmaps_done(maps);
	return sum;
}

/* Where others did not come back, who waits for something now may be the next. */
static bool is_unprepared(const struct capture *c, const struct proc_one *p)
{
	return c->job->unprepared || p->left_out || (c->job->skips && procfs_waits(p->fd));
}

/* What it leaves unread is a remark in the process's part of the table. */
static uint64_t prepare_one(struct capture *c, struct proc_one *p, uint64_t end)
{
	uint64_t until = tick_now() + flags_ns, sum;

	tick(&c->job->watch->beat);
	if (p->listed || procset_look(&c->set, p) < 0 || p->live_fd < 0)
		return 0;
	p->flags.cut = true;
	memdevs_learn(&c->devs, p->live_fd);
	p->learned = true;
	if (is_unprepared(c, p))
		return 0;
	draft_at(c, CAPTURE_PREPARES, p);
	if (!c->limits.by_file && memshare_join(&c->share, &c->set, p)) {
		draft_at(c, CAPTURE_PREPARES, NULL);
		return 0;
	}
	(void)!memflags_read(&p->flags, p->live_fd, &c->flag_room, until < end ? until : end,
		&c->job->watch->beat, NULL);
	sum = weigh(c, p);
	draft_at(c, CAPTURE_PREPARES, NULL);
	return sum;
}

/* Those whose time was too short have what the others left. */
static void read_rest(struct capture *c, uint64_t end)
{
	for (unsigned i = 0; i < c->set.count && tick_now() < end; i++) {
		struct proc_one *p = &c->set.proc[i];

		if (!p->flags.cut || !p->flags.count || p->listed)
			continue;
		draft_at(c, CAPTURE_PREPARES, p);
		memflags_renew(&p->flags, p->live_fd, &c->flag_room, end, &c->job->watch->beat);
		draft_at(c, CAPTURE_PREPARES, NULL);
	}
}

/* Some kernels name what lies under an overlay, which no container has mounted. */
static void learn_host(struct capture *c)
{
	own_fd int fd = openat(c->job->proc_fd, "1", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		memdevs_learn(&c->devs, fd);
}

int memready_prepare(struct capture *c, uint64_t *ret_present, struct err *e)
{
	const struct capture_job *job = c->job;
	uint64_t end = tick_now() + all_flags_ns, present = 0;
	int rc = procset_init(&c->set, job->proc_fd, job->target, e);

	if (rc == 0 && job->again)
		rc = resume_from_table(c, e);
	if (rc < 0)
		return rc;
	c->limits.by_file = c->set.self != getpid();
	learn_host(c);
	for (unsigned i = 0; i < c->set.count; i++) {
		c->set.proc[i].left_out = resume_leaves_out(c, &c->set.proc[i]);
		present += prepare_one(c, &c->set.proc[i], end);
	}
	read_rest(c, end);
	rc = stage_open(
		&c->stage, job->stage_fd, job->stage_bytes, job->spill_fd, job->spill_bytes, e);
	if (rc < 0)
		return rc;
	c->stage.spare = job->spill_spare;
	if (!job->options.maps_only && !job->again)
		stage_populate(&c->stage, present + present / 8 + reserve, c->copy->crew,
			&job->watch->beat);
	*ret_present = present;
	return 0;
}
