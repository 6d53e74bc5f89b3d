/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rootfs - where the writable layer of the target lies on the host, from
 * evidence that the target cannot write. */
#include "err.h"
#include "target.h"

struct container;

/*
 * Fills t->rootfs, rootfs_note, upper_path, lowers and the descriptors TFD_UPPER and
 * TFD_LOWER0.., in this order of belief: the runtime's state (c, may be NULL), the mount
 * tables of the host's init and of the target's parents, and last the target's own mount
 * table, of which only an upper directory is taken that proves to be the one under the target's
 * root. What does not prove itself is refused, with a finding. Fails only for lack of memory.
 */
int rootfs_resolve(const struct target_host *host, const struct container *c, struct target *t,
	struct err *e) must_check;
