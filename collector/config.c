/* SPDX-License-Identifier: Apache-2.0 */
/* config - the configuration file. */
#include "config.h"
#include "buf.h"
#include "command.h"
#include "io.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_MAX = 64 * 1024 };

struct config {
	json_t *root;
	char path[256];
};

void config_free(struct config *c)
{
	if (!c)
		return;
	json_decref(c->root);
	free(c);
}

const char *config_path(const struct config *c)
{
	return c ? c->path : CONFIG_PATH;
}

const char *config_get(const struct config *c, const char *name)
{
	const json_t *v = c ? json_object_get(c->root, name) : NULL;

	if (json_is_boolean(v))
		return json_is_true(v) ? "true" : "false";
	return json_string_value(v);
}

/* The line on which a key of the outermost object stands, in text that is known to be JSON:
 * jansson does not keep it. */
static unsigned line_of(const char *text, const char *key)
{
	unsigned line = 1, depth = 0;
	size_t n = strlen(key);

	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			line++;
		depth += (unsigned)(*p == '{' || *p == '[') - (unsigned)(*p == '}' || *p == ']');
		if (*p != '"')
			continue;
		if (depth == 1 && !strncmp(p + 1, key, n) && p[n + 1] == '"' &&
			p[n + 2 + strspn(p + n + 2, " \t\r\n")] == ':')
			return line;
		for (p++; *p && *p != '"'; p++)
			p += *p == '\\' && p[1];
	}
	return line;
}

/* The option of this name in any command; *near becomes the nearest name. */
static const struct option_def *find_option(
	const struct command *const *all, const char *name, const char **near)
{
	for (; *all; all++)
		for (const struct option_def *o = (*all)->options; o && o->name; o++) {
			if (o->flags & (OPT_LINE | OPT_HIDDEN))
				continue;
			if (!strcmp(o->name, name))
				return o;
			*near = options_nearer(name, *near, o->name);
		}
	return NULL;
}

static int check_key(const struct command *const *all, const char *where, const char *name,
	const json_t *value, struct err *e)
{
	const char *near = NULL;
	const struct option_def *def = find_option(all, name, &near);
	struct option_setting ignored = {0};
	char what[400];

	if (!def)
		return err_set(e, EINVAL, "%s: unknown key '%.32s'%s%s%s", where, name,
			near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
	if (def->kind == OPT_FLAG)
		return json_is_boolean(value)
			       ? 0
			       : err_set(e, EINVAL, "%s: key '%s' must be true or false", where,
					 name);
	if (!json_is_string(value))
		return err_set(e, EINVAL, "%s: key '%s' must be a string", where, name);
	snprintf(what, sizeof(what), "%s: key '%s'", where, name);
	return options_convert(def, what, json_string_value(value), &ignored, e);
}

static int check_keys(
	const struct config *c, const struct command *const *all, const char *text, struct err *e)
{
	const char *name;
	json_t *value;

	json_object_foreach(c->root, name, value)
	{
		char where[320];
		int rc;

		snprintf(where, sizeof(where), "%.128s:%u", c->path, line_of(text, name));
		rc = check_key(all, where, name, value, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int parse(
	struct config *c, const struct command *const *all, const struct buf *text, struct err *e)
{
	json_error_t je;

	/* JSON_DISABLE_EOF_CHECK is off: nothing may follow the object. */
	c->root = json_loadb(buf_str(text), text->len, JSON_REJECT_DUPLICATES, &je);
	if (!c->root)
		return err_set(e, EINVAL, "%.128s:%d: %.100s", c->path, je.line, je.text);
	if (!json_is_object(c->root))
		return err_set(e, EINVAL, "%.128s:1: must be one JSON object", c->path);
	return check_keys(c, all, buf_str(text), e);
}

static void free_config(struct config **c)
{
	config_free(*c);
}

int config_load(const char *path, const struct command *const *all, struct config **ret_config,
	struct err *e)
{
	__attribute__((cleanup(free_config))) struct config *c = calloc(1, sizeof(*c));
	own_buf struct buf text = BUF_INIT(CONFIG_MAX);
	own_fd int fd = -1;
	struct stat st;
	int rc;

	if (!c)
		return err_errno(e, "read the configuration");
	snprintf(c->path, sizeof(c->path), "%s", path ? path : CONFIG_PATH);
	fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT && !path) {
		*ret_config = NULL;
		return 0;
	}
	if (fd < 0)
		return err_errno(e, "open %.128s", c->path);
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat %.128s", c->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%.128s: not a regular file", c->path);
	rc = io_read_all(fd, &text, e);
	if (rc < 0)
		return err_wrap(e, rc, "%.128s", c->path);
	rc = parse(c, all, &text, e);
	if (rc < 0)
		return rc;
	*ret_config = take_ptr(c);
	return 0;
}
