/* SPDX-License-Identifier: Apache-2.0 */
/* options - a command line as data. */
#include "options.h"
#include "command.h"
#include "config.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARIABLE_MAX = 64 };

const struct option_def *options_find(const struct option_def *table, const char *name)
{
	for (; table && table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

/* "TAPHOS_MAX_SIZE" */
static void variable_name(const struct option_def *def, char ret[VARIABLE_MAX])
{
	snprintf(ret, VARIABLE_MAX, "TAPHOS_%s", def->name);
	for (char *p = ret; *p; p++) {
		if (*p == '-')
			*p = '_';
		else if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	}
}

enum { WORD_MAX = 24, FAR = 3 };

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many letters to add, drop, change or swap to get from a to b. */
static unsigned distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (unsigned i = 0; i <= la; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++)
		for (size_t j = 1; j <= lb; j++) {
			unsigned same = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = least(same, d[i - 1][j] + 1, d[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[la][lb];
}

const char *options_nearer(const char *word, const char *best, const char *candidate)
{
	unsigned far = strlen(word) < 2 * FAR ? FAR - 1 : FAR;
	unsigned now = strncmp(word, candidate, strlen(word)) ? distance(word, candidate) : 1;

	if (!*word || now >= far)
		return best;
	return best && distance(word, best) <= now ? best : candidate;
}

static int convert_flag(const char *what, const char *text, bool *ret, struct err *e)
{
	static const char *const yes[] = {"true", "yes", "1"}, *const no[] = {"false", "no", "0"};

	for (size_t i = 0; i < 3; i++)
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*ret = !strcmp(text, yes[i]);
			return 0;
		}
	return err_set(e, EINVAL, "%s: '%.64s' is neither yes nor no", what, text);
}

static int convert_choice(const struct option_def *def, const char *what, const char *text,
	uint64_t *ret, struct err *e)
{
	char all[128] = "";
	size_t len = 0;

	for (uint64_t i = 0; def->words[i]; i++)
		if (!strcmp(def->words[i], text)) {
			*ret = i;
			return 0;
		}
	for (size_t i = 0; def->words[i] && len < sizeof(all); i++)
		len += (size_t)snprintf(
			all + len, sizeof(all) - len, "%s%s", i ? ", " : "", def->words[i]);
	return err_set(e, EINVAL, "%s: '%.64s' is none of: %s", what, text, all);
}

int options_convert(const struct option_def *def, const char *what, const char *text,
	struct option_setting *ret, struct err *e)
{
	struct option_setting v = {.from = ret->from, .text = text};
	int rc = 0;

	if (!*text)
		return err_set(e, EINVAL, "%s: the value is empty", what);
	if (def->kind == OPT_FLAG)
		rc = convert_flag(what, text, &v.on, e);
	else if (def->kind == OPT_CHOICE)
		rc = convert_choice(def, what, text, &v.number, e);
	else if (def->kind == OPT_SIZE && text_parse_size(text, &v.number) < 0)
		rc = err_set(
			e, EINVAL, "%s: '%.64s' is not a size such as 500M or 20G", what, text);
	else if (def->kind == OPT_DURATION && text_parse_duration(text, &v.number) < 0)
		rc = err_set(e, EINVAL, "%s: '%.64s' is not a time such as 90s or 15m", what, text);
	if (!rc)
		*ret = v;
	return rc;
}

static int unknown(const struct invocation *in, const char *word, size_t len, struct err *e)
{
	const char *near = NULL;
	char name[WORD_MAX + 1];

	snprintf(name, sizeof(name), "%.*s", (int)(len < WORD_MAX ? len : WORD_MAX), word);
	for (const struct option_def *o = in->command->options; o && o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			near = options_nearer(name, near, o->name);
	if (near)
		return err_set(e, EINVAL, "unknown option '--%.*s', did you mean '--%s'?",
			(int)(len < 64 ? len : 64), word, near);
	return err_set(e, EINVAL, "unknown option '--%.*s'", (int)(len < 64 ? len : 64), word);
}

/* Takes one option with its value, if it has one; *words is moved past what it used. */
static int take_option(struct invocation *in, const struct option_def *def, const char *value,
	char *const **words, struct err *e)
{
	struct option_setting *v = &in->option[def - in->command->options];
	char what[64];

	snprintf(what, sizeof(what), "option '--%s'", def->name);
	if (def->kind == OPT_FLAG && !value)
		value = "yes";
	if (!value) {
		value = **words;
		if (!value || !strncmp(value, "--", 2))
			return err_set(e, EINVAL, "%s needs a value: --%s %s", what, def->name,
				def->metavar);
		++*words;
	}
	if (v->from == FROM_LINE && def->kind != OPT_FLAG)
		return err_set(e, EINVAL, "%s is given twice", what);
	v->from = FROM_LINE;
	return options_convert(def, what, value, v, e);
}

static int take_long(struct invocation *in, char *const **words, struct err *e)
{
	const char *word = *(*words)++ + 2;
	size_t len = strcspn(word, "=");

	if (len == 4 && !strcmp(word, "help")) {
		in->help = true;
		return 0;
	}
	for (const struct option_def *o = in->command->options; o && o->name; o++)
		if (!strncmp(o->name, word, len) && !o->name[len])
			return take_option(in, o, word[len] ? word + len + 1 : NULL, words, e);
	return unknown(in, word, len, e);
}

static int take_short(struct invocation *in, char *const **words, struct err *e)
{
	const char *word = *(*words)++;

	if (!strcmp(word, "-h")) {
		in->help = true;
		return 0;
	}
	for (const struct option_def *o = in->command->options; o && o->name; o++)
		if (o->letter && o->letter == word[1] && !word[2])
			return take_option(in, o, NULL, words, e);
	return err_set(e, EINVAL, "unknown option '%.64s'", word);
}

static int take_arg(struct invocation *in, size_t *n, const char *word, struct err *e)
{
	const struct option_def *def = in->command->args;

	if (!def || !def[*n].name)
		return err_set(e, EINVAL, "'%.64s' is one argument too many", word);
	in->arg[*n].from = FROM_LINE;
	++*n;
	return options_convert(&def[*n - 1], def[*n - 1].metavar, word, &in->arg[*n - 1], e);
}

static int check_args(const struct invocation *in, size_t n, struct err *e)
{
	const struct option_def *def = in->command->args;

	if (def && def[n].name && (def[n].flags & OPT_REQUIRED))
		return err_set(e, EINVAL, "the %s argument is missing", def[n].metavar);
	return 0;
}

int options_parse(struct invocation *in, char *const *words, struct err *e)
{
	bool ended = false;
	size_t n = 0;
	int rc = 0;

	while (!rc && !in->help && *words) {
		const char *word = *words;

		if (ended || word[0] != '-' || !word[1]) {
			words++;
			rc = take_arg(in, &n, word, e);
		} else if (word[1] != '-') {
			rc = take_short(in, &words, e);
		} else if (word[2]) {
			rc = take_long(in, &words, e);
		} else {
			words++;
			ended = true;
		}
	}
	return rc || in->help ? rc : check_args(in, n, e);
}

static int fill_one(const struct option_def *def, const struct config *file,
	struct option_setting *v, struct err *e)
{
	char variable[VARIABLE_MAX], what[512];
	const char *text;

	variable_name(def, variable);
	text = def->flags & OPT_LINE ? NULL : getenv(variable);
	if (text && *text) {
		snprintf(what, sizeof(what), "variable %s", variable);
		v->from = FROM_ENVIRONMENT;
		return options_convert(def, what, text, v, e);
	}
	text = def->flags & OPT_LINE ? NULL : config_get(file, def->name);
	if (text) {
		snprintf(what, sizeof(what), "%.128s: key '%s'", config_path(file), def->name);
		v->from = FROM_FILE;
		return options_convert(def, what, text, v, e);
	}
	if (!def->def)
		return 0;
	v->from = FROM_DEFAULT;
	return options_convert(def, def->name, def->def, v, e);
}

int options_fill(struct invocation *in, const struct config *file, struct err *e)
{
	const struct option_def *def = in->command->options;

	for (size_t i = 0; def && def[i].name; i++) {
		int rc = 0;

		if (in->option[i].from == FROM_NOWHERE)
			rc = fill_one(&def[i], file, &in->option[i], e);
		if (rc < 0)
			return rc;
	}
	return 0;
}
