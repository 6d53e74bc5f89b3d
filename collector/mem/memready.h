/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memready - what is done before the target is stopped: who there is, flags of mappings, how much
 * is present; room for that. */
#include "draft.h"

/* ret_present: bytes that are there now, of memory that processes share once. */
int memready_prepare(struct capture *c, uint64_t *ret_present, struct err *e) must_check;
