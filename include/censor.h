/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* censor - JSON that somebody else wrote, into the bundle without what looks secret in it. */
#include "buf.h"
#include "err.h"
#include "sink.h"

/*
 * Sends text as a member: as it is where nothing was replaced (jsonredact.h), else the JSON with
 * digests and a gap by_profile that names the original's size and digest. What cannot be parsed may
 * hold anything: it is left out, with a gap. words as in redact.h; NULL: everything as it is.
 * Changes text and its maximum.
 */
int censor_send(struct sink *out, const char *member, struct buf *text, const char *const *words,
	struct err *e) must_check;
