/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "dumper.h"
#include "io.h"
#include "jsonline.h"
#include "own.h"
#include "profile.h"
#include "profile_builtin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/test_profile.XXXXXX.json";

static int load(const char *text, struct profile **ret, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, strlen(text)), 0);
	close(fd);
	*e = ERR_INIT;
	return profile_load(path, ret, e);
}

static size_t index_of(const char *dumper)
{
	for (size_t i = 0; dumpers[i]; i++)
		if (!strcmp(dumpers[i]->name, dumper))
			return i;
	abort();
}

/* Some option of this type, of any dumper. */
static const struct dumper_option *some(enum option_type type, const char **ret_dumper)
{
	for (size_t i = 0; dumpers[i]; i++)
		for (const struct dumper_option *o = dumpers[i]->options; o && o->name; o++)
			if (o->type == type) {
				*ret_dumper = dumpers[i]->name;
				return o;
			}
	return NULL;
}

static const union option_value *value(
	const struct profile *p, const char *dumper, const struct dumper_option *o)
{
	size_t i = index_of(dumper);

	return &profile_options(p, i)[o - dumpers[i]->options];
}

static void the_built_in_ones_load(void **state)
{
	unsigned n = 0;

	(void)state;
	for (const struct profile_builtin *b = profile_builtin; b->name; b++, n++) {
		struct err e = ERR_INIT;
		struct profile *p;
		unsigned enabled = 0;

		if (profile_load(b->name, &p, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(profile_name(p), b->name);
		for (size_t i = 0; dumpers[i]; i++)
			enabled += profile_enabled(p, i);
		assert_true(enabled > 0);
		profile_free(p);
	}
	assert_int_equal(n, 5);
}

static void every_error_names_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *line, *says;
	} bad[] = {
		{"", ":1:", "expected"},
		{"[]", ":1:", "one JSON object"},
		{"{\n\"a\": }", ":2:", "unexpected token"},
		{"{}", ":1:", "'dumpers' is missing"},
		{"{\n\n\"dumpers\": 3}", ":3:", "'dumpers' has the wrong type"},
		{"{\"dumpers\": {},\n\"color\": 1}", ":2:", "unknown key 'color'"},
		{"{\"name\": 1, \"dumpers\": {}}", ":1:", "'name' has the wrong type"},
		{"{\"dumpers\": {\n\"nosuch\": {}}}", ":2:", "no dumper 'nosuch'"},
		{"{\"dumpers\": {\n\"process\": []}}",
			":2:", "'dumpers.process' must be an object"},
		{"{\"dumpers\": {\"process\": {\n\n\"nosuch\": 1}}}", ":3:", "no option 'nosuch'"},
		{"{\"dumpers\": {\"process\": {\n\"enabled\": 1}}}", ":2:", "'process.enabled'"},
		{"{\"dumpers\": {\"process\":{},\n\"process\":{}}}", ":2:", "duplicate"},
		{"{\"dumpers\": {\"process\":{\"\\u0000\":1}}}", ":1:", "\\u0000"},
		{"{\"dumpers\": {}} x", ":1:", "end of file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct profile *p;
		struct err e;

		assert_int_equal(load(bad[i].text, &p, &e), -EINVAL);
		if (strncmp(e.text, path, strlen(path)) != 0 || !strstr(e.text, bad[i].line) ||
			!strstr(e.text, bad[i].says))
			fail_msg("%s: %s", bad[i].text, e.text);
	}
}

/* Each type of option with what it takes and what it does not. */
static const struct option_case {
	enum option_type type;
	const char *json;
	bool good;
	uint64_t u;
} cases[] = {
	{OPTION_BOOL, "true", true, 1},
	{OPTION_BOOL, "false", true, 0},
	{OPTION_BOOL, "\"true\"", false, 0},
	{OPTION_BOOL, "1", false, 0},
	{OPTION_SIZE, "\"10G\"", true, 10ULL << 30},
	{OPTION_SIZE, "7", true, 7},
	{OPTION_SIZE, "-1", false, 0},
	{OPTION_SIZE, "1.5", false, 0},
	{OPTION_SIZE, "\"much\"", false, 0},
	{OPTION_COUNT, "12", true, 12},
	{OPTION_COUNT, "\"12\"", false, 0},
	{OPTION_COUNT, "-12", false, 0},
	{OPTION_COUNT, "99999999999999999999", false, 0},
	{OPTION_DURATION, "\"10s\"", true, 10000000000ULL},
	{OPTION_DURATION, "10", false, 0},
	{OPTION_DURATION, "\"10\"", false, 0},
	{OPTION_WORD, "\"no such word\"", false, 0},
	{OPTION_WORD, "null", false, 0},
	{OPTION_LIST, "\"x\"", false, 0},
	{OPTION_LIST, "[\"x\", 1]", false, 0},
	{OPTION_LIST, "{}", false, 0},
};

static void options_of_every_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *dumper;
		const struct dumper_option *o = some(cases[i].type, &dumper);
		char text[256], key[96];
		struct profile *p;
		struct err e;
		int rc;

		if (!o)
			continue;
		snprintf(text, sizeof(text), "{\"dumpers\":{\"%s\":{\n\"%s\":%s}}}", dumper,
			o->name, cases[i].json);
		rc = load(text, &p, &e);
		if (!cases[i].good) {
			snprintf(key, sizeof(key), "'%s.%s'", dumper, o->name);
			if (rc == 0 || !strstr(e.text, ":2:"))
				fail_msg("%s: %d %s", text, rc, e.text);
			if (strcmp(cases[i].json, "99999999999999999999") != 0)
				assert_non_null(strstr(e.text, key));
			continue;
		}
		if (rc < 0)
			fail_msg("%s: %s", text, e.text);
		assert_true(profile_enabled(p, index_of(dumper)));
		if (o->type == OPTION_BOOL)
			assert_int_equal(value(p, dumper, o)->b, cases[i].u);
		else
			assert_int_equal(value(p, dumper, o)->u, cases[i].u);
		profile_free(p);
	}
}

static void lists_and_words(void **state)
{
	const char *dumper;
	const struct dumper_option *o = some(OPTION_LIST, &dumper);
	char text[256];
	struct profile *p;
	struct err e;

	(void)state;
	snprintf(text, sizeof(text), "{\"dumpers\":{\"%s\":{\"%s\":[\"one\",\"\",\"a,b\"]}}}",
		dumper, o->name);
	assert_int_equal(load(text, &p, &e), 0);
	assert_string_equal(value(p, dumper, o)->list[0], "one");
	assert_string_equal(value(p, dumper, o)->list[1], "");
	assert_string_equal(value(p, dumper, o)->list[2], "a,b");
	assert_null(value(p, dumper, o)->list[3]);
	profile_free(p);
	o = some(OPTION_WORD, &dumper);
	for (size_t i = 0; o->words[i]; i++) {
		snprintf(text, sizeof(text), "{\"dumpers\":{\"%s\":{\"%s\":\"%s\"}}}", dumper,
			o->name, o->words[i]);
		assert_int_equal(load(text, &p, &e), 0);
		assert_int_equal(value(p, dumper, o)->u, i);
		profile_free(p);
	}
}

static void a_dumper_can_be_left_out(void **state)
{
	struct profile *p;
	struct err e;

	(void)state;
	assert_int_equal(
		load("{\"dumpers\":{\"process\":{},\"network\":{\"enabled\":false}}}", &p, &e), 0);
	assert_true(profile_enabled(p, index_of("process")));
	assert_false(profile_enabled(p, index_of("network")));
	assert_false(profile_enabled(p, index_of("filesystem")));
	profile_free(p);
}

static void files_that_are_none(void **state)
{
	struct err e = ERR_INIT;
	struct profile *p;

	(void)state;
	assert_int_equal(profile_load("nosuch", &p, &e), -EINVAL);
	assert_non_null(strstr(e.text, "triage"));
	assert_int_equal(profile_load("./nosuch.json", &p, &e), -ENOENT);
	assert_int_equal(profile_load("/tmp/", &p, &e), -EISDIR);
	assert_int_equal(profile_load("/dev/zero", &p, &e), -EFBIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* does not wait for a writer */
	assert_int_equal(profile_load(path, &p, &e), -EINVAL);
	assert_int_equal(unlink(path), 0);
}

static void lines_of_keys(void **state)
{
	static const char text[] =
		"{\"x\": {\"b\": 1},\n\"s\": \"a\\\"b\\\\\",\n\"a\": [{\"b\":\n0}],\n"
		"\"c\":\n {\"b\"\n: {\n\"d\": 1}}}";

	(void)state;
#define AT(...) jsonline_of(text, (const char *const[]){__VA_ARGS__, NULL})
	assert_int_equal(AT("x"), 1);
	assert_int_equal(AT("x", "b"), 1);
	assert_int_equal(AT("s"), 2);
	assert_int_equal(AT("a"), 3);
	assert_int_equal(AT("c"), 5);
	assert_int_equal(AT("c", "b"), 6);
	assert_int_equal(AT("c", "b", "d"), 8);
	assert_int_equal(AT("c", "nosuch"), 5);
	assert_int_equal(AT("nosuch"), 1);
	assert_int_equal(jsonline_of("{\"a", (const char *const[]){"a", NULL}), 1);
	assert_int_equal(jsonline_of("", (const char *const[]){"a", NULL}), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_built_in_ones_load),
		cmocka_unit_test(every_error_names_file_line_and_key),
		cmocka_unit_test(options_of_every_type),
		cmocka_unit_test(lists_and_words),
		cmocka_unit_test(a_dumper_can_be_left_out),
		cmocka_unit_test(lines_of_keys),
		cmocka_unit_test(files_that_are_none),
	};
	int fd = mkstemps(path, 5);

	if (fd < 0)
		return 1;
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
