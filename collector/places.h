/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * places - the targets of a run, and where in the bundle the evidence of each lies.
 *
 * One container is one place, without a folder. A pod is place 0 (what its containers have in
 * common: network, memory), then each container in "containers/NAME/", then its sandboxes in
 * "sandbox/".
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct dumper;
struct place;
struct run;

/* Finds what the request names (r->rq, r->host) and stands at place 0. Errors as
 * resolve_target() and pod_find() have them. */
int places_find(struct run *r, uint64_t deadline_ns, struct buf *candidates, struct err *e)
	must_check;
/* r->target and the like are place i's. */
void places_stand(struct run *r, size_t i);
/* The same, and the writer knows. */
int places_enter(struct run *r, size_t i, struct err *e) must_check;
/* Is this dumper for this place? */
bool places_wants(const struct place *p, const struct dumper *d);
/* For how many places it is still to run, from the one we stand at on; at least 1. */
unsigned places_left(const struct run *r, const struct dumper *d);
/* Containers, without sandboxes. */
unsigned places_count(const struct run *r);
/* What is mounted in several containers is read in the first one (target_mount.elsewhere). */
void places_share_mounts(struct run *r);
void places_done(struct run *r);
