/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* rawtext - the files of /proc/PID that are copied as they are. */
#include "dossier.h"
#include "err.h"

struct subject;

/* Those that belong to the pass. */
int rawtext_copy(struct subject *s, enum dossier_pass pass, struct err *e) must_check;
