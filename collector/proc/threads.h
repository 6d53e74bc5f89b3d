/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* threads - every task of a process, with where it waits. */
#include "err.h"

struct subject;

/* threads.json, one row a line; counts s->threads. */
int threads_write(struct subject *s, struct err *e) must_check;
