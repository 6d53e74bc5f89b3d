/* SPDX-License-Identifier: Apache-2.0 */
/* commands - the table made of commands.def. */
#include "command.h"

#include <stddef.h>
#include <string.h>

#define COMMAND(id) extern const struct command cmd_##id;
#include "commands.def"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(id) &cmd_##id,
#include "commands.def"
#undef COMMAND
	NULL};

const struct command *commands_find(const char *name, const char **ret_near)
{
	const char *near = NULL;

	for (size_t i = 0; commands[i]; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
		near = options_nearer(name, near, commands[i]->name);
	}
	if (ret_near)
		*ret_near = near;
	return NULL;
}
