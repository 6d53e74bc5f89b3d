/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* host - where the host's root directory and its /proc are seen from here: "/" on
 * the node itself, "/host" or /proc/1/root in a debug pod. */
#include "err.h"
#include "target.h"

#include <stdbool.h>

struct host {
	struct target_host at;	/* closed by host_close() */
	char root[TARGET_PATH]; /* "/", "/host", "/proc/1/root" */
	char proc[TARGET_PATH]; /* "/proc", "/host/proc" */
	bool all_processes;	/* proc shows the initial PID namespace */
};
#define HOST_INIT ((struct host){.at = {-1, -1}})

/* given: --host-root, NULL to look for it. */
int host_open(const char *given, struct host *ret, struct err *e) must_check;
void host_close(struct host *h);
#define own_host __attribute__((cleanup(host_close)))
