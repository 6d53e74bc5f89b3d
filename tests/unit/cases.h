/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* cases - bundles by name, good and malformed, each with what must be said of it. */
#include "kit.h"
#include "exit.h"
#include "verify.h"

struct bundle_case {
	const char *name;
	void (*make)(struct kit *k); /* after kit_reset() */
	enum verify_verdict verdict;
	enum exit_code exit;
	const char *says; /* part of the reason or the member's name; NULL: anything */
};

/* Each ends with a NULL name. */
extern const struct bundle_case cases_stream[];	 /* frames and seals */
extern const struct bundle_case cases_members[]; /* what is inside */
