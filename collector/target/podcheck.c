/* SPDX-License-Identifier: Apache-2.0 */
/* podcheck - do the node's sources agree about a pod? */
#include "podcheck.h"
#include "pod.h"
#include "podnames.h"
#include "record.h"
#include "sightings.h"

#include <string.h>

static bool is_of(const struct sighting *s, const struct target *t)
{
	if (s->uid[0] && t->pod_uid[0])
		return !strcmp(s->uid, t->pod_uid);
	return s->pod[0] && !strcmp(s->pod, t->pod_name) &&
	       !strcmp(s->pod_namespace, t->pod_namespace);
}

/* Both name it, and differently. */
static bool differ(const char *a, const char *b)
{
	return a[0] && b[0] && strcmp(a, b) != 0;
}

/* The first row of a source about one container, NULL. */
static const struct sighting *row_of(
	const struct sightings *all, enum sighting_source source, const char *id)
{
	for (size_t i = 0; i < all->rows; i++)
		if (all->row[i].source == source && !strcmp(all->row[i].id, id))
			return &all->row[i];
	return NULL;
}

static void compare_link(
	const struct sighting *state, const struct sighting *link, struct target *t)
{
	if (differ(state->pod, link->pod) || differ(state->pod_namespace, link->pod_namespace))
		record_finding(t, "container %.12s: %s says pod %s/%s, %s says %s/%s", state->id,
			sightings_sources[SEEN_STATE], state->pod_namespace, state->pod,
			sightings_sources[SEEN_LINK], link->pod_namespace, link->pod);
	else if (differ(state->container, link->container))
		record_finding(t, "container %.12s: %s calls it %s, %s calls it %s", state->id,
			sightings_sources[SEEN_STATE], state->container,
			sightings_sources[SEEN_LINK], link->container);
}

static void compare_container(
	const struct sightings *all, const struct pod_container *c, struct target *t)
{
	const struct sighting *state = row_of(all, SEEN_STATE, c->id);
	const struct sighting *link = row_of(all, SEEN_LINK, c->id);

	if (state && link)
		compare_link(state, link, t);
	if (state && !is_of(state, t) && !differ(state->pod, t->pod_name))
		record_finding(t,
			"container %.12s: %s says pod uid %s, others say it is of this pod, uid %s",
			c->id, sightings_sources[SEEN_STATE], state->uid, t->pod_uid);
	else if (state && !is_of(state, t))
		record_finding(t,
			"container %.12s: %s says pod %s/%s, others say it is of this pod", c->id,
			sightings_sources[SEEN_STATE], state->pod_namespace, state->pod);
}

static bool is_there(const struct pod *p, const struct sighting *s)
{
	for (unsigned i = 0; i < p->containers; i++)
		if (s->id[0] ? !strcmp(p->container[i].id, s->id)
			     : !p->container[i].sandbox &&
					!strcmp(p->container[i].name, s->container))
			return true;
	return false;
}

/* A folder or a log of a container that is not here any more. */
static void look_for_missing(const struct sightings *all, struct pod *p)
{
	for (size_t i = 0; i < all->rows; i++) {
		const struct sighting *s = &all->row[i];

		if (s->source <= SEEN_CGROUP || !s->container[0] || !is_of(s, &p->whole) ||
			is_there(p, s))
			continue;
		record_finding(&p->whole, "%s names container %s%s%.12s, of which nothing is left",
			sightings_sources[s->source], s->container, s->id[0] ? " " : "", s->id);
	}
}

static bool any(const struct sightings *all, enum sighting_source source, const struct target *t)
{
	for (size_t i = 0; i < all->rows; i++)
		if (all->row[i].source == source && (!t || is_of(&all->row[i], t)))
			return true;
	return false;
}

/* Somebody but the kubelet may have made a pod that runs. */
static void look_for_folders(const struct sightings *all, struct pod *p)
{
	static const enum sighting_source folders[] = {SEEN_LOGS, SEEN_KUBELET};
	bool running = false;

	for (unsigned i = 0; i < p->containers; i++)
		running |= p->container[i].running && !p->container[i].sandbox;
	for (size_t i = 0; running && i < sizeof(folders) / sizeof(folders[0]); i++)
		if (any(all, folders[i], NULL) && !any(all, folders[i], &p->whole))
			record_finding(&p->whole,
				"the pod runs, but %s is missing: other pods here have one",
				sightings_sources[folders[i]]);
}

static void compare_names(const struct sightings *all, struct target *t)
{
	for (size_t i = 0; i < all->rows; i++) {
		const struct sighting *s = &all->row[i];

		if (t->pod_uid[0] && !strcmp(s->uid, t->pod_uid) &&
			(differ(s->pod, t->pod_name) || differ(s->pod_namespace, t->pod_namespace)))
			record_finding(t, "%s calls pod uid %s %s/%s", sightings_sources[s->source],
				s->uid, s->pod_namespace, s->pod);
	}
}

void podcheck_compare(const struct sightings *all, struct pod *p)
{
	compare_names(all, &p->whole);
	for (unsigned i = 0; i < p->containers; i++)
		compare_container(all, &p->container[i], &p->whole);
	look_for_missing(all, p);
	look_for_folders(all, p);
}
