/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* status - a process's or thread's status text (proc_pid_status(5)) as JSON. */
#include <stdbool.h>

struct jsonw;

/* Members of the open object: ids, capabilities by name, seccomp, signals. 'process':
 * also what all threads of a process share. */
void status_json(struct jsonw *w, const char *text, bool process);
