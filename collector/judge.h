/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * judge - has a bundle verified by a worker: whatever is in the file is taken apart in a
 * process without rights, and what it answers is checked here before it is believed.
 */
#include "err.h"
#include "verify.h"

struct judge_request {
	const char *path;	/* a file, or "-" for stdin */
	const uint8_t *trusted; /* public key; NULL: any */
	const char *want;	/* a member whose bytes to give; NULL: none */
	const struct verify_ops
		*ops; /* called here, with names that are safe; NULL: none of them */
	void *arg;
};

/* The public key of that file as the one to trust, kept in key; path NULL: any. The first call of
 * all that hash. */
int judge_trust(struct judge_request *rq, const char *path, uint8_t key[SEAL_KEY], struct err *e)
	must_check;

/* As verify_run(), and for a file: what lies beside it, PATH.sha256 and PATH.sig, fits too.
 * *ret_note (may be NULL): a line about these that does not change the verdict, or "". */
enum { JUDGE_NOTE = 256 };
int judge_run(const struct judge_request *rq, struct verify_report *ret, char ret_note[JUDGE_NOTE],
	struct err *e) must_check;
