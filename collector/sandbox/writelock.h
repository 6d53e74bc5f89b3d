/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * writelock - a reader that gives up writing (Landlock, landlock(7), Linux 5.13): openat2(2) keeps
 * its flags in memory, where no seccomp filter sees them. Whoever is locked so may also look into
 * no other process (ptrace(2)): not for readers of /proc/PID.
 */
#include "err.h"

/* The kernel's Landlock version, from 1 on; negative errno where there is none, or it is not on. */
int writelock_version(void);
/* From now on no file can be opened for writing, made, removed, renamed, cut or executed. What is
 * open stays as it is. Cannot be undone. */
int writelock_load(struct err *e) must_check;
