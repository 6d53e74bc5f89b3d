/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * say - the only way to stdout and stderr: whole lines, unbuffered (nothing is printed
 * twice by a fork), escaped. A reader that went away never ends a run.
 */
#include "exit.h"
#include "err.h"

struct buf;
struct invocation;

/* "taphos: TEXT" on stderr, escaped. */
void say(const char *fmt, ...) printf_like(1, 2);
void say_error(const struct err *e);
/* A text as it is on stderr: several lines of ours. */
void say_text(const struct buf *text);
/* A wrong command line: "taphos: TEXT (see 'taphos NAME --help')". EXIT_USAGE. */
enum exit_code say_usage(const struct invocation *in, const char *fmt, ...) printf_like(2, 3);
/* The result on stdout: 'then' when it was written, EXIT_FAILED and a message otherwise. */
enum exit_code say_result(const struct buf *text, enum exit_code then);
