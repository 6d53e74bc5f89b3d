/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * relics - the bytes that only a process still holds: its program when that was
 * deleted or never was a file, and deleted files that are open or mapped.
 */
#include "err.h"

#include <stdbool.h>

struct relics; /* what was taken already, over all processes */
struct subject;

/* self: /proc of this process, for the mounts of the host; shared: the target has the same.
 * NULL when out of memory. */
struct relics *relics_new(int self_fd, bool shared);
void relics_free(struct relics *r);

/* exe.bin, deleted/..., files.json */
int relics_write(struct subject *s, struct err *e) must_check;
