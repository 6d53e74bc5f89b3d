/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* err - what went wrong, as a value. Nothing to allocate, nothing to free. */

struct err {
	int code;	/* positive errno value; 0 = no error */
	char text[256]; /* "dump pid 41: open maps: Permission denied" */
};

#define ERR_INIT ((struct err){0})
#define must_check __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))

/*
 * All three return a negative errno, so that failing is one statement:
 *	return err_errno(e, "open %s", path);
 * 'e' may be NULL when the caller only wants the code. err_errno() with errno
 * 0 still fails, with EIO. err_wrap() prefixes e's text with where we were.
 */
int err_set(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);
int err_errno(struct err *e, const char *fmt, ...) printf_like(2, 3);
int err_wrap(struct err *e, int rc, const char *fmt, ...) printf_like(3, 4);
