/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* lint-model - what static analysis cannot see across files: these always return a negative
 * number. Read before each file by scripts/lint, never by the compiler. */
#include "err.h"

static inline int lint_failed(int code, ...)
{
	return code < 0 ? code : code > 0 ? -code : -5;
}

#define err_errno(...) lint_failed(0, __VA_ARGS__)
#define err_set(e, code, ...) lint_failed(code, e, __VA_ARGS__)
#define err_wrap(e, rc, ...) lint_failed(rc, e, __VA_ARGS__)
