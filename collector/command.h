/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * command - one verb of the command line. A command is one file, cmd_NAME.c, that
 * exports one 'const struct command cmd_NAME', and one line in commands.def.
 */
#include "exit.h"
#include "options.h"

#include <stdbool.h>

struct command {
	const char *name;
	const char *summary;		  /* one line, lower case, no full stop */
	const char *usage;		  /* what follows the name on the usage line; NULL: made
					   * from the tables */
	const char *details;		  /* paragraphs for --help and the man page; may be NULL */
	const struct option_def *options; /* end with a NULL name; may be NULL */
	const struct option_def *args;	  /* positional, in order; may be NULL */
	bool reads_targets;		  /* runs from a sealed copy of the binary (start.h) */
	/* Prints its result and its errors (report/say.h); returns the exit code. */
	enum exit_code (*run)(const struct invocation *in);
};

/* NULL-terminated, in the order of the help. */
extern const struct command *const commands[];

/* NULL when there is none; then *ret_near (may be NULL) is the name that was probably meant,
 * or NULL. */
const struct command *commands_find(const char *name, const char **ret_near);
