/* SPDX-License-Identifier: Apache-2.0 */
/* sightings - what each source on the node says about pods. */
#include "sightings.h"
#include "buf.h"
#include "cgroup.h"
#include "hostfs.h"
#include "node.h"
#include "own.h"
#include "podnames.h"
#include "proctab.h"
#include "record.h"
#include "runtime.h"
#include "select.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 16384 };

const char *const sightings_sources[SEEN_SOURCES] = {
	[SEEN_STATE] = "the runtime's state",
	[SEEN_CGROUP] = "its cgroup",
	[SEEN_LINK] = "its log's link",
	[SEEN_LOGS] = "the folder of the logs",
	[SEEN_KUBELET] = "the kubelet's folder",
};

/* What the kubelet calls its root directory: the usual one, k0s, microk8s. */
static const char *const kubelets[] = {
	"var/lib/kubelet/pods",
	"var/lib/k0s/kubelet/pods",
	"var/snap/microk8s/common/var/lib/kubelet/pods",
};

struct gathering {
	struct sightings *to;
	const struct node *node;
	struct sighting now;
	const char *dir; /* that is being listed */
};

/* The next row, zeroed. NULL: there is no more room. */
static struct sighting *add(struct sightings *s, enum sighting_source source)
{
	if (s->rows == ROWS_MAX) {
		s->truncated = true;
		return NULL;
	}
	if (s->rows == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		struct sighting *row = reallocarray(s->row, cap, sizeof(*row));

		if (!row) {
			s->truncated = true;
			return NULL;
		}
		s->row = row;
		s->cap = cap;
	}
	s->row[s->rows] = (struct sighting){.source = source};
	return &s->row[s->rows++];
}

/* ---- the runtimes */

static int see_state(const struct container *c, void *arg)
{
	struct gathering *g = arg;
	struct sighting *s;

	if (!c->pod_name[0] && !c->pod_uid[0])
		return 0;
	s = add(g->to, SEEN_STATE);
	if (!s)
		return 0;
	s->sandbox = runtime_is_sandbox(c);
	s->running = select_is_alive(&g->node->host, c);
	(void)RECORD_TEXT(s->pod_namespace, c->pod_namespace);
	(void)RECORD_TEXT(s->pod, c->pod_name);
	(void)RECORD_TEXT(s->uid, c->pod_uid);
	if (!s->sandbox)
		(void)RECORD_TEXT(s->container, c->pod_container);
	(void)RECORD_TEXT(s->id, c->ref.id);
	(void)RECORD_TEXT(s->sandbox_id, c->sandbox_id);
	return 0;
}

/* ---- cgroups */

/* Lines of one process mostly say the same. */
static bool is_again(const struct sightings *s, const struct cgroup_id *id)
{
	const struct sighting *last = s->rows ? &s->row[s->rows - 1] : NULL;

	return last && last->source == SEEN_CGROUP && !strcmp(last->id, id->id) &&
	       !strcmp(last->uid, id->pod_uid);
}

static void see_cgroup(struct sightings *to, const char *text)
{
	struct cgroup_line line;
	struct cgroup_id id;
	struct sighting *s;

	while ((text = cgroup_next(text, &line))) {
		if (!cgroup_identify(line.path, &id) || id.monitor || id.weak || !id.pod_uid[0] ||
			is_again(to, &id))
			continue;
		s = add(to, SEEN_CGROUP);
		if (!s)
			return;
		s->running = true;
		(void)RECORD_TEXT(s->uid, id.pod_uid);
		(void)RECORD_TEXT(s->id, id.id);
	}
}

static int see_processes(const struct node *node, struct sightings *to, struct err *e)
{
	own_proctab struct proctab tab = {0};
	int rc = proctab_scan(node->host.proc_fd, &tab, e);

	for (size_t i = 0; rc == 0 && i < tab.cgroups; i++)
		see_cgroup(to, tab.cgroup[i]);
	to->truncated |= tab.truncated;
	return rc;
}

/* ---- folders and links */

static void see_name(struct sightings *to, enum sighting_source source, const struct podname *n)
{
	struct sighting *s = add(to, source);

	if (!s)
		return;
	(void)RECORD_TEXT(s->pod_namespace, n->pod_namespace);
	(void)RECORD_TEXT(s->pod, n->pod);
	(void)RECORD_TEXT(s->uid, n->uid);
	(void)RECORD_TEXT(s->container, n->container);
	(void)RECORD_TEXT(s->id, n->id);
}

static int see_link(const char *name, void *arg)
{
	struct gathering *g = arg;
	struct podname n;

	if (podnames_link(name, &n))
		see_name(g->to, SEEN_LINK, &n);
	return 0;
}

/* A container's folder in the pod's. */
static int see_container(const char *name, void *arg)
{
	struct gathering *g = arg;
	struct sighting *s = add(g->to, g->now.source);

	if (!s)
		return 0;
	*s = g->now;
	if (!RECORD_TEXT(s->container, name))
		s->container[0] = '\0';
	return 0;
}

static void see_containers(struct gathering *g, const char *dir)
{
	g->now = g->to->row[g->to->rows - 1];
	if (hostfs_each_name(g->node->host.root_fd, dir, see_container, g, NULL) < 0)
		g->to->truncated = true;
}

static int see_log_folder(const char *name, void *arg)
{
	struct gathering *g = arg;
	char dir[TARGET_PATH];
	struct podname n;

	if (!podnames_log_folder(name, &n) || g->to->rows == ROWS_MAX)
		return 0;
	see_name(g->to, SEEN_LOGS, &n);
	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s", g->dir, name) < sizeof(dir) &&
		!g->to->truncated)
		see_containers(g, dir);
	return 0;
}

static int see_kubelet(const char *name, void *arg)
{
	struct gathering *g = arg;
	char dir[TARGET_PATH];
	struct podname n = {0};

	if (!podnames_is_uid(name) || g->to->rows == ROWS_MAX)
		return 0;
	(void)RECORD_TEXT(n.uid, name);
	see_name(g->to, SEEN_KUBELET, &n);
	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s/containers", g->dir, name) < sizeof(dir) &&
		!g->to->truncated)
		see_containers(g, dir);
	return 0;
}

/* One that cannot be listed says nothing: the others still do. */
static void list(struct gathering *g, const char *dir, int (*each)(const char *name, void *arg))
{
	g->dir = dir;
	if (hostfs_each_name(g->node->host.root_fd, dir, each, g, NULL) < 0)
		g->to->truncated = true;
}

int sightings_collect(const struct node *node, struct sightings *ret, struct err *e)
{
	struct gathering g = {.to = ret, .node = node};
	int rc = select_each(node, see_state, &g, e);

	if (rc == 0)
		rc = see_processes(node, ret, e);
	if (rc < 0)
		return rc;
	list(&g, "var/log/containers", see_link);
	list(&g, "var/log/pods", see_log_folder);
	for (size_t i = 0; i < sizeof(kubelets) / sizeof(kubelets[0]); i++)
		list(&g, kubelets[i], see_kubelet);
	return 0;
}

void sightings_done(struct sightings *s)
{
	free(s->row);
	*s = (struct sightings){0};
}
