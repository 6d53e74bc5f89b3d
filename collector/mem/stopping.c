/* SPDX-License-Identifier: Apache-2.0 */
/* stopping - the threads of the processes. */
#include "stopping.h"

#include "tick.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const uint64_t stop_ns = 100000000; /* for threads to stop, all together */
static const uint64_t stop_one_ns = 50000; /* and for each of them, where there are many */

uint64_t stopping_ns(unsigned threads)
{
	return stop_ns + threads * stop_one_ns;
}

static bool to_be_held(const struct capture *c, const struct proc_one *p)
{
	return !c->job->options.maps_only && c->how != HOLD_NONE && !p->ended && !p->left_out &&
	       !c->limits.by_file && !(p->stat.flags & PROCSET_KTHREAD);
}

/* The threads of one process, which follow each other in the list. */
int stopping_ask(struct capture *c, unsigned i, struct err *e)
{
	struct proc_one *p = &c->set.proc[i];
	int rc;

	if (!to_be_held(c, p))
		return 0;
	draft_at(c, CAPTURE_STOPS, p);
	procset_take(&c->set, p);
	rc = p->ended ? -ESRCH : hold_process(&c->hold, p->fd, i, p->frozen, e);
	procset_put(p);
	draft_at(c, CAPTURE_STOPS, NULL);
	if (rc == -ENOMEM)
		return rc;
	p->not_asked = rc < 0 ? -rc : 0;
	return rc < 0 ? 0 : rc;
}

/* Ended, and waits for its parent to notice. */
static bool is_zombie(const struct proc_one *p)
{
	return strchr("ZXx", p->stat.state) && p->stat.num_threads < 2;
}

bool stopping_stands_still(const struct proc_one *p)
{
	return p->frozen || p->held || p->ended || is_zombie(p) || p->stat.flags & PROCSET_KTHREAD;
}

/* Which processes cannot run, now that their threads were asked to stop? */
static void judge_held(struct capture *c)
{
	const uint64_t now = tick_now();

	for (unsigned i = 0; i < c->set.count; i++)
		c->set.proc[i].held = false;
	for (unsigned i = 0; i < c->hold.count; i++)
		if (c->hold.thread[i].state == HOLD_STOPPED)
			c->set.proc[c->hold.thread[i].proc].held = true;
	for (unsigned i = 0; i < c->hold.count; i++) {
		const struct hold_thread *t = &c->hold.thread[i];
		struct proc_one *p = &c->set.proc[t->proc];
		/* an ended first thread cannot be stopped, and does not run */
		bool dead = t->tid == p->pid && p->live != p->pid;

		if (t->state == HOLD_ASKED || (t->state == HOLD_LOST && t->error != ESRCH && !dead))
			p->held = false;
	}
	for (unsigned i = 0; i < c->set.count; i++) {
		struct proc_one *p = &c->set.proc[i];

		p->held = p->held && !p->not_asked;
		if (p->held)
			p->stopped_ns = now;
	}
}

/* Those who are neither in the frozen cgroup nor stopped and have ended by now did so before all
 * stood still; if all do. */
static void judge_ended(struct capture *c)
{
	bool all = true;

	for (unsigned i = 0; i < c->set.count; i++) {
		struct proc_one *p = &c->set.proc[i];
		bool there = p->live != 0;

		if (!p->frozen && !p->held && !p->ended)
			(void)procset_look(&c->set, p);
		p->before = !p->frozen && !p->held && !p->error &&
			    (p->ended || (there && is_zombie(p)));
		procset_put(p);
		all = all && stopping_stands_still(p);
	}
	c->crowd |= c->hold.count && !all;
	all = all && !c->set.cut;
	for (unsigned i = 0; !all && i < c->set.count; i++)
		c->set.proc[i].before = false;
}

/* Those that no cgroup holds are stopped now, all at the same time. */
int stopping_others(struct capture *c, struct err *e)
{
	const uint64_t start = tick_now();
	uint64_t until = start + stopping_ns(0);
	unsigned born = 0;
	int found = 1;

	for (unsigned round = 0; found > 0 && round < STOPPING_ROUNDS && tick_now() < until;
		round++) {
		found = 0;
		for (unsigned i = 0; found >= 0 && i < c->set.count; i++) {
			int rc = c->set.proc[i].frozen ? 0 : stopping_ask(c, i, e);

			found = rc < 0 ? rc : found + rc;
		}
		if (found < 0)
			return found;
		born = procset_born(&c->set, &c->job->watch->beat);
		found += (int)born;
		until = start + stopping_ns(c->hold.count);
		hold_wait(&c->hold, until);
	}
	judge_held(c);
	c->set.cut |= born > 0; /* there is no end to them */
	judge_ended(c);
	return 0;
}

/* ---- did those run that are frozen? */

/* A task counts as frozen a moment before it sleeps, and a signal wakes it for a moment, within the
 * kernel: a page that it changes takes longer. */
static const uint64_t settle_ns = 50000;

/* The clock of a process that is not one's own (clock_getcpuclockid(3), without its question). */
static clockid_t cpu_clock(pid_t pid)
{
	return (clockid_t)(~(unsigned)pid << 3 | 2);
}

/* Of all its threads, 0: not known. By its number, or in ticks where /proc has other numbers. */
static uint64_t cpu_time(const struct capture *c, const struct proc_one *p)
{
	struct procfs_stat st;
	struct timespec t;

	if (!c->limits.by_file && clock_gettime(cpu_clock(p->pid), &t) == 0)
		return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (!c->limits.by_file || procfs_read_stat(p->fd, &st, NULL) < 0)
		return 0;
	return (st.utime + st.stime) * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

void stopping_mark(struct capture *c)
{
	for (unsigned i = 0; i < c->set.count; i++)
		if (c->set.proc[i].frozen && !c->set.proc[i].ended)
			c->set.proc[i].cpu_ns = cpu_time(c, &c->set.proc[i]);
}

void stopping_judge_ran(struct capture *c)
{
	for (unsigned i = 0; i < c->set.count; i++) {
		struct proc_one *p = &c->set.proc[i];
		uint64_t now = p->frozen && !p->ended ? cpu_time(c, p) : 0;

		if (now <= p->cpu_ns + settle_ns)
			continue;
		p->ran_ns = now - p->cpu_ns;
		c->job->watch->ran++;
	}
}
