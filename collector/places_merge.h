/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* places_merge - a pod as one target: what its containers are together. */
#include "err.h"

struct run;
struct target;

/* Fills place 0 from the others: members, the cgroup above all, network. A process that two of them
 * claim stays the one's in whose cgroup it is. */
int places_merge(struct run *r, struct err *e) must_check;
