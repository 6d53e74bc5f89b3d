/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pod - which pod of Kubernetes is meant, and which containers are of it, by what the node tells
 * without an API. Parses hostile text: call it in a worker. */
#include "err.h"
#include "target.h"

#include <stdbool.h>

struct buf;

enum { POD_CONTAINERS = 64 };

struct pod_container {
	char id[TARGET_ID];
	char name[TARGET_ID]; /* in the pod; "" of a sandbox, and where nothing tells */
	bool sandbox;	      /* it holds the pod's namespaces, and runs nothing of it */
	bool running;
};

struct pod {
	struct target whole; /* of it: pod_namespace, pod_name, pod_uid, findings, truncated */
	unsigned containers;
	struct pod_container container[POD_CONTAINERS]; /* running first, sandboxes last */
};

/*
 * SELECT_POD ("NAMESPACE/POD") or SELECT_POD_UID. container: the name of one of its containers,
 * the only one in *ret then (the running one of several); NULL: all that have a state or a process
 * on this node. *ret zeroed by the caller, large. -ENOENT, -ENOTUNIQ with candidates (may be
 * NULL); -EINVAL: no such form. Sources that disagree are findings.
 */
int pod_find(const struct target_host *host, const struct target_selector *sel,
	const char *container, struct pod *ret, struct buf *candidates, struct err *e) must_check;
