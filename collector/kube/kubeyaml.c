/* SPDX-License-Identifier: Apache-2.0 */
/* kubeyaml - a YAML text as a tree of JSON: libyaml's events behind limits. */
#include "kubeyaml.h"

#include "jsonx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct open_node {
	json_t *node; /* owned until it is complete */
	char *key;    /* of the value to come, in a mapping; owned */
	char *anchor; /* owned */
};

struct anchor {
	char *name;
	json_t *node;
};

struct reader {
	struct open_node open[KUBEYAML_DEPTH];
	struct anchor anchors[KUBEYAML_ANCHORS];
	size_t depth, n_anchors, nodes, documents;
	json_t *root;
	size_t line;
	struct err *e;
};

static int refuse(struct reader *r, const char *why)
{
	return err_set(r->e, EINVAL, "YAML line %zu: %s", r->line, why);
}

/* Takes the name. */
static int remember(struct reader *r, char *name, json_t *node)
{
	if (r->n_anchors == KUBEYAML_ANCHORS) {
		free(name);
		return refuse(r, "too many anchors");
	}
	r->anchors[r->n_anchors++] = (struct anchor){name, json_incref(node)};
	return 0;
}

static int add_key(struct reader *r, struct open_node *in, json_t *node)
{
	int rc = 0;

	if (!json_is_string(node) || strlen(json_string_value(node)) != json_string_length(node))
		rc = refuse(r, "a key that is no plain text");
	else if (!strcmp(json_string_value(node), "<<"))
		rc = refuse(r, "merge keys are not supported: write the values out");
	else if (json_object_get(in->node, json_string_value(node)))
		rc = refuse(r, "a key that is there already");
	else if (!(in->key = strdup(json_string_value(node))))
		rc = err_set(r->e, ENOMEM, "out of memory");
	json_decref(node);
	return rc;
}

/* Puts a complete node where it belongs; takes it. */
static int add_node(struct reader *r, json_t *node)
{
	struct open_node *in = r->depth ? &r->open[r->depth - 1] : NULL;
	int rc;

	if (!in) {
		r->root = node;
		return 0;
	}
	if (json_is_array(in->node)) {
		rc = json_array_append_new(in->node, node);
	} else if (!in->key) {
		return add_key(r, in, node);
	} else {
		rc = json_object_set_new(in->node, in->key, node);
		free(in->key);
		in->key = NULL;
	}
	return rc < 0 ? err_set(r->e, ENOMEM, "out of memory") : 0;
}

static int open_node(struct reader *r, json_t *node, const yaml_char_t *anchor)
{
	struct open_node *o = &r->open[r->depth];

	if (!node)
		return err_set(r->e, ENOMEM, "out of memory");
	if (r->depth == KUBEYAML_DEPTH) {
		json_decref(node);
		return refuse(r, "nested too deeply");
	}
	*o = (struct open_node){.node = node};
	r->depth++;
	if (anchor && !(o->anchor = strdup((const char *)anchor)))
		return err_set(r->e, ENOMEM, "out of memory");
	return 0;
}

static int close_node(struct reader *r)
{
	struct open_node o = r->open[--r->depth];
	int rc = 0;

	free(o.key);
	if (o.anchor)
		rc = remember(r, o.anchor, o.node);
	if (rc == 0)
		return add_node(r, o.node);
	json_decref(o.node);
	return rc;
}

static bool is_null(const yaml_event_t *v)
{
	const char *s = (const char *)v->data.scalar.value;

	return v->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*s || !strcmp(s, "~") || !strcmp(s, "null") || !strcmp(s, "Null"));
}

static int scalar(struct reader *r, const yaml_event_t *v)
{
	json_t *node = is_null(v) ? json_null()
				  : json_stringn((const char *)v->data.scalar.value,
					    v->data.scalar.length);
	char *name = NULL;
	int rc = 0;

	if (!node)
		return refuse(r, "a text that is not UTF-8");
	if (v->data.scalar.anchor) {
		name = strdup((const char *)v->data.scalar.anchor);
		rc = name ? remember(r, name, node) : err_set(r->e, ENOMEM, "out of memory");
	}
	if (rc == 0)
		return add_node(r, node);
	json_decref(node);
	return rc;
}

static int alias(struct reader *r, const yaml_event_t *v)
{
	/* the last of that name holds */
	for (size_t i = r->n_anchors; i-- > 0;)
		if (!strcmp(r->anchors[i].name, (const char *)v->data.alias.anchor))
			return add_node(r, json_incref(r->anchors[i].node));
	return refuse(r, "an alias of what is not complete, or not there");
}

static int event(struct reader *r, const yaml_event_t *v)
{
	r->line = v->start_mark.line + 1;
	if (r->nodes++ >= KUBEYAML_NODES)
		return refuse(r, "too many values");
	switch (v->type) {
	case YAML_DOCUMENT_START_EVENT:
		return r->documents++ ? refuse(r, "a second document") : 0;
	case YAML_MAPPING_START_EVENT:
		return open_node(r, json_object(), v->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(r, json_array(), v->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return close_node(r);
	case YAML_SCALAR_EVENT:
		return scalar(r, v);
	case YAML_ALIAS_EVENT:
		return alias(r, v);
	default:
		return 0;
	}
}

static int read_events(struct reader *r, yaml_parser_t *parser)
{
	yaml_event_type_t type = YAML_NO_EVENT;
	yaml_event_t v;
	int rc = 0;

	while (rc == 0 && type != YAML_STREAM_END_EVENT) {
		if (!yaml_parser_parse(parser, &v)) {
			r->line = parser->problem_mark.line + 1;
			return refuse(r, parser->problem ? parser->problem : "not YAML");
		}
		type = v.type;
		rc = event(r, &v);
		yaml_event_delete(&v);
	}
	return rc;
}

static void reader_done(struct reader *r)
{
	while (r->depth) {
		struct open_node *o = &r->open[--r->depth];

		json_decref(o->node);
		free(o->key);
		free(o->anchor);
	}
	while (r->n_anchors) {
		struct anchor *a = &r->anchors[--r->n_anchors];

		json_decref(a->node);
		free(a->name);
	}
}

static bool is_json(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
		i++;
	return i < len && text[i] == '{';
}

json_t *kubeyaml_parse(const char *text, size_t len, struct err *e)
{
	struct reader r = {.e = e};
	yaml_parser_t parser;
	int rc;

	if (len > KUBEYAML_MAX) {
		err_set(e, EFBIG, "over %d bytes", KUBEYAML_MAX);
		return NULL;
	}
	if (is_json(text, len))
		return jsonx_parse(text, len, e);
	if (!yaml_parser_initialize(&parser)) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	rc = read_events(&r, &parser);
	yaml_parser_delete(&parser);
	reader_done(&r);
	if (rc == 0 && !r.root)
		rc = err_set(e, EINVAL, "empty");
	if (rc < 0) {
		json_decref(r.root);
		return NULL;
	}
	return r.root;
}
