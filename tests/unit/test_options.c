/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "command.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT, SIZE, DEADLINE, COLOUR, LOUD, TARGET };

static const char *const colours[] = {"red", "green", NULL};
static const struct option_def table[] = {
	[OUTPUT] = {.name = "output", .letter = 'o', .kind = OPT_FILE, .metavar = "FILE"},
	[SIZE] = {.name = "max-size", .kind = OPT_SIZE, .metavar = "SIZE", .def = "1G"},
	[DEADLINE] = {.name = "deadline", .kind = OPT_DURATION, .metavar = "TIME"},
	[COLOUR] = {.name = "colour", .kind = OPT_CHOICE, .words = colours, .metavar = "WORD"},
	[LOUD] = {.name = "loud", .kind = OPT_FLAG},
	[TARGET] = {.name = "target", .flags = OPT_LINE, .metavar = "ID"},
	{0},
};
static const struct option_def arguments[] = {
	{.name = "bundle", .metavar = "BUNDLE", .flags = OPT_REQUIRED},
	{.name = "member", .metavar = "MEMBER"},
	{0},
};
static const struct command plain = {.name = "plain", .options = table};
static const struct command with_args = {.name = "args", .options = table, .args = arguments};
static const struct command *const all[] = {&plain, &with_args, NULL};

#define WORDS(...) ((char *const[]){__VA_ARGS__, NULL})

static struct invocation parsed(const struct command *c, char *const *words, int expect)
{
	struct invocation in = {.command = c};

	assert_int_equal(options_parse(&in, words, NULL), expect);
	return in;
}

static void takes_every_form(void **state)
{
	struct invocation in = parsed(&plain,
		WORDS("--max-size=2K", "-o", "-", "--deadline", "3s", "--colour", "green",
			"--loud"),
		0);

	(void)state;
	assert_string_equal(in.option[OUTPUT].text, "-");
	assert_int_equal(in.option[SIZE].number, 2048);
	assert_int_equal(in.option[DEADLINE].number, 3000000000);
	assert_int_equal(in.option[COLOUR].number, 1);
	assert_true(in.option[LOUD].on);
	assert_int_equal(in.option[TARGET].from, FROM_NOWHERE);
	in = parsed(&plain, WORDS("--loud=no"), 0);
	assert_false(in.option[LOUD].on);
	assert_true(parsed(&plain, WORDS("--nonsense", "--help"), -EINVAL).help == false);
	assert_true(parsed(&plain, WORDS("--help", "--nonsense"), 0).help);
	assert_true(parsed(&plain, WORDS("-h"), 0).help);
}

static void ends_options_at_two_dashes(void **state)
{
	struct invocation in = parsed(&with_args, WORDS("--loud", "--", "--output", "x"), 0);

	(void)state;
	assert_true(in.option[LOUD].on);
	assert_string_equal(in.arg[0].text, "--output");
	assert_string_equal(in.arg[1].text, "x");
	assert_int_equal(in.option[OUTPUT].from, FROM_NOWHERE);
}

static void assert_refused(const struct command *c, char *const *words, const char *text)
{
	struct invocation in = {.command = c};
	struct err e = ERR_INIT;

	assert_int_equal(options_parse(&in, words, &e), -EINVAL);
	assert_string_equal(e.text, text);
}

static void refuses_with_a_reason(void **state)
{
	(void)state;
	assert_refused(&plain, WORDS("--foo"), "unknown option '--foo'");
	assert_refused(
		&plain, WORDS("--ouptut=x"), "unknown option '--ouptut', did you mean '--output'?");
	assert_refused(
		&plain, WORDS("--max"), "unknown option '--max', did you mean '--max-size'?");
	assert_refused(&plain, WORDS("-z"), "unknown option '-z'");
	assert_refused(&plain, WORDS("--output"), "option '--output' needs a value: --output FILE");
	assert_refused(&plain, WORDS("--output", "--loud"),
		"option '--output' needs a value: --output FILE");
	assert_refused(&plain, WORDS("--output="), "option '--output': the value is empty");
	assert_refused(
		&plain, WORDS("-o", "a", "--output", "b"), "option '--output' is given twice");
	assert_refused(&plain, WORDS("--max-size", "2X"),
		"option '--max-size': '2X' is not a size such as 500M or 20G");
	assert_refused(&plain, WORDS("--deadline", "15"),
		"option '--deadline': '15' is not a time such as 90s or 15m");
	assert_refused(&plain, WORDS("--colour", "blue"),
		"option '--colour': 'blue' is none of: red, green");
	assert_refused(&plain, WORDS("--loud=perhaps"),
		"option '--loud': 'perhaps' is neither yes nor no");
	assert_refused(&plain, WORDS("x"), "'x' is one argument too many");
	assert_refused(&with_args, WORDS("a", "b", "c"), "'c' is one argument too many");
	assert_refused(&with_args, WORDS("--loud"), "the BUNDLE argument is missing");
}

static struct config *config_of(const char *json, struct err *e)
{
	char path[] = "/tmp/test_options.XXXXXX";
	int fd = mkstemp(path);
	struct config *c = NULL;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, json, strlen(json)), strlen(json));
	close(fd);
	if (config_load(path, all, &c, e) < 0)
		memmove(e->text, strchr(e->text, ':'), strlen(strchr(e->text, ':')) + 1);
	unlink(path);
	return c;
}

static void line_beats_variable_beats_file_beats_default(void **state)
{
	struct err e = ERR_INIT;
	struct config *c = config_of("{\"output\": \"file\", \"deadline\": \"1s\", \"loud\": true,"
				     "\"colour\": \"red\"}",
		&e);
	struct invocation in = parsed(&plain, WORDS("--output", "line"), 0);

	(void)state;
	assert_non_null(c);
	setenv("TAPHOS_OUTPUT", "variable", 1);
	setenv("TAPHOS_DEADLINE", "2s", 1);
	setenv("TAPHOS_COLOUR", "", 1); /* empty is not set */
	setenv("TAPHOS_TARGET", "never", 1);
	assert_int_equal(options_fill(&in, c, &e), 0);
	assert_string_equal(in.option[OUTPUT].text, "line");
	assert_int_equal(in.option[OUTPUT].from, FROM_LINE);
	assert_int_equal(in.option[DEADLINE].number, 2000000000);
	assert_int_equal(in.option[DEADLINE].from, FROM_ENVIRONMENT);
	assert_string_equal(in.option[COLOUR].text, "red");
	assert_int_equal(in.option[COLOUR].from, FROM_FILE);
	assert_true(in.option[LOUD].on);
	assert_int_equal(in.option[SIZE].number, 1 << 30);
	assert_int_equal(in.option[SIZE].from, FROM_DEFAULT);
	assert_null(in.option[TARGET].text);
	setenv("TAPHOS_MAX_SIZE", "big", 1);
	in = parsed(&plain, WORDS("--loud"), 0);
	assert_int_equal(options_fill(&in, c, &e), -EINVAL);
	assert_string_equal(
		e.text, "variable TAPHOS_MAX_SIZE: 'big' is not a size such as 500M or 20G");
	config_free(c);
}

static void assert_bad_config(const char *json, const char *text)
{
	struct err e = ERR_INIT;

	assert_null(config_of(json, &e));
	assert_string_equal(e.text, text);
}

static void names_the_line_of_a_bad_key(void **state)
{
	(void)state;
	assert_bad_config("{\n\"output\": \"ouptut\",\n\n \"ouptut\" : 1}",
		":4: unknown key 'ouptut', did you mean 'output'?");
	assert_bad_config("{\"output\": \"\\\"loud\\\":\",\n\"loud\": 1}",
		":2: key 'loud' must be true or false");
	assert_bad_config("{\"max-size\": 3}", ":1: key 'max-size' must be a string");
	assert_bad_config("{\"max-size\": \"3X\"}",
		":1: key 'max-size': '3X' is not a size such as 500M or 20G");
	assert_bad_config("{\"target\": \"x\"}", ":1: unknown key 'target'");
	assert_bad_config("[]", ":1: must be one JSON object");
	assert_bad_config("{\n\"loud\": true\n\"x\"}", ":3: '}' expected near '\"x\"'");
	assert_bad_config("{} x", ":1: end of file expected near 'x'");
}

static void a_missing_file_matters_only_when_named(void **state)
{
	struct err e = ERR_INIT;
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load("/nonexistent/x", all, &c, &e), -ENOENT);
	assert_string_equal(e.text, "open /nonexistent/x: No such file or directory");
	assert_int_equal(config_load("/proc/self", all, &c, &e), -EINVAL);
}

/* Names mean the same in every command, since variables and the file know no command. */
static void tables_agree(void **state)
{
	(void)state;
	for (size_t i = 0; commands[i]; i++) {
		const struct option_def *o = commands[i]->options;
		size_t n = 0;

		assert_non_null(commands[i]->summary);
		for (; o && o->name; o++, n++) {
			assert_non_null(o->help);
			assert_true((o->kind == OPT_FLAG) == !o->metavar);
			assert_true(o->kind != OPT_CHOICE || o->words);
			for (size_t k = 0; k < i; k++) {
				const struct option_def *p =
					options_find(commands[k]->options, o->name);

				assert_true(!p || p->kind == o->kind);
			}
		}
		assert_true(n < OPTIONS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_every_form),
		cmocka_unit_test(ends_options_at_two_dashes),
		cmocka_unit_test(refuses_with_a_reason),
		cmocka_unit_test(line_beats_variable_beats_file_beats_default),
		cmocka_unit_test(names_the_line_of_a_bad_key),
		cmocka_unit_test(a_missing_file_matters_only_when_named),
		cmocka_unit_test(tables_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
