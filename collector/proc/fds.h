/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fds - the open descriptors of a process, without opening what they refer to. */
#include "err.h"

struct subject;

/* fds.json, one row a line; counts s->fds, s->sockets, s->deleted_fds. */
int fds_write(struct subject *s, struct err *e) must_check;
