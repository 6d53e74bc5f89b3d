/* SPDX-License-Identifier: Apache-2.0 */
/* memready - what is done before the target is stopped. */
#include "memready.h"

#include "crew.h"
#include "fair.h"
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
static const uint64_t all_weigh_ns = 5000000000; /* for weighing them */
static const uint64_t floor_ns = 10000000;	 /* of both, for each of them, where it lasts */
static const uint64_t reserve = 16 << 20;	 /* staged beyond what was present */

enum { FLOOR_FLAGS = 1024 };

/* What may still be spent, and on how many. */
struct purse {
	uint64_t flags_ns, weigh_ns;
	unsigned others; /* that come after the one at hand */
};

/* When the share of what is left ends that begins now. */
static uint64_t share_ends(const struct capture *c, const struct purse *purse, uint64_t left)
{
	const uint64_t by = c->job->prepared_ns, now = tick_now();
	const uint64_t until = now + fair_share(left, floor_ns, purse->others);

	return by && by < until ? by : until;
}

static void pay(uint64_t *purse_ns, uint64_t since)
{
	const uint64_t took = tick_now() - since;

	*purse_ns -= took < *purse_ns ? took : *purse_ns;
}

/* Bytes that are there now. A process that cannot be read is a gap later. */
static uint64_t weigh(struct capture *c, struct proc_one *p, uint64_t until)
{
	own_pagemap struct pagemap pages = PAGEMAP_INIT;
	own_free struct memmaps *maps = calloc(1, sizeof(*maps));
	struct memmap m;
	uint64_t sum = 0;

	if (!maps || pagemap_open(&pages, procset_dir(p), PAGEMAP_BEST, NULL) < 0)
		return 0;
	maps->devs = &c->devs;
	if (memmaps_open(maps, procset_dir(p), NULL) < 0)
		return 0;
	while (tick_now() < until && memmaps_next(maps, &m, NULL) > 0) {
		tick(&c->job->watch->beat);
		if (c->job->options.kinds & 1u << m.kind)
			sum += memplan_weigh(&pages, &m, until);
	}
	memmaps_done(maps);
	if (tick_now() >= until && sum < p->stat.rss_pages * pages.page)
		sum = p->stat.rss_pages * pages.page; /* with its files' pages */
	return sum;
}

/* Where others did not come back, who waits for something now may be the next. */
static bool is_unprepared(const struct capture *c, const struct proc_one *p)
{
	return c->job->unprepared || p->left_out || (c->job->skips && procfs_waits(p->fd));
}

static void read_flags(struct capture *c, struct proc_one *p, struct purse *purse)
{
	const uint64_t since = tick_now();
	const size_t most = fair_share(c->flag_room, FLOOR_FLAGS, purse->others);
	uint64_t until = share_ends(c, purse, purse->flags_ns);
	size_t room = most;

	until = until < since + flags_ns ? until : since + flags_ns;
	(void)!memflags_read(&p->flags, procset_dir(p), &room, until, &c->job->watch->beat, NULL);
	c->flag_room -= most - room;
	pay(&purse->flags_ns, since);
}

/* What it leaves unread is a remark in the process's part of the table. */
static uint64_t prepare_one(struct capture *c, struct proc_one *p, struct purse *purse)
{
	uint64_t sum, since;

	tick(&c->job->watch->beat);
	if (p->listed || procset_look(&c->set, p) < 0 || procset_dir(p) < 0)
		return 0;
	p->flags.cut = true;
	memdevs_learn(&c->devs, procset_dir(p));
	p->learned = true;
	if (is_unprepared(c, p))
		return 0;
	draft_at(c, CAPTURE_PREPARES, p);
	if (!c->limits.by_file && memshare_join(&c->share, &c->set, p)) {
		draft_at(c, CAPTURE_PREPARES, NULL);
		return 0;
	}
	read_flags(c, p, purse);
	since = tick_now();
	sum = weigh(c, p, share_ends(c, purse, purse->weigh_ns));
	pay(&purse->weigh_ns, since);
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
		procset_take(&c->set, p);
		memflags_renew(&p->flags, procset_dir(p), &c->flag_room, end, &c->job->watch->beat);
		procset_put(p);
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
	struct purse purse = {.flags_ns = all_flags_ns, .weigh_ns = all_weigh_ns};
	uint64_t present = 0;
	int rc = procset_init(&c->set, job->proc_fd, job->target, job->descriptors, e);

	if (rc == 0 && job->again)
		rc = resume_from_table(c, e);
	if (rc < 0)
		return rc;
	c->limits.by_file = c->set.self != getpid();
	learn_host(c);
	for (unsigned i = 0; i < c->set.count; i++) {
		c->set.proc[i].left_out = resume_leaves_out(c, &c->set.proc[i]);
		purse.others = c->set.count - i - 1;
		present += prepare_one(c, &c->set.proc[i], &purse);
		procset_put(&c->set.proc[i]);
	}
	if (!job->prepared_ns || tick_now() < job->prepared_ns)
		read_rest(c, tick_now() + purse.flags_ns);
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
