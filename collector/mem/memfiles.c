/* SPDX-License-Identifier: Apache-2.0 */
/* memfiles - which files on disk are mapped. */
#include "memfiles.h"
#include "memwalk.h"

#include <errno.h>
#include <stdlib.h>

enum { SLOTS = 4 * MEMFILES_MAX }; /* a power of two */

struct listing {
	struct memfiles *files;
	struct memscan *scan;
	uint64_t proc;
	struct memfile *last; /* the mapping's; NULL: it has no file */
	bool counted;	      /* in left_out */
};

/* Index of the file, or where it would be: 0 in the slot. */
static uint32_t *slot_of(struct memfiles *f, const struct mem_map *m)
{
	uint64_t h = (m->ino ^ (uint64_t)m->dev_major << 40 ^ (uint64_t)m->dev_minor << 20) *
		     0x9e3779b97f4a7c15ULL;
	uint32_t at = (uint32_t)(h >> 32) % SLOTS;

	while (f->slots[at]) {
		const struct memfile *x = &f->files[f->slots[at] - 1];

		if (x->ino == m->ino && x->dev_major == m->dev_major &&
			x->dev_minor == m->dev_minor)
			break;
		at = (at + 1) % SLOTS;
	}
	return &f->slots[at];
}

static struct memfile *file_of(struct listing *l, const struct mem_map *m)
{
	struct memfiles *f = l->files;
	uint32_t *slot = slot_of(f, m);

	if (*slot)
		return &f->files[*slot - 1];
	if (f->count == MEMFILES_MAX) {
		f->more++;
		return NULL;
	}
	f->files[f->count] = (struct memfile){
		.ino = m->ino,
		.dev_major = m->dev_major,
		.dev_minor = m->dev_minor,
		.proc = l->proc,
		.map = l->scan->at - m->head.len,
	};
	*slot = ++f->count;
	return &f->files[f->count - 1];
}

static int on_map(void *arg, const struct mem_map *m, struct err *e)
{
	struct listing *l = arg;

	(void)e;
	l->last = NULL;
	l->counted = false;
	if ((m->kind != MEM_PRIVATE && m->kind != MEM_SHARED) || !m->ino)
		return 0;
	l->last = file_of(l, m);
	if (l->last)
		l->last->mappings++;
	return 0;
}

static int on_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	struct listing *l = arg;

	(void)m;
	(void)at;
	(void)e;
	if (l->last && !l->counted && r->fate == MEM_AS_FILE) {
		l->last->left_out++;
		l->counted = true;
	}
	return 0;
}

int memfiles_list(struct memfiles *f, struct memscan *s, struct err *e)
{
	static const struct memwalk_ops ops = {.map = on_map, .run = on_run};
	struct listing l = {.files = f, .scan = s};
	int rc = 0;

	*f = (struct memfiles){.files = malloc(MEMFILES_MAX * sizeof(*f->files)),
		.slots = calloc(SLOTS, sizeof(*f->slots))};
	if (!f->files || !f->slots)
		return err_set(e, ENOMEM, "no memory");
	for (uint64_t next; rc == 0 && l.proc < s->end; l.proc = next) {
		rc = memwalk_skip(s, l.proc, &next, e);
		if (rc == 0 && memwalk(s, l.proc, &ops, &l, NULL) == -EIO)
			rc = err_set(e, EIO, "read the table of memory");
		if (!next)
			break;
	}
	return rc;
}

void memfiles_done(struct memfiles *f)
{
	free(f->files);
	free(f->slots);
	*f = (struct memfiles){0};
}
