/* SPDX-License-Identifier: Apache-2.0 */
/* pod - which pod of Kubernetes is meant, and which containers are of it. */
#include "pod.h"
#include "buf.h"
#include "node.h"
#include "own.h"
#include "podcheck.h"
#include "podnames.h"
#include "record.h"
#include "sightings.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PODS_MAX = 64, CANDIDATES_MAX = 64, ID_SHORT = 12 };

/* Pods of one name: one after another, as a StatefulSet makes them. */
struct one {
	const char *uid;
	unsigned containers, running;
};

struct choice {
	const struct sightings *all;
	char pod_namespace[TARGET_ID], pod[TARGET_ID], uid[64]; /* "": not known yet */
	struct one one[PODS_MAX];
	unsigned ones;
	struct buf *candidates; /* may be NULL */
};

/* ---- which pod */

static int read_selector(const struct target_selector *sel, struct choice *c, struct err *e)
{
	const char *slash = strchr(sel->text, '/');

	if (sel->kind == SELECT_POD_UID)
		return podnames_is_uid(sel->text) && RECORD_TEXT(c->uid, sel->text)
			       ? 0
			       : err_set(e, EINVAL, "'%.64s' is not the uid of a pod", sel->text);
	if (!slash || slash == sel->text || !slash[1] || strchr(slash + 1, '/') ||
		(size_t)(slash - sel->text) >= TARGET_ID || strlen(slash + 1) >= TARGET_ID)
		return err_set(e, EINVAL, "'%.64s' is not NAMESPACE/POD", sel->text);
	memcpy(c->pod_namespace, sel->text, (size_t)(slash - sel->text));
	(void)RECORD_TEXT(c->pod, slash + 1);
	return 0;
}

static bool is_named(const struct sighting *s, const struct choice *c)
{
	return s->pod[0] && !strcmp(s->pod, c->pod) && !strcmp(s->pod_namespace, c->pod_namespace);
}

static bool has_uid(const struct choice *c, const char *uid)
{
	for (unsigned i = 0; i < c->ones; i++)
		if (!strcmp(c->one[i].uid, uid))
			return true;
	return false;
}

/* Is what this row says of a container already said by one before it? */
static bool is_counted(const struct sightings *all, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (all->row[j].source <= SEEN_CGROUP && !strcmp(all->row[j].id, all->row[i].id))
			return true;
	return false;
}

static void count(struct choice *c, struct one *one)
{
	for (size_t i = 0; i < c->all->rows; i++) {
		const struct sighting *s = &c->all->row[i];

		if (s->source > SEEN_CGROUP || strcmp(s->uid, one->uid) != 0 || s->sandbox ||
			(!s->uid[0] && !is_named(s, c)) || is_counted(c->all, i))
			continue;
		one->containers++;
		one->running += s->running;
	}
}

/* All that bear the name, by their uids. One that is known by its name alone counts where no uid
 * is known. */
static void list_ones(struct choice *c)
{
	for (int known = 1; known >= 0 && !c->ones; known--)
		for (size_t i = 0; i < c->all->rows && c->ones < PODS_MAX; i++) {
			const struct sighting *s = &c->all->row[i];

			if (!is_named(s, c) || (known && !s->uid[0]) || has_uid(c, s->uid))
				continue;
			c->one[c->ones].uid = s->uid;
			count(c, &c->one[c->ones++]);
		}
}

static void add_candidate(const struct choice *c, const struct sighting *s, const struct one *one)
{
	own_buf struct buf line = BUF_INIT(4096);

	if (!c->candidates)
		return;
	buf_addf(&line, "%s/%s  %s", s->pod_namespace, s->pod, s->uid[0] ? s->uid : "-");
	if (one)
		buf_addf(&line, "  %u container%s, %u running", one->containers,
			one->containers == 1 ? "" : "s", one->running);
	text_escape(c->candidates, buf_str(&line), line.len);
	buf_addc(c->candidates, '\n');
}

static bool is_said(const struct choice *c, size_t i)
{
	const struct sighting *row = c->all->row;

	for (size_t j = 0; j < i; j++)
		if (!strcmp(row[j].pod, row[i].pod) &&
			!strcmp(row[j].pod_namespace, row[i].pod_namespace))
			return true;
	return false;
}

/* The same name in another namespace, or one that begins so: a Deployment's pods do. */
static void add_near(struct choice *c)
{
	unsigned shown = 0;

	for (size_t i = 0; i < c->all->rows && shown < CANDIDATES_MAX; i++) {
		const struct sighting *s = &c->all->row[i];
		bool here = !strcmp(s->pod_namespace, c->pod_namespace);

		if (!s->pod[0] ||
			(here ? strncmp(s->pod, c->pod, strlen(c->pod)) : strcmp(s->pod, c->pod)) ||
			is_said(c, i))
			continue;
		add_candidate(c, s, NULL);
		shown++;
	}
}

static int not_here(struct choice *c, struct err *e)
{
	if (c->uid[0])
		return err_set(e, ENOENT,
			"no pod with uid %s on this node: 'taphos list' shows what is here (a "
			"static pod bears the digest of its configuration as uid, see its "
			"annotation kubernetes.io/config.hash)",
			c->uid);
	add_near(c);
	return err_set(e, ENOENT, "no pod '%s/%s' on this node: 'taphos list' shows what is here",
		c->pod_namespace, c->pod);
}

static int several(struct choice *c, struct err *e)
{
	for (unsigned i = 0; i < c->ones; i++) {
		struct sighting s = {0};

		memcpy(s.pod_namespace, c->pod_namespace, sizeof(s.pod_namespace));
		memcpy(s.pod, c->pod, sizeof(s.pod));
		(void)RECORD_TEXT(s.uid, c->one[i].uid);
		add_candidate(c, &s, &c->one[i]);
	}
	return err_set(e, ENOTUNIQ, "%u pods were named '%s/%s' here: give --pod-uid", c->ones,
		c->pod_namespace, c->pod);
}

/* The one that runs; where none does, the one of which more than logs is left. */
static const struct one *pick(const struct choice *c)
{
	const struct one *running = NULL, *there = NULL;
	unsigned runs = 0, theres = 0;

	for (unsigned i = 0; i < c->ones; i++) {
		if (c->one[i].running && !runs++)
			running = &c->one[i];
		if (c->one[i].containers && !theres++)
			there = &c->one[i];
	}
	if (runs)
		return runs == 1 ? running : NULL;
	if (theres)
		return theres == 1 ? there : NULL;
	return c->ones == 1 ? &c->one[0] : NULL;
}

static int choose_by_name(struct choice *c, struct target *t, struct err *e)
{
	const struct one *one;

	list_ones(c);
	if (!c->ones)
		return not_here(c, e);
	one = pick(c);
	if (!one)
		return several(c, e);
	(void)RECORD_TEXT(c->uid, one->uid);
	for (unsigned i = 0; i < c->ones; i++)
		if (&c->one[i] != one)
			record_finding(t,
				"another pod of this name was here, uid %s: %u of its containers "
				"are left",
				c->one[i].uid, c->one[i].containers);
	return 0;
}

static int choose_by_uid(struct choice *c, struct err *e)
{
	bool any = false;

	for (size_t i = 0; i < c->all->rows; i++) {
		const struct sighting *s = &c->all->row[i];

		if (strcmp(s->uid, c->uid) != 0)
			continue;
		any = true;
		if (c->pod[0] || !s->pod[0])
			continue;
		memcpy(c->pod, s->pod, sizeof(c->pod));
		memcpy(c->pod_namespace, s->pod_namespace, sizeof(c->pod_namespace));
	}
	return any ? 0 : not_here(c, e);
}

/* ---- which containers */

static bool belongs(const struct sighting *s, const struct choice *c)
{
	return s->uid[0] && c->uid[0] ? !strcmp(s->uid, c->uid) : is_named(s, c);
}

static struct pod_container *find(struct pod *p, const char *id)
{
	for (unsigned i = 0; i < p->containers; i++)
		if (!strcmp(p->container[i].id, id))
			return &p->container[i];
	return NULL;
}

/* What the rows say of one container: the runtime's state is believed first. */
static void describe(const struct sightings *all, struct pod_container *p)
{
	for (size_t i = 0; i < all->rows; i++) {
		const struct sighting *s = &all->row[i];

		if (strcmp(s->id, p->id) != 0)
			continue;
		p->sandbox |= s->sandbox;
		p->running |= s->running;
		if (!p->name[0])
			memcpy(p->name, s->container, sizeof(p->name));
	}
}

static void add_container(const struct sightings *all, struct pod *p, const char *id)
{
	struct pod_container *new;

	if (!id[0] || find(p, id))
		return;
	if (p->containers == POD_CONTAINERS) {
		record_finding(
			&p->whole, "the pod has more than %d containers: not all", POD_CONTAINERS);
		p->whole.truncated = true;
		return;
	}
	new = &p->container[p->containers++];
	*new = (struct pod_container){0};
	(void)RECORD_TEXT(new->id, id);
	describe(all, new);
}

/* Any source is enough, and so is to be in one of its sandboxes. */
static void list_containers(const struct choice *c, struct pod *p)
{
	for (size_t i = 0; i < c->all->rows; i++)
		if (c->all->row[i].source <= SEEN_CGROUP && belongs(&c->all->row[i], c))
			add_container(c->all, p, c->all->row[i].id);
	for (size_t i = 0; i < c->all->rows; i++) {
		const struct sighting *s = &c->all->row[i];
		const struct pod_container *in =
			s->source == SEEN_STATE ? find(p, s->sandbox_id) : NULL;

		if (in && in->sandbox)
			add_container(c->all, p, s->id);
	}
	/* a log may say whose it is where the state does not */
	for (size_t i = 0; i < c->all->rows; i++) {
		const struct sighting *s = &c->all->row[i];

		for (size_t j = 0; s->source == SEEN_LINK && belongs(s, c) && j < c->all->rows; j++)
			if (c->all->row[j].source <= SEEN_CGROUP &&
				!strcmp(c->all->row[j].id, s->id))
				add_container(c->all, p, s->id);
	}
}

static int rank(const struct pod_container *c)
{
	return 2 * c->sandbox + !c->running;
}

static int by_rank(const void *a, const void *b)
{
	const struct pod_container *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	if (rank(x) != rank(y))
		return rank(x) - rank(y);
	return by_name ? by_name : strcmp(x->id, y->id);
}

/* ---- one of them */

static void add_container_line(struct buf *candidates, const struct pod_container *c)
{
	own_buf struct buf line = BUF_INIT(4096);

	if (!candidates)
		return;
	buf_addf(&line, "%.*s  %s  %s", ID_SHORT, c->id, c->name[0] ? c->name : "-",
		c->running ? "running" : "not running");
	text_escape(candidates, buf_str(&line), line.len);
	buf_addc(candidates, '\n');
}

static int narrow(struct pod *p, const char *name, struct buf *candidates, struct err *e)
{
	unsigned hits = 0, running = 0, hit = 0;

	for (unsigned i = p->containers; i-- > 0;) {
		const struct pod_container *c = &p->container[i];

		if (c->sandbox || strcmp(c->name, name) != 0)
			continue;
		hits++;
		running += c->running;
		hit = i; /* those that run come first */
	}
	for (unsigned i = 0; i < p->containers && hits != 1 && running != 1; i++)
		if (!p->container[i].sandbox && (!hits || !strcmp(p->container[i].name, name)))
			add_container_line(candidates, &p->container[i]);
	if (!hits)
		return err_set(e, ENOENT, "pod %s/%s has no container '%.64s' on this node",
			p->whole.pod_namespace, p->whole.pod_name, name);
	if (hits > 1 && running != 1)
		return err_set(e, ENOTUNIQ,
			"pod %s/%s had %u containers '%.64s': give --container and an id",
			p->whole.pod_namespace, p->whole.pod_name, hits, name);
	p->container[0] = p->container[hit];
	p->containers = 1;
	return 0;
}

static int choose(
	struct choice *c, const struct target_selector *sel, struct target *t, struct err *e)
{
	int rc = read_selector(sel, c, e);

	if (rc == 0)
		rc = sel->kind == SELECT_POD ? choose_by_name(c, t, e) : choose_by_uid(c, e);
	if (rc < 0)
		return rc;
	RECORD_FIELD(t, t->pod_namespace, c->pod_namespace);
	RECORD_FIELD(t, t->pod_name, c->pod);
	RECORD_FIELD(t, t->pod_uid, c->uid);
	return 0;
}

int pod_find(const struct target_host *host, const struct target_selector *sel,
	const char *container, struct pod *ret, struct buf *candidates, struct err *e)
{
	own_free struct node *node = malloc(sizeof(*node));
	own_sightings struct sightings all = {0};
	struct choice c = {.all = &all, .candidates = candidates};
	int rc = node ? node_scan(host, node, e) : err_set(e, ENOMEM, "no memory");

	if (rc == 0)
		rc = sightings_collect(node, &all, e);
	if (rc == 0)
		rc = choose(&c, sel, &ret->whole, e);
	if (rc < 0)
		return rc;
	list_containers(&c, ret);
	qsort(ret->container, ret->containers, sizeof(ret->container[0]), by_rank);
	ret->whole.truncated |= all.truncated;
	podcheck_compare(&all, ret);
	if (container)
		return narrow(ret, container, candidates, e);
	if (!ret->containers)
		return err_set(e, ENOENT,
			"pod %s/%s has left folders or logs on this node, but no container",
			c.pod_namespace, c.pod);
	return 0;
}
