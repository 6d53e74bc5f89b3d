/* SPDX-License-Identifier: Apache-2.0 */
/* draft - a process's part of the table: its mappings, and copying them. */
#include "draft.h"

#include "fair.h"
#include "io.h"
#include "journal.h"
#include "maproom.h"
#include "memmaps.h"
#include "memplan.h"
#include "own.h"
#include "pagemap.h"
#include "psinfo.h"
#include "resume.h"
#include "target.h"
#include "tick.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const uint64_t renew_held_ns = 20000000; /* for flags of one process */
static const uint64_t renew_live_ns = 500000000;
static const uint64_t floor_ns = 100000000; /* for listing each, where it lasts */

enum { RENEW_PAGES = 1 << 16 }; /* of one that waits: its page tables are walked */
enum { FLOOR_RUNS = 1 << 14 };	/* that each may have, where they last */
enum { SWEEP = 1024 };		/* threads: a look for those that stop late takes a while itself */

int draft_note(
	struct memtable *t, uint32_t kind, int error, const char *where, const char *fmt, ...)
{
	struct mem_note n = {.head.type = MEM_NOTE, .kind = kind, .error = error};
	char text[256];
	va_list ap;

	snprintf(n.where, sizeof(n.where), "%s", where);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return memtable_add(t, &n, sizeof(n), text, strlen(text) + 1, NULL);
}

/* 1: there is no room for it. */
static int add_map(struct memtable *t, struct maproom *room, const struct memmap *m, struct err *e)
{
	struct mem_map r = {
		.head.type = MEM_MAP,
		.start = m->start,
		.end = m->end,
		.offset = m->offset,
		.ino = m->ino,
		.flags = m->flags,
		.kind = m->kind,
		.dev_major = m->major,
		.dev_minor = m->minor,
		.generation = m->generation,
		.name_len = (uint32_t)(m->name_len < MEM_NAME ? m->name_len : MEM_NAME - 1),
	};
	char name[MEM_NAME];

	if (!maproom_take(room, &r))
		return 1;
	memcpy(name, m->name, r.name_len);
	name[r.name_len] = '\0';
	return memtable_add(t, &r, sizeof(r), name, r.name_len + 1, e);
}

/* Flags of what was mapped since they were read: of a process that was born or became another
 * program since. Who stands still waits for it, so that a large one goes without. False: as they
 * were. */
static bool renew_flags(struct capture *c, struct proc_one *p)
{
	const bool held = c->how != HOLD_NONE && !c->limits.live;
	const uint64_t now = tick_now(), most = held ? renew_held_ns : renew_live_ns;
	uint64_t took;

	if (p->renewed || !c->renew_ns || (held && p->stat.rss_pages > RENEW_PAGES))
		return false;
	p->renewed = true;
	memflags_renew(&p->flags, procset_dir(p), &c->flag_room,
		now + (most < c->renew_ns ? most : c->renew_ns), &c->job->watch->beat);
	took = tick_now() - now;
	c->renew_ns -= took < c->renew_ns ? took : c->renew_ns;
	return true;
}

/* Of the one that is at hand: others come after it. */
static uint64_t listing_ends(const struct capture *c)
{
	const uint64_t now = tick_now(), by = c->job->listed_ns;

	if (!by)
		return UINT64_MAX;
	return now + fair_share(by > now ? by - now : 0, floor_ns, c->set.count - c->listed - 1);
}

/* What its mappings took more of than they may. */
static int over_budget(
	struct memtable *t, const struct maproom *room, bool cut, const struct memmap *m)
{
	int rc = 0;

	if (room->bare)
		rc = draft_note(t, GAP_OVER_BUDGET, ENOSPC, "names",
			"they are too long: mappings from %llx on are without theirs",
			(unsigned long long)room->bare);
	if (rc < 0 || !cut)
		return rc;
	return draft_note(t, GAP_OVER_BUDGET, 0, "mappings",
		"it has too many: there was no time or room for those from %llx on",
		(unsigned long long)m->start);
}

static int map_all(struct capture *c, struct proc_one *p, struct pagemap *pages, struct err *e)
{
	own_free struct memmaps *maps = calloc(1, sizeof(*maps));
	own_fd int map_files =
		openat(procset_dir(p), "map_files", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct memplan plan = {pages, c->copy, &c->shmem, map_files, c->job->options.kinds};
	const uint64_t until = listing_ends(c);
	struct maproom room = maproom_begin(c);
	struct err why = ERR_INIT;
	struct memmap m;
	int rc, more;

	if (!maps)
		return err_set(e, ENOMEM, "no memory");
	if (!p->learned) /* it came late */
		memdevs_learn(&c->devs, procset_dir(p));
	maps->devs = &c->devs;
	maps->flags = &p->flags;
	more = memmaps_open(maps, procset_dir(p), &why);
	rc = 0;
	while (more >= 0 && rc == 0 && (more = memmaps_next(maps, &m, &why)) > 0) {
		if (tick_now() >= until)
			break;
		rc = copy_tick(c->copy, e);
		if (m.flags & MEM_NO_FLAGS && renew_flags(c, p))
			memflags_join(&p->flags, &m);
		memmaps_settle(&m, map_files);
		if (rc == 0)
			rc = add_map(&c->table, &room, &m, e);
		if (rc == 0)
			rc = memplan_map(&plan, &m, e);
	}
	c->maps_left -= room.used;
	if (rc >= 0)
		rc = over_budget(&c->table, &room, more > 0, &m);
	if (rc == 0 && more < 0)
		rc = draft_note(&c->table, sink_gap_of(-more), -more, "mappings", "%s", why.text);
	if (rc == 0 && maps->lines.cut)
		rc = draft_note(&c->table, GAP_UNREADABLE, 0, "mappings", "a line is too long");
	if (rc == 0 && maps->damaged)
		rc = draft_note(&c->table, GAP_UNREADABLE, 0, "mappings",
			"%u lines are not in the form of proc(5)", maps->damaged);
	memmaps_done(maps);
	return rc;
}

void draft_at(struct capture *c, enum capture_work work, const struct proc_one *p)
{
	(void)tick_item(&c->job->watch->item, p ? journal_item(work, p->pid) : 0);
}

static int left_out(struct capture *c, const struct proc_one *p)
{
	const char *where = resume_not_back(c, p);

	if (where)
		return draft_note(&c->table, GAP_STALLED, ETIMEDOUT, "process",
			"%s did not come back: it holds the lock of its memory, or waits itself",
			where);
	return draft_note(&c->table, GAP_STALLED, 0, "process",
		"not tried: too many others had not come back, or the time was over");
}

/* Nothing of it can be had. */
static int no_memory(struct capture *c, const struct proc_one *p, struct err *e)
{
	int rc;

	if (p->left_out)
		rc = left_out(c, p);
	else if (p->before)
		rc = draft_note(&c->table, MEM_REMARK, 0, "process",
			"it had ended before the target stood still");
	else if (p->error)
		rc = draft_note(&c->table, sink_gap_of(p->error), p->error, "process",
			"it could not be opened");
	else if (p->ended)
		rc = draft_note(&c->table, GAP_VANISHED, ESRCH, "process",
			"it had ended before its memory was read");
	else if (p->stat.flags & PROCSET_KTHREAD)
		rc = draft_note(&c->table, GAP_NOT_PRESENT, 0, "process",
			"a thread of the kernel has no memory of its own");
	else
		rc = draft_note(&c->table, GAP_NOT_PRESENT, 0, "process",
			"it has ended and its memory is gone (state %c)", p->stat.state);
	return rc < 0 ? err_set(e, -rc, "write the table of memory") : 0;
}

/* What a reader must know of how it was read. */
static int remarks(struct capture *c, const struct proc_one *p, const struct proc_one *other)
{
	int rc = 0;

	if (p->flags.cut && !other)
		rc = draft_note(&c->table, GAP_UNREADABLE, 0, "flags",
			"smaps was not read to its end: what userfaultfd holds and what is not to "
			"be "
			"dumped is not known of all mappings");
	if (rc == 0 && c->set.cut && p == c->set.proc)
		rc = draft_note(&c->table, GAP_OVER_BUDGET, 0, "processes",
			"there are more of the target's, or cgroups that could not be read");
	return rc;
}

static const char *why_not(int error)
{
	switch (error) {
	case 0:
		return "they did not stop in time";
	case EPERM:
		return "another process traces them";
	case EBUSY:
		return "the process is about to become another program";
	default:
		return "the kernel refused";
	}
}

static int add_threads(struct capture *c, struct proc_one *p, struct memtable *t, struct err *e)
{
	unsigned with = 0, without = 0;
	int error = 0, rc = 0;

	for (uint32_t i = p->first_thread; rc == 0 && i < p->first_thread + p->threads; i++) {
		struct hold_thread *x = &c->hold.thread[i];
		struct mem_thread r;

		tick(&c->job->watch->beat);
		if (i % SWEEP == 0)
			hold_sweep(&c->hold); /* one that stops only now */
		psinfo_thread(p, x->tid, &r);
		if (x->signal)
			r.cursig = x->signal;
		rc = memtable_add(t, &r, sizeof(r), NULL, 0, e);
		if (rc == 0 && x->regs_len)
			rc = memtable_copy(t, c->regs_fd, x->regs, x->regs_len, e);
		if (x->regs_len)
			with++;
		else if (!strchr("ZXx", r.state ? r.state : 'X')) {
			without++;
			error = x->error ? x->error : error;
		}
	}
	c->with += with;
	c->without += without;
	if (rc == 0 && without)
		rc = draft_note(t, error ? sink_gap_of(error) : GAP_STALLED, error, "registers",
			"%u of %u threads: %s", without, with + without, why_not(error));
	return rc;
}

/* Was it to stand still? */
static bool was_to_stop(const struct capture *c, const struct proc_one *p)
{
	return !c->job->options.maps_only && (c->how != HOLD_NONE || c->job->late) && p->live &&
	       !(p->stat.flags & PROCSET_KTHREAD);
}

static int no_registers(const struct capture *c, const struct proc_one *p, struct memtable *t)
{
	if (p->left_out)
		return 0;
	if (was_to_stop(c, p) && p->not_asked)
		return draft_note(t, sink_gap_of(p->not_asked), p->not_asked, "registers",
			p->threads ? "some of its threads could not be asked to stop"
				   : "its threads could not be asked to stop");
	if (p->threads || !p->live || p->stat.flags & PROCSET_KTHREAD)
		return 0;
	if (was_to_stop(c, p))
		return draft_note(t, GAP_UNREADABLE, 0, "registers", "no thread could be stopped");
	if (c->job->options.to_hold && !c->job->options.maps_only)
		return draft_note(t, GAP_UNREADABLE, 0, "registers",
			"its threads were not stopped: the target could not be frozen");
	return draft_note(t, GAP_BY_PROFILE, 0, "registers", "%s",
		c->job->options.maps_only ? "not asked for" : "its threads were not stopped");
}

/* What was copied of one that should have stood still, and did not. */
static int not_held(const struct capture *c, const struct proc_one *p, struct memtable *t)
{
	if (p->ran_ns && !p->left_out)
		return draft_note(t, GAP_CHANGED, 0, "memory",
			"somebody thawed it: it ran for %llu us while it was copied",
			(unsigned long long)(p->ran_ns / 1000));
	if (p->left_out || !was_to_stop(c, p) || p->frozen || p->held)
		return 0;
	if (c->job->options.only_still)
		return draft_note(t, GAP_REFUSED, 0, "memory",
			"it could not be held, and was to be left out then (--freeze always)");
	return draft_note(t, GAP_CHANGED, 0, "memory",
		"it could not be held: its pages were copied while it ran");
}

/* What is known once all were let go. */
static int add_rest(struct capture *c, struct proc_one *p, struct memtable *t, struct err *e)
{
	int rc = add_threads(c, p, t, e);

	if (rc == 0)
		rc = no_registers(c, p, t);
	return rc == 0 ? not_held(c, p, t) : rc;
}

/* Its threads follow at once where they are known. */
static int begin(struct capture *c, struct proc_one *p, struct mem_proc *head, struct err *e)
{
	int rc = memtable_add(&c->table, head, sizeof(*head), NULL, 0, e);

	p->body = memtable_at(&c->table);
	if (rc < 0 || !c->completed)
		return rc;
	p->whole = true;
	return add_rest(c, p, &c->table, e);
}

static int read_memory(struct capture *c, struct proc_one *p, struct mem_proc *head, struct err *e)
{
	own_pagemap struct pagemap pages = PAGEMAP_INIT;
	const struct proc_one *other = memshare_copied(&c->set, p);
	struct mem_regs r = {.head.type = MEM_AUXV};
	struct err why = ERR_INIT;
	char auxv[PSINFO_AUXV];
	size_t n;
	int rc = pagemap_open(&pages, procset_dir(p), PAGEMAP_BEST, &why);

	if (rc < 0) {
		rc = begin(c, p, head, e);
		return rc < 0 ? rc
			      : draft_note(&c->table, sink_gap_of(why.code), why.code, "mappings",
					"%s", why.text);
	}
	psinfo_args(p, &pages, c->copy, head);
	n = psinfo_auxv(p, auxv, sizeof(auxv));
	if (!p->machine) /* its registers tell better */
		p->machine = psinfo_machine(auxv, n);
	head->machine = p->machine;
	head->memory_of = other ? other->pid : 0;
	rc = begin(c, p, head, e);
	r.n = (uint32_t)n;
	if (rc == 0 && n)
		rc = memtable_add(&c->table, &r, sizeof(r), auxv, n, e);
	if (!other && (p->flags.cut || !p->flags.count))
		(void)renew_flags(c, p);
	if (rc == 0)
		rc = remarks(c, p, other);
	if (rc == 0 && !other)
		rc = map_all(c, p, &pages, e);
	if (rc == 0 && faccessat(p->fd, "stat", F_OK, 0) < 0)
		rc = draft_note(&c->table, GAP_VANISHED, ESRCH, "process",
			"it ended while its memory was read");
	return rc;
}

int draft_process(struct capture *c, struct proc_one *p, struct err *e)
{
	const uint64_t most = fair_share(c->runs_left, FLOOR_RUNS, c->set.count - c->listed - 1);
	struct runs runs = {.table = &c->table, .left = most};
	struct mem_proc head;
	int rc;

	(void)procset_look(&c->set, p);
	p->still = !c->limits.live && (p->frozen || p->held);
	c->limits.maps_only =
		c->job->options.maps_only || (c->job->options.only_still && !p->frozen && !p->held);
	psinfo_proc(p, &head);
	c->copy->runs = &runs;
	copy_begin(c->copy, p->live, procset_dir(p));
	/* he must be able to end, or those he holds stand still as long as he does */
	c->copy->by_file |= c->crowd || !p->still;
	shmem_begin(&c->shmem, p->pid);
	if (p->left_out || procset_dir(p) < 0 || p->stat.flags & PROCSET_KTHREAD) {
		p->still = false;
		rc = begin(c, p, &head, e);
		if (rc == 0)
			rc = no_memory(c, p, e);
	} else {
		rc = read_memory(c, p, &head, e);
	}
	copy_done(c->copy);
	procset_put(p);
	p->body_len = memtable_at(&c->table) - p->body;
	p->listed = true;
	c->listed++;
	if (rc < 0)
		return rc;
	c->runs_left -= most - runs.left;
	c->staged += runs.sum.staged;
	c->live += runs.sum.live;
	p->runs = runs.sum.runs;
	p->staged = runs.sum.staged;
	p->live_bytes = runs.sum.live;
	rc = memtable_end(&c->table, &runs.sum, e);
	/* others are not referred to what was left out of one that could not be held */
	if (rc == 0 && p->live && !head.memory_of &&
		c->limits.maps_only == c->job->options.maps_only)
		memshare_copy(&c->set, p);
	return rc;
}

static int complete_one(struct capture *c, struct proc_one *p, struct memtable *t, struct err *e)
{
	struct mem_end end = {.runs = p->runs, .staged = p->staged, .live = p->live_bytes};
	struct mem_proc head;
	int rc;

	/* as it was when it stood still; what is known since is added */
	if (io_pread(c->table.fd, &head, sizeof(head), (off_t)(p->body - sizeof(head))) !=
		sizeof(head))
		return err_set(e, EIO, "read back the table of memory");
	head.machine = p->machine;
	head.stopped_ns = p->stopped_ns;
	head.resumed_ns = p->resumed_ns;
	head.frozen = p->still && !p->ran_ns;
	procset_take(&c->set, p);
	rc = memtable_add(t, &head, sizeof(head), NULL, 0, e);
	if (rc == 0)
		rc = add_rest(c, p, t, e);
	procset_put(p);
	if (rc == 0)
		rc = memtable_copy(t, c->table.fd, p->body, p->body_len, e);
	return rc < 0 ? rc : memtable_end(t, &end, e);
}

int draft_complete(struct capture *c, struct err *e)
{
	own_memtable struct memtable t = MEMTABLE_INIT;
	int rc;

	if (c->completed)
		return 0;
	rc = memtable_flush(&c->table, e);
	if (rc == 0)
		rc = memtable_open(&t, c->job->final_fd, e);
	if (rc == 0)
		rc = memtable_copy(&t, c->table.fd, 0, c->base, e);
	for (unsigned i = 0; rc == 0 && i < c->set.count; i++) {
		struct proc_one *p = &c->set.proc[i];

		tick(&c->job->watch->beat);
		rc = p->listed && !p->whole ? complete_one(c, p, &t, e) : 0;
	}
	if (rc == 0)
		rc = memtable_flush(&t, e);
	if (rc < 0)
		return rc;
	memtable_done(&c->table);
	c->table = t;
	t = MEMTABLE_INIT;
	c->completed = true;
	c->job->watch->completed = true;
	return 0;
}
