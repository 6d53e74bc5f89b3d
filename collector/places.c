/* SPDX-License-Identifier: Apache-2.0 */
/* places - the targets of a run, and where in the bundle the evidence of each lies. */
#include "places.h"
#include "conductor.h"
#include "dumper.h"
#include "locate.h"
#include "own.h"
#include "places_merge.h"
#include "record.h"
#include "run.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { ID_SHORT = 12 };

void places_stand(struct run *r, size_t i)
{
	r->here = i;
	r->target = r->place[i].target;
	r->mount_fd = r->place[i].mount_fd;
	r->root_clone = r->place[i].root_clone;
}

int places_enter(struct run *r, size_t i, struct err *e)
{
	struct wire_msg m = {.type = WIRE_PLACE};
	bool moved = i != r->here;

	places_stand(r, i);
	if (!moved)
		return 0;
	wire_puts(&m, 0, r->place[i].folder);
	return conductor_tell(r, &m, -1, e);
}

bool places_wants(const struct place *p, const struct dumper *d)
{
	bool common = d->needs & (NEED_MEMORY | NEED_NETNS | NEED_API | NEED_CRI);

	switch (p->kind) {
	case PLACE_POD:
		return common;
	case PLACE_CONTAINER:
		return !common;
	case PLACE_SANDBOX: /* what it is and what runs in it: nobody works in its root */
		return !common && !(d->needs & (NEED_ROOTFS | NEED_MOUNTS));
	default:
		return true;
	}
}

unsigned places_left(const struct run *r, const struct dumper *d)
{
	unsigned n = 0;

	for (size_t i = r->here; i < r->places; i++)
		n += places_wants(&r->place[i], d);
	return n ? n : 1;
}

unsigned places_count(const struct run *r)
{
	unsigned n = 0;

	for (size_t i = 0; i < r->places; i++)
		n += r->place[i].kind == PLACE_ALONE || r->place[i].kind == PLACE_CONTAINER;
	return n;
}

/* ---- finding them */

static struct place *add(struct run *r, enum place_kind kind, struct target *take_target)
{
	struct place *p = &r->place[r->places++];

	*p = (struct place){.kind = kind, .target = take_target, .root_clone = -1};
	if (kind != PLACE_POD)
		r->all[r->alls++] = take_target;
	return p;
}

static int make_table(struct run *r, size_t n, struct err *e)
{
	r->place = calloc(n, sizeof(*r->place));
	r->all = calloc(n, sizeof(*r->all));
	return r->place && r->all ? 0 : err_set(e, ENOMEM, "no memory");
}

static int find_one(struct run *r, const struct target_selector *sel, uint64_t deadline_ns,
	struct buf *candidates, struct err *e)
{
	struct target *t = NULL;
	int rc = make_table(r, 1, e);

	if (rc == 0)
		rc = locate_target(&r->host.at, sel, deadline_ns, &t, candidates, e);
	if (rc == 0)
		(void)add(r, PLACE_ALONE, t);
	return rc;
}

/* What other containers of this name were there before? */
static bool is_only(const struct pod *pod, unsigned i)
{
	const struct pod_container *c = &pod->container[i];
	unsigned same = 0, running = 0;

	for (unsigned k = 0; k < pod->containers; k++) {
		const struct pod_container *other = &pod->container[k];

		if (other->sandbox != c->sandbox ||
			(!c->sandbox && strcmp(other->name, c->name) != 0))
			continue;
		same++;
		running += other->running;
	}
	return same == 1 || (running == 1 && c->running);
}

/* "containers/web/", "containers/web.0123456789ab/" of one that ended before, "sandbox/". */
static void name_folder(const struct pod *pod, unsigned i, char ret[RUN_FOLDER])
{
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const struct pod_container *c = &pod->container[i];
	char name[64 + 1 + ID_SHORT];
	bool only = is_only(pod, i) && (c->sandbox || c->name[0]);

	snprintf(name, sizeof(name), "%.63s%s%.*s", c->sandbox ? "sandbox" : c->name,
		only || (!c->sandbox && !c->name[0]) ? "" : ".", only ? 0 : ID_SHORT, c->id);
	for (char *p = name; *p; p++)
		if (!strchr(safe, *p) || (p == name && (*p == '-' || *p == '.')))
			*p = '_';
	snprintf(ret, RUN_FOLDER, "%s%s/", c->sandbox ? "" : "containers/", name);
}

static void note_lost(struct run *r, const struct pod_container *c, const struct err *why)
{
	struct place_lost *l = &r->lost[r->losts];

	if (r->losts++ >= RUN_LOST)
		return;
	snprintf(l->where, sizeof(l->where), "container %.64s %.64s",
		c->sandbox ? "(sandbox)" : c->name, c->id);
	snprintf(l->why, sizeof(l->why), "%.255s", why->text);
}

/* One that cannot be found any more is a gap: the others are still there. */
static void find_container(
	struct run *r, const struct pod *pod, unsigned i, uint64_t deadline_ns, struct err *why)
{
	const struct pod_container *c = &pod->container[i];
	const struct target_selector sel = {SELECT_CONTAINER, c->id};
	struct target *t = NULL;
	struct place *p;

	if (locate_target(&r->host.at, &sel, deadline_ns, &t, NULL, why) < 0) {
		note_lost(r, c, why);
		return;
	}
	p = add(r, c->sandbox ? PLACE_SANDBOX : PLACE_CONTAINER, t);
	name_folder(pod, i, p->folder);
	for (size_t k = 0; k + 1 < r->places; k++)
		if (!strcmp(r->place[k].folder,
			    p->folder)) /* names that differ in what is unsafe */
			snprintf(p->folder, sizeof(p->folder), "containers/%.*s/", ID_SHORT, t->id);
}

static int find_all(struct run *r, const struct pod *pod, uint64_t deadline_ns, struct err *e)
{
	struct target *whole = calloc(1, sizeof(*whole));
	struct err why = ERR_INIT;
	int rc = make_table(r, 1 + pod->containers, e);

	if (!whole || rc < 0) {
		free(whole);
		return rc < 0 ? rc : err_set(e, ENOMEM, "no memory");
	}
	locate_take(whole, &pod->whole);
	for (size_t i = 0; i < TARGET_FDS; i++)
		whole->fd[i] = -1;
	(void)add(r, PLACE_POD, whole);
	for (unsigned i = 0; i < pod->containers; i++)
		find_container(r, pod, i, deadline_ns, &why);
	if (r->places == 1)
		return err_set(e, why.code ? why.code : ENOENT, "%s", why.text);
	return places_merge(r, e);
}

static int find_pod(struct run *r, uint64_t deadline_ns, struct buf *candidates, struct err *e)
{
	own_free struct pod *pod = calloc(1, sizeof(*pod));
	const struct locate_pod_query q = {&r->host.at, &r->rq->selector, r->rq->container};
	struct target_selector sel = {.kind = SELECT_CONTAINER};
	int rc;

	if (!pod)
		return err_set(e, ENOMEM, "no memory");
	rc = locate_pod(&q, deadline_ns, pod, candidates, e);
	if (rc < 0)
		return rc;
	if (!r->rq->container)
		return find_all(r, pod, deadline_ns, e);
	sel.text = pod->container[0].id;
	rc = find_one(r, &sel, deadline_ns, candidates, e);
	for (unsigned i = 0; rc == 0 && i < pod->whole.findings; i++)
		record_finding(r->place[0].target, "%s", pod->whole.finding[i]);
	return rc;
}

int places_find(struct run *r, uint64_t deadline_ns, struct buf *candidates, struct err *e)
{
	const struct target_selector *sel = &r->rq->selector;
	bool pod = sel->kind == SELECT_POD || sel->kind == SELECT_POD_UID;
	int rc = pod ? find_pod(r, deadline_ns, candidates, e)
		     : find_one(r, sel, deadline_ns, candidates, e);

	if (rc == 0)
		places_stand(r, 0);
	return rc;
}

/* ---- what several containers mount */

static bool is_same(const struct place *a, unsigned i, const struct place *b, unsigned k)
{
	const struct target_mount *x = &a->target->mount[i], *y = &b->target->mount[k];
	int first = a->mount_fd ? a->mount_fd[i] : -1, second = b->mount_fd ? b->mount_fd[k] : -1;
	struct stat s, t;

	/* by the runtime's word, and where both can be looked at by what is there */
	if (!x->source[0] || strcmp(x->source, y->source) != 0 || x->kind != y->kind || x->covered)
		return false;
	if (first < 0 || second < 0)
		return first >= 0 || !a->target->running;
	return fstat(first, &s) == 0 && fstat(second, &t) == 0 && s.st_dev == t.st_dev &&
	       s.st_ino == t.st_ino;
}

static bool find_earlier(const struct run *r, size_t place, unsigned k)
{
	struct target_mount *m = &r->place[place].target->mount[k];

	for (size_t p = 1; p < place; p++)
		for (unsigned i = 0; i < r->place[p].target->mounts; i++) {
			const struct target_mount *other = &r->place[p].target->mount[i];

			if (other->elsewhere[0] || r->place[p].kind != PLACE_CONTAINER ||
				!is_same(&r->place[p], i, &r->place[place], k))
				continue;
			snprintf(m->elsewhere, sizeof(m->elsewhere), "%svolumes/%u",
				r->place[p].folder, i);
			return true;
		}
	return false;
}

void places_share_mounts(struct run *r)
{
	for (size_t p = 2; p < r->places; p++)
		for (unsigned k = 0; k < r->place[p].target->mounts; k++)
			(void)find_earlier(r, p, k);
}

void places_done(struct run *r)
{
	for (size_t i = 0; i < r->places; i++) {
		struct place *p = &r->place[i];

		for (unsigned k = 0; p->mount_fd && k < p->target->mounts; k++)
			own_fd_(&p->mount_fd[k]);
		free(p->mount_fd);
		own_fd_(&p->root_clone);
		locate_free(p->target);
	}
	free(r->place);
	free(r->all);
	r->place = NULL;
	r->all = NULL;
	r->places = r->alls = 0;
}
