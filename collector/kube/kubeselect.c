/* SPDX-License-Identifier: Apache-2.0 */
/* kubeselect - which objects select which. */
#include "kubeselect.h"

#include "jsonx.h"

#include <errno.h>
#include <string.h>

enum operator{ OP_IN, OP_NOT_IN, OP_EXISTS, OP_DOES_NOT_EXIST, OP_NONE };

static enum operator operator_of(const json_t *expression)
{
	static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist"};
	const char *name = jsonx_text_key(expression, "operator");

	for (int i = 0; i < OP_NONE; i++)
		if (!strcmp(names[i], name))
			return (enum operator)i;
	return OP_NONE;
}

/* NULL: no such label. A label may be empty. */
static const char *label(const json_t *labels, const char *key)
{
	return json_string_value(json_object_get(labels, key));
}

static bool has_all(const json_t *wanted, const json_t *labels)
{
	const char *key, *have;
	json_t *value;

	json_object_foreach((json_t *)wanted, key, value)
	{
		have = label(labels, key);
		if (!have || !json_is_string(value) || strcmp(have, json_string_value(value)) != 0)
			return false;
	}
	return true;
}

static bool is_among(const json_t *values, const char *text)
{
	const json_t *value;
	size_t i;

	json_array_foreach(
		values, i, value) if (json_is_string(value) &&
				      !strcmp(json_string_value(value), text)) return true;
	return false;
}

static bool is_met(const json_t *expression, const json_t *labels)
{
	const char *have = label(labels, jsonx_text_key(expression, "key"));
	const json_t *values = json_object_get(expression, "values");

	switch (operator_of(expression)) {
	case OP_IN:
		return have && is_among(values, have);
	case OP_NOT_IN:
		return !have || !is_among(values, have);
	case OP_EXISTS:
		return have;
	case OP_DOES_NOT_EXIST:
		return !have;
	default:
		return false;
	}
}

bool kubeselect_matches(const json_t *selector, const json_t *labels)
{
	const json_t *expression;
	size_t i;

	if (!json_is_object(selector))
		return false;
	json_array_foreach(json_object_get(selector, "matchExpressions"), i,
		expression) if (!is_met(expression, labels)) return false;
	return has_all(json_object_get(selector, "matchLabels"), labels);
}

bool kubeselect_map(const json_t *map, const json_t *labels)
{
	return json_object_size(map) > 0 && has_all(map, labels);
}

/* ---- as a query */

/* What keys and values are made of; anything else would be syntax. */
static bool is_label(const char *text)
{
	static const char made_of[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";

	return !text[strspn(text, made_of)];
}

static int add_pairs(const json_t *map, struct buf *ret)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)map, key, value)
	{
		if (!*key || !is_label(key) || !json_is_string(value) ||
			!is_label(json_string_value(value)))
			return -EINVAL;
		buf_addf(ret, "%s%s=%s", ret->len ? "," : "", key, json_string_value(value));
	}
	return 0;
}

static int add_values(const json_t *values, struct buf *ret)
{
	const json_t *value;
	size_t i;

	json_array_foreach(values, i, value)
	{
		if (!json_is_string(value) || !is_label(json_string_value(value)))
			return -EINVAL;
		buf_addf(ret, "%s%s", i ? "," : " (", json_string_value(value));
	}
	buf_addc(ret, ')');
	return json_array_size(values) ? 0 : -EINVAL;
}

static int add_expression(const json_t *expression, struct buf *ret)
{
	static const char *const words[] = {[OP_IN] = " in", [OP_NOT_IN] = " notin"};
	const char *key = jsonx_text_key(expression, "key");
	enum operator op = operator_of(expression);

	if (!*key || !is_label(key) || op == OP_NONE)
		return -EINVAL;
	buf_addf(ret, "%s%s%s", ret->len ? "," : "", op == OP_DOES_NOT_EXIST ? "!" : "", key);
	if (op != OP_IN && op != OP_NOT_IN)
		return 0;
	buf_adds(ret, words[op]);
	return add_values(json_object_get(expression, "values"), ret);
}

int kubeselect_query(const json_t *selector, struct buf *ret)
{
	const json_t *pairs = json_object_get(selector, "matchLabels"), *expression;
	const json_t *list = json_object_get(selector, "matchExpressions");
	int rc = add_pairs(pairs || list ? pairs : selector, ret);
	size_t i;

	json_array_foreach(list, i, expression) if (rc == 0) rc = add_expression(expression, ret);
	if (rc == 0 && (!ret->len || buf_check(ret, NULL) < 0))
		rc = -EINVAL;
	return rc;
}

/* ---- whole objects */

static const json_t *labels_of(const json_t *pod)
{
	return jsonx_get(pod, "metadata.labels");
}

/* An object in a list has its namespace like any other. */
static bool is_near(const json_t *object, const json_t *pod)
{
	return !strcmp(
		jsonx_text(object, "metadata.namespace"), jsonx_text(pod, "metadata.namespace"));
}

bool kubeselect_policy(const json_t *policy, const json_t *pod)
{
	return is_near(policy, pod) &&
	       kubeselect_matches(jsonx_get(policy, "spec.podSelector"), labels_of(pod));
}

bool kubeselect_service(const json_t *service, const json_t *pod)
{
	return is_near(service, pod) &&
	       kubeselect_map(jsonx_get(service, "spec.selector"), labels_of(pod));
}

bool kubeselect_slice(const json_t *slice, const json_t *pod)
{
	const char *uid = jsonx_text(pod, "metadata.uid");
	const json_t *endpoint;
	size_t i;

	if (!is_near(slice, pod) || !*uid)
		return false;
	json_array_foreach(json_object_get(slice, "endpoints"), i,
		endpoint) if (!strcmp(jsonx_text(endpoint, "targetRef.uid"), uid)) return true;
	return false;
}
