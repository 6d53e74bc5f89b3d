/* SPDX-License-Identifier: Apache-2.0 */
/* jsonx - reads JSON that somebody else wrote. */
#include "jsonx.h"

#include <errno.h>
#include <string.h>

/* Every value but the first of its container follows a comma; each container may be empty. */
static size_t count_values(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += p[i] == ',' || p[i] == '[' || p[i] == '{';
	return count;
}

json_t *jsonx_parse(const char *text, size_t len, struct err *e)
{
	json_error_t je;
	json_t *root;

	if (len > JSONX_MAX || count_values(text, len) > JSONX_VALUES_MAX) {
		err_set(e, EFBIG, "JSON over the limits");
		return NULL;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
	if (!root)
		err_set(e, EINVAL, "JSON line %d column %d: %s", je.line, je.column, je.text);
	return root;
}

json_t *jsonx_get(const json_t *root, const char *path)
{
	const json_t *at = root;

	while (at && *path) {
		size_t len = strcspn(path, ".");
		char key[128];

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		path += len + (path[len] == '.');
	}
	return (json_t *)at;
}

const char *jsonx_str(const json_t *root, const char *path)
{
	return json_string_value(jsonx_get(root, path));
}

const char *jsonx_text(const json_t *root, const char *path)
{
	const char *s = jsonx_str(root, path);

	return s ? s : "";
}

const char *jsonx_text_key(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

int jsonx_u64(const json_t *root, const char *path, uint64_t *ret)
{
	const json_t *v = jsonx_get(root, path);

	if (!v)
		return -ENOENT;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -EINVAL;
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

bool jsonx_bool(const json_t *root, const char *path)
{
	return json_is_true(jsonx_get(root, path));
}
