/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_help - taphos help: the commands, or the options of one. */
#include "buf.h"
#include "command.h"
#include "help.h"
#include "say.h"

#include <stddef.h>

enum { OPTION_MDOC };
enum { ARG_COMMAND };
enum { HELP_MAX = 256 * 1024 };

static const struct option_def options[] = {
	[OPTION_MDOC] = {.name = "mdoc",
		.kind = OPT_FLAG,
		.flags = OPT_LINE | OPT_HIDDEN,
		.help = "the lists of the man page"},
	{0},
};

static const struct option_def args[] = {
	[ARG_COMMAND] = {.name = "command", .metavar = "COMMAND", .help = "one of the commands"},
	{0},
};

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf text = BUF_INIT(HELP_MAX);
	const char *name = in->arg[ARG_COMMAND].text, *near = NULL;
	const struct command *c = name ? commands_find(name, &near) : NULL;

	if (name && !c)
		return say_usage(in,
			near ? "unknown command '%.64s', did you mean '%s'?"
			     : "unknown command '%.64s'",
			name, near);
	if (in->option[OPTION_MDOC].on)
		for (size_t i = 0; commands[i]; i++)
			help_mdoc(commands[i], &text);
	else if (c)
		help_command(c, &text);
	else
		help_overview(&text);
	return say_result(&text, EXIT_COMPLETE);
}

const struct command cmd_help = {
	.name = "help",
	.summary = "show the commands, or the options of one",
	.options = options,
	.args = args,
	.run = run,
};
