/* SPDX-License-Identifier: Apache-2.0 */
/* say - the only way to stdout and stderr. */
#include "say.h"
#include "buf.h"
#include "command.h"
#include "io.h"
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SAY_MAX = 1024, SAY_LINE_MAX = 8 * SAY_MAX };

static void say_line(const char *text, const char *tail)
{
	own_buf struct buf line = BUF_INIT(SAY_LINE_MAX);

	buf_adds(&line, "taphos: ");
	text_escape(&line, text, strlen(text));
	buf_adds(&line, tail);
	buf_addc(&line, '\n');
	say_text(&line);
}

void say_text(const struct buf *text)
{
	/* Nobody to tell when stderr is gone; the exit code still says it. */
	(void)io_write(STDERR_FILENO, buf_str(text), text->len);
}

void say(const char *fmt, ...)
{
	char text[SAY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_line(text, "");
}

void say_error(const struct err *e)
{
	say_line(e->text, "");
}

enum exit_code say_usage(const struct invocation *in, const char *fmt, ...)
{
	char text[SAY_MAX], tail[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(tail, sizeof(tail), " (see 'taphos %s%s--help')",
		in->command ? in->command->name : "", in->command ? " " : "");
	say_line(text, tail);
	return EXIT_USAGE;
}

enum exit_code say_result(const struct buf *text, enum exit_code then)
{
	struct err e = ERR_INIT;
	int rc = buf_check(text, &e);

	if (!rc)
		rc = io_write(STDOUT_FILENO, buf_str(text), text->len);
	if (!rc)
		return then;
	say("write the result to stdout: %s", e.code ? e.text : strerror(-rc));
	return EXIT_FAILED;
}
