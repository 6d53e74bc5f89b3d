/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* locate - the target, found by a worker, and its mounts. */
#include "err.h"
#include "pod.h"
#include "target.h"

#include <stdint.h>

struct buf;

/*
 * resolve_target() in a worker; what comes back is checked. *ret is malloc'ed, free
 * with locate_free(). deadline_ns: CLOCK_MONOTONIC.
 */
int locate_target(const struct target_host *host, const struct target_selector *sel,
	uint64_t deadline_ns, struct target **ret, struct buf *candidates, struct err *e)
	must_check;
struct locate_pod_query {
	const struct target_host *host;
	const struct target_selector *sel;
	const char *container;
};

/* pod_find() in a worker, checked likewise. *ret zeroed, large. */
int locate_pod(const struct locate_pod_query *q, uint64_t deadline_ns, struct pod *ret,
	struct buf *candidates, struct err *e) must_check;
/* Copies what a worker found but its descriptors, and makes it safe: counts fit, strings end. */
void locate_take(struct target *to, const struct target *from);
/* Closes its descriptors. NULL-safe. */
void locate_free(struct target *t);
/* The detached mounts and root of a running target (ns.h): a malloc'ed array of t->mounts
 * descriptors, and one. On failure those not received are -1, and e says why: the caller
 * records it. */
int locate_mounts(const struct target *t, uint64_t deadline_ns, int **ret, int *ret_root,
	struct err *e) must_check;
