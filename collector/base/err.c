/* SPDX-License-Identifier: Apache-2.0 */
/* err - what went wrong, as a value. */
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void printf_like(3, 0)
	format(struct err *e, int code, const char *fmt, va_list ap, const char *tail)
{
	char head[sizeof(e->text)];

	vsnprintf(head, sizeof(head), fmt, ap);
	e->code = code;
	snprintf(e->text, sizeof(e->text), "%.120s%s%.130s", head, tail[0] ? ": " : "", tail);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		e->code = code;
		va_end(ap);
	}
	return -code;
}

int err_errno(struct err *e, const char *fmt, ...)
{
	int code = errno ? errno : EIO; /* a failure is never code 0 */
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		format(e, code, fmt, ap, strerror(code));
		va_end(ap);
	}
	return -code;
}

int err_wrap(struct err *e, int rc, const char *fmt, ...)
{
	char inner[sizeof(e->text)];
	va_list ap;

	if (e) {
		memcpy(inner, e->text, sizeof(inner));
		va_start(ap, fmt);
		format(e, -rc, fmt, ap, inner);
		va_end(ap);
	}
	return rc;
}
