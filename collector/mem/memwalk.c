/* SPDX-License-Identifier: Apache-2.0 */
/* memwalk - the records of one process, in order and checked against each other. */
#include "memwalk.h"

#include <errno.h>
#include <string.h>

struct walk {
	const struct memwalk_ops *ops;
	void *arg;
	bool thread, mapped; /* there was one */
	uint64_t page;	     /* everything lies on a multiple of it */
	uint64_t edge;	     /* where the next mapping or run may begin */
	struct mem_map map;  /* the last one, without its name */
};

static int damaged(struct err *e)
{
	return err_set(e, EBADMSG, "the table of memory makes no sense");
}

static int on_map(struct walk *w, const struct mem_map *m, struct err *e)
{
	uint64_t from = w->mapped ? w->map.end : 0;

	if (m->start < from || (m->start | m->end) % w->page)
		return damaged(e);
	w->map = *m;
	w->mapped = true;
	w->edge = m->start;
	return w->ops->map ? w->ops->map(w->arg, m, e) : 0;
}

static int on_run(struct walk *w, const struct mem_run *r, uint64_t at, struct err *e)
{
	if (!w->mapped || r->start < w->edge || r->end > w->map.end ||
		(r->start | r->end) % w->page)
		return damaged(e);
	w->edge = r->end;
	return w->ops->run ? w->ops->run(w->arg, &w->map, r, at, e) : 0;
}

static int on_thread(struct walk *w, const struct mem_head *h, uint64_t at, struct err *e)
{
	if (w->mapped)
		return damaged(e);
	w->thread = true;
	return w->ops->thread ? w->ops->thread(w->arg, (const void *)h, at, e) : 0;
}

static int on_record(struct walk *w, const struct mem_head *h, uint64_t at, struct err *e)
{
	switch (h->type) {
	case MEM_THREAD:
		return on_thread(w, h, at, e);
	case MEM_REGS:
		if (!w->thread)
			return damaged(e);
		/* fall through */
	case MEM_AUXV:
		return w->ops->regs ? w->ops->regs(w->arg, (const void *)h, e) : 0;
	case MEM_NOTE:
		return w->ops->note ? w->ops->note(w->arg, (const void *)h, e) : 0;
	case MEM_MAP:
		return on_map(w, (const void *)h, e);
	case MEM_RUN:
		return on_run(w, (const void *)h, at, e);
	default:
		return damaged(e);
	}
}

int memwalk(struct memscan *s, uint64_t at, const struct memwalk_ops *ops, void *arg, struct err *e)
{
	struct walk w = {.ops = ops, .arg = arg, .page = 4096};
	const struct mem_head *h;
	uint64_t here = at;
	int rc;

	for (s->at = at; (rc = memscan_next(s, &h, e)) == 1; here = s->at) {
		if (h->type == MEM_END)
			return 0;
		if (h->type == MEM_PROC && here == at)
			continue;
		rc = on_record(&w, h, here, e);
		if (rc < 0)
			return rc;
	}
	return rc < 0 ? rc : damaged(e);
}

int memwalk_skip(struct memscan *s, uint64_t at, uint64_t *ret_next, struct err *e)
{
	const struct mem_head *h;
	int rc;

	*ret_next = 0;
	for (s->at = at; (rc = memscan_next(s, &h, e)) == 1;)
		if (h->type == MEM_END) {
			*ret_next = s->at;
			return 0;
		}
	return rc;
}
