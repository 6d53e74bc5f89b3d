/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* start - the first act of main: nothing of the caller's environment reaches the
 * program, and a target cannot change the file we run from. */
#include "err.h"

#include <stdbool.h>

/*
 * Opens 0 to 2 where they are closed, and replaces the environment by the
 * variables we know (TERM, NO_COLOR, COLUMNS, TMPDIR, TAPHOS_* and where a pod finds its API
 * server), and TZ=UTC0. -EINVAL
 * without argv[0] (an execve with no arguments at all).
 */
int start_clean(int argc, struct err *e) must_check;

/*
 * Runs the program again from a sealed memfd, so that nobody who reaches
 * /proc/PID/exe can write to the binary on disk (CVE-2019-5736). Returns only when that
 * is done already (0) or cannot be done (-errno, with the reason: vm.memfd_noexec,
 * no /proc ...): then no mount namespace may be entered, and the caller records it.
 */
int start_sealed(char *const *argv, struct err *e) must_check;
/* Whether this process runs from a sealed copy. */
bool start_is_sealed(void);
