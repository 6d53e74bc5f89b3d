/* SPDX-License-Identifier: Apache-2.0 */
/* help - what the tables say, for people. */
#include "help.h"
#include "buf.h"
#include "command.h"
#include "config.h"
#include "term.h"
#include "version.h"

#include <string.h>

enum { COLUMN = 22, TEXT_MAX = 4096 };

static void row(struct buf *out, const char *left, const char *right)
{
	size_t len = strlen(left);

	buf_addf(out, "  %s", left);
	if (len + 4 > COLUMN)
		buf_addf(out, "\n%*s", COLUMN, "");
	else
		buf_addf(out, "%*s", (int)(COLUMN - len - 2), "");
	term_wrap(out, right, COLUMN, COLUMN);
}

static void option_head(const struct option_def *o, struct buf *out)
{
	if (o->letter)
		buf_addf(out, "-%c, ", o->letter);
	buf_addf(out, "--%s", o->name);
	if (o->metavar)
		buf_addf(out, " %s", o->metavar);
}

/* The help text, the words and the default. */
static void option_text(const struct option_def *o, struct buf *out)
{
	buf_adds(out, o->help);
	for (size_t i = 0; o->kind == OPT_CHOICE && o->words[i]; i++)
		buf_addf(out, "%s%s", i ? ", " : ": ", o->words[i]);
	if (o->def && o->kind != OPT_FLAG)
		buf_addf(out, " [%s]", o->def);
}

static void options(const struct option_def *o, struct buf *out)
{
	buf_adds(out, o && o->name && o->section ? "" : "\nOptions:\n");
	for (; o && o->name; o++) {
		own_buf struct buf left = BUF_INIT(TEXT_MAX), right = BUF_INIT(TEXT_MAX);

		if (o->flags & OPT_HIDDEN)
			continue;
		if (o->section)
			buf_addf(out, "\n%s:\n", o->section);
		option_head(o, &left);
		option_text(o, &right);
		row(out, buf_str(&left), buf_str(&right));
	}
	row(out, "-h, --help", "show this");
}

static bool has_visible(const struct option_def *o)
{
	for (; o && o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			return true;
	return false;
}

/* "collect (--container ID | --pid N) [options]": the usage line after "taphos ". */
static void usage_line(const struct command *c, struct buf *out)
{
	buf_adds(out, c->name);
	if (c->usage)
		buf_addf(out, " %s", c->usage);
	for (const struct option_def *a = c->usage ? NULL : c->args; a && a->name; a++)
		buf_addf(out, a->flags & OPT_REQUIRED ? " %s" : " [%s]", a->metavar);
	if (!c->usage && has_visible(c->options))
		buf_adds(out, " [options]");
}

void help_command(const struct command *c, struct buf *out)
{
	own_buf struct buf usage = BUF_INIT(TEXT_MAX);

	usage_line(c, &usage);
	buf_adds(out, "Usage: taphos ");
	term_wrap(out, buf_str(&usage), 14, 14);
	buf_addf(out, "\n%c%s.\n", c->summary[0] - 'a' + 'A', c->summary + 1);
	for (const struct option_def *a = c->args; a && a->name; a++) {
		own_buf struct buf text = BUF_INIT(TEXT_MAX);

		buf_adds(out, a == c->args ? "\n" : "");
		option_text(a, &text);
		row(out, a->metavar, buf_str(&text));
	}
	options(c->options, out);
	if (c->details) {
		buf_addc(out, '\n');
		term_wrap(out, c->details, 0, 0);
	}
}

void help_overview(struct buf *out)
{
	buf_adds(out, "Usage: taphos COMMAND [options]\n\n"
		      "Takes a running container, unchanged and provable, into one signed file.\n\n"
		      "Commands:\n");
	for (size_t i = 0; commands[i]; i++)
		row(out, commands[i]->name, commands[i]->summary);
	buf_addc(out, '\n');
	term_wrap(out,
		"'taphos COMMAND --help' shows the options of a command. Options may also come "
		"from the environment (--max-size as TAPHOS_MAX_SIZE) and from " CONFIG_PATH
		" (\"max-size\": \"20G\"; TAPHOS_CONFIG names another file); the command line "
		"wins, then the environment.",
		0, 0);
	buf_addc(out, '\n');
	term_wrap(out,
		"Exit: 0 complete, 1 failed, 2 usage, 3 complete with gaps or interrupted, 4 "
		"target "
		"not found or ambiguous, 5 not permitted, 6 upload failed, 7 verification failed.",
		0, 0);
}

/* Each line a paragraph, each sentence a line. */
static void mdoc_text(struct buf *out, const char *text)
{
	bool start = true;

	for (; *text; start = *text++ == '\n') {
		if (start && (*text == '.' || *text == '\''))
			buf_adds(out, "\\&");
		if (text[0] == '.' && text[1] == ' ') {
			buf_adds(out, ".\n");
			text++;
		} else if (*text == '\\') {
			buf_adds(out, "\\e");
		} else if (*text == '-') {
			buf_adds(out, "\\-");
		} else if (*text == '\n') {
			buf_adds(out, "\n.Pp\n");
		} else {
			buf_addc(out, *text);
		}
	}
}

static void mdoc_item(struct buf *out, const struct option_def *o, bool argument)
{
	own_buf struct buf text = BUF_INIT(TEXT_MAX);

	buf_adds(out, argument ? ".It" : ".It Fl ");
	if (!argument && o->letter)
		buf_addf(out, "%c , Fl ", o->letter);
	if (!argument) {
		buf_adds(out, "\\-");
		mdoc_text(out, o->name);
	}
	if (o->metavar)
		buf_addf(out, " Ar %s", o->metavar);
	buf_addc(out, '\n');
	option_text(o, &text);
	mdoc_text(out, buf_str(&text));
	buf_addc(out, '\n');
}

void help_mdoc(const struct command *c, struct buf *out)
{
	own_buf struct buf usage = BUF_INIT(TEXT_MAX);

	usage_line(c, &usage);
	buf_adds(out, ".Ss taphos ");
	mdoc_text(out, buf_str(&usage));
	buf_adds(out, "\n");
	buf_addf(out, "%c", c->summary[0] - 'a' + 'A');
	mdoc_text(out, c->summary + 1);
	buf_adds(out, ".\n");
	if (c->details) {
		buf_adds(out, ".Pp\n");
		mdoc_text(out, c->details);
		buf_addc(out, '\n');
	}
	if (!c->args && !has_visible(c->options))
		return;
	buf_adds(out, ".Bl -tag -width Ds\n");
	for (const struct option_def *a = c->args; a && a->name; a++)
		mdoc_item(out, a, true);
	for (const struct option_def *o = c->options; o && o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			mdoc_item(out, o, false);
	buf_adds(out, ".El\n");
}
