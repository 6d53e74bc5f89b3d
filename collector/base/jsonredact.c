/* SPDX-License-Identifier: Apache-2.0 */
/* jsonredact - the configuration of a container without its secrets. */
#include "jsonredact.h"
#include "hash.h"
#include "jsonx.h"
#include "own.h"
#include "redact.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 64 };

struct walk {
	const char *const *words;
	size_t n;
	struct err *e;
};

static int visit(struct walk *w, json_t *v, bool free_keys, unsigned depth);

static bool looks_secret(const struct walk *w, const char *name, size_t len, const json_t *value)
{
	return redact_is_secret(
		name, len, json_string_value(value), json_string_length(value), w->words);
}

/* The string after its first 'keep' bytes becomes a digest. */
static int replace(struct walk *w, json_t *s, size_t keep)
{
	size_t len = json_string_length(s);
	own_buf struct buf b = BUF_INIT(len + HASH_HEX + 16);
	uint8_t digest[HASH_LEN];
	char hex[HASH_HEX];

	if (keep >= len) /* no value, no secret */
		return 0;
	hash_of(json_string_value(s) + keep, len - keep, digest);
	hash_hex(digest, hex);
	buf_add(&b, json_string_value(s), keep);
	buf_addf(&b, "sha256:%s", hex);
	if (b.failed || json_string_setn_nocheck(s, b.data, b.len) < 0)
		return err_set(w->e, ENOMEM, "no memory");
	w->n++;
	return 0;
}

/* A document in a string, as 'kubectl apply' keeps one. */
static int visit_inner(struct walk *w, json_t *s, unsigned depth)
{
	const char *text = json_string_value(s);
	own_json json_t *inner = NULL;
	own_free char *now = NULL;
	size_t before = w->n;
	int rc;

	if (text[0] != '{' && text[0] != '[')
		return 0;
	inner = jsonx_parse(text, json_string_length(s), NULL);
	if (!inner)
		return 0;
	rc = visit(w, inner, false, depth + 1);
	if (rc < 0 || w->n == before)
		return rc;
	now = json_dumps(inner, JSON_COMPACT);
	if (!now || json_string_set_nocheck(s, now) < 0)
		return err_set(w->e, ENOMEM, "no memory");
	return 0;
}

/* The string of that name; len 0: its name says nothing. */
static int visit_string(struct walk *w, const char *name, size_t len, json_t *s, unsigned depth)
{
	int rc;

	if (len && redact_is_secret(name, len, "", 0, w->words))
		return replace(w, s, 0);
	rc = visit_inner(w, s, depth);
	return rc == 0 && looks_secret(w, name, len, s) ? replace(w, s, 0) : rc;
}

/* An element of an array: NAME=VALUE, or what follows the flag in 'before'. */
static int visit_element(struct walk *w, json_t *s, const json_t *before, unsigned depth)
{
	const char *text = json_string_value(s), *flag = json_string_value(before);
	const char *eq = memchr(text, '=', json_string_length(s));
	size_t name = eq ? (size_t)(eq - text) : 0;

	if (eq && redact_is_secret(text, name, eq + 1, json_string_length(s) - name - 1, w->words))
		return replace(w, s, name + 1);
	if (flag && flag[0] == '-' && !strchr(flag, '=') && text[0] != '-' &&
		looks_secret(w, flag, strlen(flag), s))
		return replace(w, s, 0);
	return visit_string(w, "", 0, s, depth);
}

static int visit_array(struct walk *w, json_t *array, unsigned depth)
{
	json_t *v, *before = NULL;
	bool after_flag = false;
	size_t i;
	int rc = 0;

	json_array_foreach(array, i, v)
	{
		if (json_is_string(v))
			rc = visit_element(w, v, after_flag ? before : NULL, depth);
		else
			rc = visit(w, v, false, depth + 1);
		if (rc < 0)
			return rc;
		before = v;
		after_flag = json_is_string(v);
	}
	return 0;
}

static bool has_free_keys(const char *key)
{
	static const char *const names[] = {"env", "environment", "labels", "annotations", NULL};

	for (size_t i = 0; names[i]; i++)
		if (!strcasecmp(key, names[i]))
			return true;
	return false;
}

/* What stands beside a "value", as in a pod's environment, "key" as CRI has it; "" for none. */
static const char *own_name(const json_t *object, const char *key)
{
	const char *name = strcmp(key, "value") ? "" : jsonx_text_key(object, "name");

	return name[0] || strcmp(key, "value") ? name : jsonx_text_key(object, "key");
}

static int visit_object(struct walk *w, json_t *object, bool free_keys, unsigned depth)
{
	const char *key;
	json_t *v;
	int rc = 0;

	json_object_foreach(object, key, v)
	{
		const char *slash = strrchr(key, '/');
		const char *name = !free_keys ? own_name(object, key) : slash ? slash + 1 : key;

		if (!json_is_string(v))
			rc = visit(w, v, has_free_keys(key), depth + 1);
		else
			rc = visit_string(w, name, strlen(name), v, depth);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int visit(struct walk *w, json_t *v, bool free_keys, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return err_set(w->e, ELOOP, "values nest deeper than %d", DEPTH_MAX);
	if (json_is_object(v))
		return visit_object(w, v, free_keys, depth);
	return json_is_array(v) ? visit_array(w, v, depth) : 0;
}

int jsonredact(json_t *root, const char *const *words, size_t *ret_n, struct err *e)
{
	struct walk w = {words, 0, e};
	int rc = 0;

	if (json_is_string(root))
		rc = visit_string(&w, "", 0, root, 0);
	else
		rc = visit(&w, root, false, 0);
	*ret_n = w.n;
	return rc;
}
