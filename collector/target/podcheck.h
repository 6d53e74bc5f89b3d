/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* podcheck - do the node's sources agree about a pod? */

struct pod;
struct sightings;

/* What does not fit becomes a finding of p->whole. That a cgroup and the state name different pods
 * the resolver says of each container (attach.h). */
void podcheck_compare(const struct sightings *all, struct pod *p);
