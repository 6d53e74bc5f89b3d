/* SPDX-License-Identifier: Apache-2.0 */
/* resume - a capture that goes on where another worker ended. */
#include "resume.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

const char *resume_not_back(const struct capture *c, const struct proc_one *p)
{
	for (unsigned i = 0; i < c->job->skips && i < CAPTURE_SKIPS; i++)
		if (c->job->skip[i].pid == p->pid && c->job->skip[i].work < CAPTURE_WORKS)
			return capture_works[c->job->skip[i].work];
	return NULL;
}

bool resume_leaves_out(const struct capture *c, const struct proc_one *p)
{
	return !p->listed && (c->job->no_more || resume_not_back(c, p));
}

static void end_of(struct capture *c, const struct mem_end *end, pid_t pid)
{
	struct proc_one *p = procset_find(&c->set, pid);

	if (p && !p->listed) {
		p->listed = p->whole = true;
		c->listed++;
	}
	c->staged += end->staged;
	c->live += end->live;
	c->limits.total += end->staged + end->live;
	c->runs_left -= end->runs < c->runs_left ? end->runs : c->runs_left;
}

static void count(struct capture *c, const struct mem_head *h)
{
	const struct mem_thread *t = (const void *)h;

	if (h->type == MEM_MAP)
		c->maps_left -= h->len < c->maps_left ? h->len : c->maps_left;

	if (h->type == MEM_THREAD)
		c->without += !strchr("ZXx", t->state ? t->state : 'X');
	if (h->type != MEM_REGS || ((const struct mem_regs *)h)->note != NT_PRSTATUS)
		return;
	c->with++;
	c->without -= c->without > 0;
}

static int take_table(struct capture *c, struct err *e)
{
	own_memscan struct memscan s = MEMSCAN_INIT;
	const struct mem_head *h;
	pid_t pid = 0;
	int rc = memscan_open(&s, c->job->table_fd, e);

	while (rc == 0 && (rc = memscan_next(&s, &h, e)) == 1) {
		rc = 0;
		if (h->type == MEM_PROC)
			pid = ((const struct mem_proc *)h)->pid;
		else if (h->type == MEM_END)
			end_of(c, (const void *)h, pid);
		else
			count(c, h);
	}
	if (rc < 0)
		return rc;
	if (ftruncate(c->job->table_fd, (off_t)s.end) < 0)
		return err_errno(e, "cut the table of memory");
	c->base = c->table.end = s.end;
	return 0;
}

int resume_from_table(struct capture *c, struct err *e)
{
	int rc = c->job->cgroup_fd < 0 ? 0 : procset_frozen(&c->set, c->job->cgroup_fd, e);

	for (unsigned i = 0; i < c->set.count; i++)
		c->set.proc[i].frozen = false; /* it was */
	(void)procset_born(&c->set, &c->job->watch->beat);
	return rc < 0 ? rc : take_table(c, e);
}
