/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* request - what 'collect' and 'plan' are asked: their options, and how an
 * engine_request is made of them. */
#include "err.h"
#include "options.h"

struct buf;
struct engine_request;
struct invocation;

enum request_option {
	REQUEST_CONTAINER,
	REQUEST_PID,
	REQUEST_CGROUP,
	REQUEST_POD,
	REQUEST_POD_UID,
	REQUEST_CONTAINER_NAME,
	REQUEST_FORCE,
	REQUEST_PROFILE,
	REQUEST_OUTPUT,
	REQUEST_KEY,
	REQUEST_CASE,
	REQUEST_OPERATOR,
	REQUEST_DEADLINE,
	REQUEST_MAX_SIZE,
	REQUEST_FREEZE,
	REQUEST_MAX_FREEZE,
	REQUEST_STAGE,
	REQUEST_MEMORY_MAPS,
	REQUEST_KUBECONFIG,
	REQUEST_NO_API,
	REQUEST_CRI_SOCKET,
	REQUEST_NO_CRI,
	REQUEST_HOST_ROOT,
	REQUEST_JSON,
	REQUEST_QUIET,
};

extern const struct option_def request_options[];
extern const char request_usage[]; /* the usage line's tail */

/* -EINVAL with what is wrong. Strings are borrowed from the invocation. */
int request_fill(const struct invocation *in, struct engine_request *ret, struct err *e) must_check;
/* The error, and below it the candidates, if there are any. */
void request_failed(const struct err *e, const struct buf *candidates);
