/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* signer - the engine's side of signing: only this process holds the key. */
#include "err.h"

struct run;

/* Answers one request of the writer, if there is one: a seal of this run in its turn, or the
 * one SHA256SUMS. -EPROTO for anything else: the writer is not to be trusted any more. */
int signer_serve(struct run *r, struct err *e) must_check;
