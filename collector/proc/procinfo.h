/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* procinfo - the typed summary of one process. */
#include "err.h"

struct subject;

/* ns.json: every namespace, and whether it is the container's and the host's. */
int procinfo_namespaces(struct subject *s, struct err *e) must_check;
/* info.json: last of its pass, since it counts what the others found. */
int procinfo_write(struct subject *s, struct err *e) must_check;
