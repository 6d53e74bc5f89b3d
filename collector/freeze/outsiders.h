/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* outsiders - who would be frozen that should not be. */
#include "err.h"
#include "target.h"

struct freezer;

/*
 * Is everybody in the cgroup the target's, and are we not in it? Reads names that the target may
 * have made, so: in a worker, whose cgroup is ours. -EBUSY with who is in it.
 */
int outsiders_check(const struct freezer *f, const struct target_host *host, const struct target *t,
	struct err *e) must_check;
