/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * elsewhere - file systems that a process sees and the target's first process does not:
 * mounted in a mount namespace of its own, or mounted nowhere any more and kept by
 * where it stands. Nobody else reads what lies in them.
 */
#include "err.h"
#include "subject.h"

/* A gap for each, once a namespace. Negative only when the sink is gone. */
int elsewhere_tell(struct subject *s, struct err *e) must_check;
