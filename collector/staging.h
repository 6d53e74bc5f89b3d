/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* staging - where memory is copied to while the target stands still: a part of the node's memory,
 * and beyond it an unnamed file on the output's disk. */
#include "err.h"

struct memory;
struct run;

/* Opens m->fd and says in m->stage_bytes and m->spill_bytes how much goes in. */
int staging_open(const struct run *r, struct memory *m, struct err *e) must_check;
