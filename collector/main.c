/* SPDX-License-Identifier: Apache-2.0 */
/* main - finds the command and gives it its options. */
#include "buf.h"
#include "command.h"
#include "config.h"
#include "help.h"
#include "say.h"
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_MAX = 64 * 1024 };

/* "taphos", "taphos --help", "taphos --version" are spelled as commands too. */
static const char *command_name(const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return "help";
	return strcmp(word, "--version") ? word : "version";
}

static enum exit_code unknown_command(const char *word, const char *near)
{
	const struct invocation none = {0};
	const char *what = word[0] == '-' ? "option" : "command";

	if (near)
		return say_usage(&none, "unknown %s '%.64s', did you mean '%s'?", what, word, near);
	return say_usage(&none, "unknown %s '%.64s'", what, word);
}

static enum exit_code run(struct invocation *in)
{
	const char *path = getenv("TAPHOS_CONFIG");
	struct config *config = NULL;
	struct err e = ERR_INIT;
	enum exit_code rc;

	if (config_load(path && *path ? path : NULL, commands, &config, &e) < 0) {
		say_error(&e);
		/* no descriptor or memory left is not the file's fault */
		return e.code == EMFILE || e.code == ENFILE || e.code == ENOMEM ? EXIT_FAILED
										: EXIT_USAGE;
	}
	if (options_fill(in, config, &e) < 0) {
		say_error(&e);
		rc = EXIT_USAGE;
	} else {
		rc = in->command->run(in);
	}
	config_free(config);
	return rc;
}

int main(int argc, char **argv)
{
	struct invocation in = {.argc = argc, .argv = argv};
	own_buf struct buf text = BUF_INIT(HELP_MAX);
	struct err e = ERR_INIT;
	const char *near = NULL;

	if (start_clean(argc, &e) < 0) {
		say_error(&e);
		return EXIT_FAILED;
	}
	/* Errors of write(), never the end of a run. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (argc < 2) {
		help_overview(&text);
		say_text(&text);
		return EXIT_USAGE;
	}
	in.command = commands_find(command_name(argv[1]), &near);
	if (!in.command)
		return unknown_command(argv[1], near);
	if (options_parse(&in, argv + 2, &e) < 0)
		return say_usage(&in, "%s", e.text);
	if (in.help) {
		help_command(in.command, &text);
		return say_result(&text, EXIT_COMPLETE);
	}
	/* When it cannot be done the engine sees that, and enters no namespace. */
	if (in.command->reads_targets)
		(void)!start_sealed(argv, &e);
	return run(&in);
}
