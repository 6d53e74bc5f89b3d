/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* record - bounded additions to a struct target: what does not fit is cut and
 * said so. */
#include "err.h"
#include "target.h"

#include <stddef.h>

/* Copies text; false when it was cut. */
bool record_text(char *dst, size_t size, const char *src);
/* The same, marking the target as truncated. */
void record_field(struct target *t, char *dst, size_t size, const char *src);
/* One line; the last row says that there were more. */
void record_finding(struct target *t, const char *fmt, ...) printf_like(2, 3);
/* Files of the host; a leading '/' is dropped, a file that is already there is not added again. */
void record_state(struct target *t, const char *label, const char *path);
void record_log(struct target *t, const char *label, const char *path);
/* The next row of the mount table, zeroed; NULL when it is full. */
struct target_mount *record_mount(struct target *t);

#define RECORD_FIELD(t, field, src) record_field(t, field, sizeof(field), src)
#define RECORD_TEXT(field, src) record_text(field, sizeof(field), src)
