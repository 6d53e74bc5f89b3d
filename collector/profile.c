/* SPDX-License-Identifier: Apache-2.0 */
/* profile - which dumpers run, with which options. */
#include "profile.h"
#include "buf.h"
#include "io.h"
#include "jsonline.h"
#include "own.h"
#include "profile_builtin.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { PROFILE_MAX = 256 * 1024, DUMPERS_MAX = 64, PROFILE_NAME = 256 };

struct profile {
	char name[PROFILE_NAME];
	struct buf text;
	json_t *root; /* lists point into it */
	bool enabled[DUMPERS_MAX];
	union option_value *options[DUMPERS_MAX];
	size_t lists;
	char **list[64]; /* arrays to free; their strings too when list_owned */
	bool list_owned[64];
};

void profile_free(struct profile *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->lists; i++) {
		for (char **s = p->list[i]; p->list_owned[i] && *s; s++)
			free(*s);
		free(p->list[i]);
	}
	for (size_t i = 0; i < DUMPERS_MAX; i++)
		free(p->options[i]);
	json_decref(p->root);
	buf_done(&p->text);
	free(p);
}

const char *profile_name(const struct profile *p)
{
	return p->name;
}

bool profile_enabled(const struct profile *p, size_t index)
{
	return p->enabled[index];
}

const union option_value *profile_options(const struct profile *p, size_t index)
{
	return p->options[index];
}

const char *profile_text(const struct profile *p)
{
	return buf_str(&p->text);
}

static size_t count_options(const struct dumper *d)
{
	size_t n = 0;

	while (d->options && d->options[n].name)
		n++;
	return n;
}

static const char *const *keep_list(struct profile *p, char **list, bool owned)
{
	if (!list || p->lists == sizeof(p->list) / sizeof(p->list[0])) {
		free(list);
		return NULL;
	}
	p->list_owned[p->lists] = owned;
	p->list[p->lists++] = list;
	return (const char *const *)list;
}

/* "a,b,c" of a table's default. */
static const char *const *split_list(struct profile *p, const char *text)
{
	char **list = calloc(strlen(text) / 2 + 3, sizeof(char *));
	size_t n = 0;

	for (const char *s = text; list && *s;) {
		size_t len = strcspn(s, ",");

		if (len)
			list[n++] = strndup(s, len);
		s += len + (s[len] == ',');
	}
	return keep_list(p, list, true);
}

static int word_index(const struct dumper_option *o, const char *s, uint64_t *ret)
{
	for (uint64_t i = 0; o->words[i]; i++) {
		if (!strcmp(o->words[i], s)) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int from_text(
	struct profile *p, const struct dumper_option *o, const char *s, union option_value *ret)
{
	switch (o->type) {
	case OPTION_BOOL:
		ret->b = !strcmp(s, "true");
		return ret->b || !strcmp(s, "false") ? 0 : -EINVAL;
	case OPTION_SIZE:
		return text_parse_size(s, &ret->u);
	case OPTION_COUNT:
		return text_parse_u64(s, UINT64_MAX, &ret->u);
	case OPTION_DURATION:
		return text_parse_duration(s, &ret->u);
	case OPTION_WORD:
		return word_index(o, s, &ret->u);
	case OPTION_LIST:
		ret->list = split_list(p, s);
		return ret->list ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

static int set_defaults(struct profile *p, struct err *e)
{
	for (size_t i = 0; dumpers[i]; i++) {
		const struct dumper *d = dumpers[i];
		size_t n = count_options(d);

		if (i >= DUMPERS_MAX)
			return err_set(e, E2BIG, "too many dumpers");
		p->options[i] = calloc(n + 1, sizeof(union option_value));
		if (!p->options[i])
			return err_set(e, ENOMEM, "no memory");
		for (size_t k = 0; k < n; k++)
			if (from_text(p, &d->options[k], d->options[k].def, &p->options[i][k]) < 0)
				return err_set(e, EINVAL, "%s.%s: its default '%s' is none",
					d->name, d->options[k].name, d->options[k].def);
	}
	return 0;
}

static const char *const *json_list(struct profile *p, const json_t *v)
{
	char **list = calloc(json_array_size(v) + 1, sizeof(char *));

	for (size_t i = 0; list && i < json_array_size(v); i++)
		list[i] = (char *)json_string_value(json_array_get(v, i));
	return keep_list(p, list, false);
}

static bool all_strings(const json_t *v)
{
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!json_is_string(json_array_get(v, i)))
			return false;
	return json_is_array(v);
}

static int from_json(
	struct profile *p, const struct dumper_option *o, const json_t *v, union option_value *ret)
{
	if (o->type == OPTION_BOOL && json_is_boolean(v)) {
		ret->b = json_is_true(v);
		return 0;
	}
	if ((o->type == OPTION_SIZE || o->type == OPTION_COUNT) && json_is_integer(v) &&
		json_integer_value(v) >= 0) {
		ret->u = (uint64_t)json_integer_value(v);
		return 0;
	}
	if (o->type == OPTION_LIST && all_strings(v)) {
		ret->list = json_list(p, v);
		return ret->list ? 0 : -ENOMEM;
	}
	if (json_is_string(v) && o->type != OPTION_BOOL && o->type != OPTION_LIST &&
		o->type != OPTION_COUNT)
		return from_text(p, o, json_string_value(v), ret);
	return -EINVAL;
}

static const char *expected(enum option_type t)
{
	static const char *const text[] = {
		[OPTION_BOOL] = "true or false",
		[OPTION_SIZE] = "a size such as \"10G\"",
		[OPTION_COUNT] = "a number",
		[OPTION_DURATION] = "a duration such as \"10s\"",
		[OPTION_WORD] = "one of its words",
		[OPTION_LIST] = "an array of strings",
	};

	return text[t];
}

static unsigned line_at(const struct profile *p, const char *a, const char *b, const char *c)
{
	return jsonline_of(profile_text(p), (const char *const[]){a, b, c, NULL});
}

static int set_option(
	struct profile *p, size_t index, const char *key, const json_t *v, struct err *e)
{
	const struct dumper *d = dumpers[index];
	unsigned line = line_at(p, "dumpers", d->name, key);

	if (!strcmp(key, "enabled")) {
		p->enabled[index] = json_is_true(v);
		return json_is_boolean(v)
			       ? 0
			       : err_set(e, EINVAL, "%.100s:%u: '%s.enabled' must be true or false",
					 p->name, line, d->name);
	}
	for (size_t k = 0; d->options && d->options[k].name; k++) {
		if (strcmp(d->options[k].name, key) != 0)
			continue;
		if (from_json(p, &d->options[k], v, &p->options[index][k]) < 0)
			return err_set(e, EINVAL, "%.100s:%u: '%s.%s' must be %s", p->name, line,
				d->name, key, expected(d->options[k].type));
		return 0;
	}
	return err_set(e, EINVAL, "%.100s:%u: dumper '%s' has no option '%.40s'", p->name, line,
		d->name, key);
}

static int find_dumper(const char *name)
{
	for (int i = 0; dumpers[i]; i++)
		if (!strcmp(dumpers[i]->name, name))
			return i;
	return -1;
}

static int set_dumpers(struct profile *p, const json_t *object, struct err *e)
{
	const char *name, *key;
	json_t *section, *v;

	json_object_foreach((json_t *)object, name, section)
	{
		unsigned line = line_at(p, "dumpers", name, NULL);
		int index = find_dumper(name);

		if (index < 0)
			return err_set(e, EINVAL, "%.100s:%u: there is no dumper '%.40s'", p->name,
				line, name);
		if (!json_is_object(section))
			return err_set(e, EINVAL, "%.100s:%u: 'dumpers.%s' must be an object",
				p->name, line, name);
		p->enabled[index] = true;
		json_object_foreach(section, key, v)
		{
			int rc = set_option(p, (size_t)index, key, v, e);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int parse(struct profile *p, struct err *e)
{
	json_error_t je;
	const char *key;
	json_t *v;
	int rc = set_defaults(p, e);

	if (rc < 0)
		return rc;
	p->root = json_loadb(profile_text(p), p->text.len, JSON_REJECT_DUPLICATES, &je);
	if (!p->root)
		return err_set(e, EINVAL, "%.100s:%d: %.100s", p->name, je.line, je.text);
	if (!json_is_object(p->root))
		return err_set(e, EINVAL, "%.100s:1: must be one JSON object", p->name);
	json_object_foreach(p->root, key, v)
	{
		unsigned line = line_at(p, key, NULL, NULL);

		if (strcmp(key, "dumpers") && strcmp(key, "name") && strcmp(key, "summary"))
			return err_set(e, EINVAL,
				"%.100s:%u: unknown key '%.40s' (name, summary, dumpers)", p->name,
				line, key);
		if (!strcmp(key, "dumpers") ? !json_is_object(v) : !json_is_string(v))
			return err_set(e, EINVAL, "%.100s:%u: '%.40s' has the wrong type", p->name,
				line, key);
	}
	v = json_object_get(p->root, "dumpers");
	return v ? set_dumpers(p, v, e)
		 : err_set(e, EINVAL, "%.100s:1: key 'dumpers' is missing", p->name);
}

static bool is_path(const char *name)
{
	size_t n = strlen(name);

	return strchr(name, '/') || (n > 5 && !strcmp(name + n - 5, ".json"));
}

static int read_text(struct profile *p, const char *name, struct err *e)
{
	own_buf struct buf names = BUF_INIT(1024);
	own_fd int fd = -1;
	int rc;

	if (is_path(name)) {
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			return err_errno(e, "open profile %.160s", name);
		rc = io_read_all(fd, &p->text, e);
		return rc < 0 ? err_wrap(e, rc, "profile %.100s", name) : 0;
	}
	for (const struct profile_builtin *b = profile_builtin; b->name; b++) {
		if (!strcmp(b->name, name))
			return buf_add(&p->text, b->json, b->size);
		buf_addf(&names, "%s%s", names.len ? ", " : "", b->name);
	}
	return err_set(e, EINVAL,
		"no profile '%.60s': there are %s, or give a path to a .json file", name,
		buf_str(&names));
}

int profile_load(const char *name, struct profile **ret, struct err *e)
{
	struct profile *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, ENOMEM, "no memory");
	p->text = BUF_INIT(PROFILE_MAX);
	snprintf(p->name, sizeof(p->name), "%s", name);
	rc = read_text(p, name, e);
	if (rc == 0)
		rc = parse(p, e);
	if (rc < 0) {
		profile_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}
