/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* caps - what this process may do, reduced for good. */
#include "err.h"

#include <stddef.h>
#include <stdint.h>

/* The effective set, as a mask of 1 << CAP_X. */
uint64_t caps_effective(void);
/* -EPERM, with the missing ones in the text and what to do, unless all of those are effective. */
int caps_require(uint64_t needed, struct err *e) must_check;
/* Keeps exactly those (as far as they were there) in permitted and effective, empties
 * inheritable, ambient and bounding set, and leaves uid 0 for one that owns nothing. Reads back
 * what it did. */
int caps_drop(uint64_t keep, struct err *e) must_check;
/* "CAP_SYS_PTRACE, CAP_SYS_ADMIN" of a mask; at most size bytes. */
void caps_names(uint64_t mask, char *ret, size_t size);
