/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* prepare - what comes before the first byte: profile, key, permissions, host, target. */
#include "err.h"
#include "exit.h"

struct buf;
struct run;
struct target;

/* Fills profile, key, run_id, clocks, host and target of r (whose rq is set). */
enum exit_code prepare(struct run *r, struct buf *candidates, struct err *e) must_check;
/* Clones the target's mounts (r->mount_fd). */
int prepare_clones(struct run *r, struct err *e) must_check;
/* What the upper directory is on may hold devices, and takes access times: a clone of it does not.
 * Where none can be made, files are opened in two steps. */
void prepare_upper(struct target *t);
/* Both, of all places; that it failed is a gap. */
int prepare_mounts(struct run *r, struct err *e) must_check;
void prepare_done(struct run *r);
