/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* crisocket - which container runtime's daemon is asked. The paths are a table of ours, or the
 * operator's; none is the target's. */
#include "dumper.h"
#include "err.h"

struct run;

/* Why none is asked, NULL when one is. */
const char *crisocket_obstacle(const struct run *r);
/* Connects, below the host's root, within a second: -ENOENT there is no socket, -ECONNREFUSED
 * nobody listens, -EAGAIN the daemon takes no connection. ret->fd is the caller's. */
int crisocket_open(const struct run *r, struct dump_daemon *ret, struct err *e) must_check;
