/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_completion - taphos completion: what a shell needs to complete our words, made from
 * the option tables. Words in them are ours and hold no character that a shell minds. */
#include "buf.h"
#include "command.h"
#include "say.h"

#include <stddef.h>
#include <string.h>

enum { ARG_SHELL };
enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };
enum { SCRIPT_MAX = 256 * 1024 };

static const char *const shells[] = {
	[SHELL_BASH] = "bash", [SHELL_ZSH] = "zsh", [SHELL_FISH] = "fish", NULL};
static const struct option_def args[] = {
	[ARG_SHELL] = {.name = "shell",
		.kind = OPT_CHOICE,
		.flags = OPT_REQUIRED,
		.metavar = "SHELL",
		.words = shells,
		.help = "one of"},
	{0},
};

static bool shown(const struct option_def *o)
{
	return !(o->flags & OPT_HIDDEN);
}

static bool is_path(const struct option_def *o)
{
	return o->kind == OPT_FILE || o->kind == OPT_DIR;
}

static void words(struct buf *out, const char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		buf_addf(out, "%s%s", i ? " " : "", list[i]);
}

static void command_names(struct buf *out)
{
	for (size_t i = 0; commands[i]; i++)
		buf_addf(out, "%s%s", i ? " " : "", commands[i]->name);
}

/* What compgen is to offer for a value. */
static void bash_value(struct buf *out, const struct option_def *o)
{
	if (o->kind == OPT_DIR)
		buf_adds(out, "-d");
	else if (o->kind == OPT_FILE)
		buf_adds(out, "-f");
	if (!o->words)
		return;
	buf_adds(out, is_path(o) ? " -W '" : "-W '");
	words(out, o->words);
	buf_adds(out, "'");
}

static void bash_options(struct buf *out, const struct command *c)
{
	for (const struct option_def *o = c->options; o && o->name; o++) {
		if (!shown(o) || o->kind == OPT_FLAG)
			continue;
		buf_addf(out, "\t%s:--%s", c->name, o->name);
		if (o->letter)
			buf_addf(out, " | %s:-%c", c->name, o->letter);
		buf_adds(out, ") want=\"");
		bash_value(out, o);
		buf_adds(out, "\" ;;\n");
	}
}

static void bash_words(struct buf *out, const struct command *c)
{
	buf_addf(out, "\t%s) want=\"-W '", c->name);
	for (const struct option_def *o = c->options; o && o->name; o++)
		if (shown(o))
			buf_addf(out, "--%s ", o->name);
	buf_adds(out, "--help'\"");
	for (const struct option_def *a = c->args; a && a->name; a++) {
		buf_addf(out, "; [ \"${cur#-}\" != \"$cur\" ] || want=\"$want ");
		bash_value(out, a);
		buf_adds(out, "\"");
	}
	buf_adds(out, " ;;\n");
}

static void bash(struct buf *out)
{
	buf_adds(out, "# bash completion for taphos, made by 'taphos completion bash'\n"
		      "_taphos() {\n"
		      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tlocal want='' cmd=${COMP_WORDS[1]}\n"
		      "\tCOMPREPLY=()\n"
		      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		      "\t\tCOMPREPLY=($(compgen -W '");
	command_names(out);
	buf_adds(out, " --help --version' -- \"$cur\"))\n\t\treturn\n\tfi\n"
		      "\t# --name=value arrives as three words\n"
		      "\tif [ \"$prev\" = = ]; then\n"
		      "\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
		      "\telif [ \"$cur\" = = ]; then\n"
		      "\t\tcur=\n"
		      "\tfi\n"
		      "\tcase $cmd:$prev in\n");
	for (size_t i = 0; commands[i]; i++)
		bash_options(out, commands[i]);
	buf_adds(out, "\t*) case $cmd in\n");
	for (size_t i = 0; commands[i]; i++)
		bash_words(out, commands[i]);
	buf_adds(out, "\tesac ;;\n\tesac\n"
		      "\t[ -n \"$want\" ] || return\n"
		      "\tcompopt -o filenames 2>/dev/null\n"
		      "\tlocal IFS=$'\\n'\n"
		      "\tCOMPREPLY=($(IFS=$' \\n'; eval \"compgen $want\" '-- \"$cur\"'))\n"
		      "}\n"
		      "complete -F _taphos taphos\n");
}

/* Text inside '...[here]' of _arguments. */
static void zsh_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			buf_addc(out, '\\');
		if (*text == '\'')
			buf_adds(out, "'\\'");
		buf_addc(out, *text);
	}
}

static void zsh_value(struct buf *out, const struct option_def *o)
{
	buf_addf(out, ":%s:", o->metavar);
	if (o->words && !is_path(o)) {
		buf_addc(out, '(');
		words(out, o->words);
		buf_addc(out, ')');
	} else if (o->words) {
		/* files as well as our words */
		buf_addf(out, "{_alternative \"words\\:word\\:(");
		words(out, o->words);
		buf_adds(out, ")\" \"files\\:file\\:_files\"}");
	} else if (o->kind == OPT_DIR) {
		buf_adds(out, "_files -/");
	} else if (o->kind == OPT_FILE) {
		buf_adds(out, "_files");
	}
}

static void zsh_option(struct buf *out, const struct option_def *o, const char *name)
{
	buf_addf(out, " \\\n\t\t\t'%s", name);
	buf_adds(out, o->kind == OPT_FLAG ? "[" : name[1] == '-' ? "=[" : "+[");
	zsh_text(out, o->help);
	buf_adds(out, "]");
	if (o->kind != OPT_FLAG)
		zsh_value(out, o);
	buf_addc(out, '\'');
}

static void zsh_command(struct buf *out, const struct command *c)
{
	buf_addf(out, "\t%s)\n\t\t_arguments '(- *)'{-h,--help}'[show help]'", c->name);
	for (const struct option_def *o = c->options; o && o->name; o++) {
		char name[64] = {'-', o->letter};

		if (!shown(o))
			continue;
		if (o->letter)
			zsh_option(out, o, name);
		memcpy(name, "--", 2);
		strncat(name, o->name, sizeof(name) - 3);
		name[2 + strlen(o->name)] = '\0';
		zsh_option(out, o, name);
	}
	for (const struct option_def *a = c->args; a && a->name; a++) {
		buf_addf(out, " \\\n\t\t\t'%s", a->flags & OPT_REQUIRED ? "" : ":");
		zsh_value(out, a);
		buf_addc(out, '\'');
	}
	buf_adds(out, " ;;\n");
}

static void zsh(struct buf *out)
{
	buf_adds(out, "#compdef taphos\n"
		      "# zsh completion for taphos, made by 'taphos completion zsh'\n"
		      "_taphos() {\n"
		      "\tlocal -a names=(\n");
	for (size_t i = 0; commands[i]; i++) {
		buf_addf(out, "\t\t'%s:", commands[i]->name);
		zsh_text(out, commands[i]->summary);
		buf_adds(out, "'\n");
	}
	buf_adds(out, "\t)\n"
		      "\tif (( CURRENT == 2 )); then\n"
		      "\t\t_describe command names\n"
		      "\t\treturn\n"
		      "\tfi\n"
		      "\tshift words\n"
		      "\t(( CURRENT-- ))\n"
		      "\tcase $words[1] in\n");
	for (size_t i = 0; commands[i]; i++)
		zsh_command(out, commands[i]);
	buf_adds(out, "\tesac\n}\n"
		      "if [ \"$funcstack[1]\" = _taphos ]; then\n"
		      "\t_taphos \"$@\"\n"
		      "else\n"
		      "\tcompdef _taphos taphos\n"
		      "fi\n");
}

static void fish_text(struct buf *out, const char *text)
{
	buf_addc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *text);
	}
	buf_addc(out, '\'');
}

static void fish_value(struct buf *out, const struct option_def *o)
{
	if (o->kind != OPT_FLAG)
		buf_adds(out, " -r");
	if (is_path(o))
		buf_adds(out, " -F");
	if (!o->words)
		return;
	buf_adds(out, " -a '");
	words(out, o->words);
	buf_addc(out, '\'');
}

static void fish_command(struct buf *out, const struct command *c)
{
	for (const struct option_def *o = c->options; o && o->name; o++) {
		if (!shown(o))
			continue;
		buf_addf(out, "complete -c taphos -n '__fish_seen_subcommand_from %s' -l %s",
			c->name, o->name);
		if (o->letter)
			buf_addf(out, " -s %c", o->letter);
		fish_value(out, o);
		buf_adds(out, " -d ");
		fish_text(out, o->help);
		buf_addc(out, '\n');
	}
	for (const struct option_def *a = c->args; a && a->name; a++) {
		buf_addf(out, "complete -c taphos -n '__fish_seen_subcommand_from %s'", c->name);
		buf_adds(out, is_path(a) ? " -F" : " -f");
		if (a->words) {
			buf_adds(out, " -a '");
			words(out, a->words);
			buf_addc(out, '\'');
		}
		buf_addc(out, '\n');
	}
}

static void fish(struct buf *out)
{
	buf_adds(out, "# fish completion for taphos, made by 'taphos completion fish'\n"
		      "complete -c taphos -f\n");
	for (size_t i = 0; commands[i]; i++) {
		buf_addf(out, "complete -c taphos -n __fish_use_subcommand -a %s -d ",
			commands[i]->name);
		fish_text(out, commands[i]->summary);
		buf_addc(out, '\n');
	}
	buf_adds(out, "complete -c taphos -s h -l help -d 'show help'\n");
	for (size_t i = 0; commands[i]; i++)
		fish_command(out, commands[i]);
}

static enum exit_code run(const struct invocation *in)
{
	static void (*const writers[])(struct buf * out) = {
		[SHELL_BASH] = bash, [SHELL_ZSH] = zsh, [SHELL_FISH] = fish};
	own_buf struct buf out = BUF_INIT(SCRIPT_MAX);

	writers[in->arg[ARG_SHELL].number](&out);
	return say_result(&out, EXIT_COMPLETE);
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print a completion script for a shell",
	.details = "bash: taphos completion bash >/etc/bash_completion.d/taphos\n"
		   "zsh: taphos completion zsh >/usr/local/share/zsh/site-functions/_taphos\n"
		   "fish: taphos completion fish >/etc/fish/completions/taphos.fish",
	.args = args,
	.run = run,
};
