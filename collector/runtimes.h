/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* runtimes - the container runtimes of the node, looked at by a worker. */
#include "err.h"
#include "programs.h"

struct jsonw;

/* Negative when something could not be looked at: e says what, ret has the rest. */
int runtimes_find(const struct target_host *host, struct programs *ret, struct err *e) must_check;
/* The array "container_runtimes". */
void runtimes_render(struct jsonw *w, const struct programs *p);
