/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* sightings - what each source on the node says about pods: the runtimes' state, the names of
 * cgroups, the kubelet's folders and what it names logs. No API is asked. */
#include "err.h"
#include "target.h"

#include <stdbool.h>
#include <stddef.h>

struct node;

enum sighting_source {
	SEEN_STATE,   /* of the runtime */
	SEEN_CGROUP,  /* of a process */
	SEEN_LINK,    /* in /var/log/containers */
	SEEN_LOGS,    /* a folder in /var/log/pods */
	SEEN_KUBELET, /* a folder in /var/lib/kubelet/pods */
	SEEN_SOURCES
};
extern const char *const sightings_sources[SEEN_SOURCES]; /* "the runtime's state", ... */

/* "" what the source does not tell. */
struct sighting {
	enum sighting_source source;
	bool sandbox; /* SEEN_STATE: it holds the pod's namespaces, and runs nothing of it */
	bool running; /* SEEN_STATE, SEEN_CGROUP */
	char pod_namespace[TARGET_ID], pod[TARGET_ID], uid[64], container[TARGET_ID];
	char id[TARGET_ID], sandbox_id[TARGET_ID];
};

struct sightings {
	struct sighting *row;
	size_t rows, cap;
	bool truncated; /* there is more than fits, or than could be read */
};

#define own_sightings __attribute__((cleanup(sightings_done)))
/* *ret zeroed. */
int sightings_collect(const struct node *node, struct sightings *ret, struct err *e) must_check;
void sightings_done(struct sightings *s);
