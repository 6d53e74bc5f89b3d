/* SPDX-License-Identifier: Apache-2.0 */
/* jsonsplit - cuts one large JSON object into pieces. */
#include "jsonsplit.h"

#include <errno.h>
#include <string.h>

enum where {
	BEFORE,	   /* '{' */
	FIRST_KEY, /* a key or '}' */
	NEXT_KEY,  /* a key */
	KEY,	   /* inside it */
	COLON,
	VALUE,	      /* its first byte */
	ELEMENT,      /* an element's first byte, or ']' */
	NEXT_ELEMENT, /* an element's first byte */
	INSIDE,	      /* a value or element */
	BETWEEN,      /* ',' or ']' in an array, ',' or '}' in the object */
	AFTER,	      /* blanks */
};

void jsonsplit_begin(struct jsonsplit *s, const struct jsonsplit_ops *ops, void *arg)
{
	*s = (struct jsonsplit){.ops = ops, .arg = arg, .text = BUF_INIT(JSONSPLIT_PIECE)};
}

void jsonsplit_done(struct jsonsplit *s)
{
	buf_done(&s->text);
}

static int refuse(struct err *e)
{
	return err_set(e, EBADMSG, "not a JSON object of the form expected");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int start_value(struct jsonsplit *s, char c)
{
	buf_clear(&s->text);
	s->where = INSIDE;
	s->depth = c == '{' || c == '[';
	s->in_string = c == '"';
	s->escaped = false;
	if (s->keep)
		buf_addc(&s->text, c);
	return 0;
}

static int end_value(struct jsonsplit *s, struct err *e)
{
	s->where = BETWEEN;
	if (!s->keep)
		return 0;
	if (s->text.failed)
		return err_set(
			e, EBADMSG, "\"%s\": more than %d bytes in a row", s->key, JSONSPLIT_PIECE);
	return s->ops->piece(s->arg, s->key, buf_str(&s->text), s->text.len, e);
}

static int between(struct jsonsplit *s, char c, struct err *e)
{
	if (c == ',') {
		s->where = s->array ? NEXT_ELEMENT : NEXT_KEY;
		return 0;
	}
	if (s->array && c == ']') {
		s->array = false;
		return 0;
	}
	if (s->array || c != '}')
		return refuse(e);
	s->where = AFTER;
	s->ended = true;
	return 0;
}

static void in_string(struct jsonsplit *s, char c)
{
	if (s->escaped)
		s->escaped = false;
	else if (c == '\\')
		s->escaped = true;
	else if (c == '"')
		s->in_string = false;
}

/* One byte of a value that has begun. */
static int inside(struct jsonsplit *s, char c, struct err *e)
{
	bool was_string = s->in_string;

	/* a number or a word at the top ends with what follows it */
	if (!s->in_string && !s->depth && (c == ',' || c == '}' || c == ']' || is_blank(c))) {
		int rc = end_value(s, e);

		return rc < 0 || is_blank(c) ? rc : between(s, c, e);
	}
	if (s->keep)
		buf_addc(&s->text, c);
	if (s->in_string) {
		in_string(s, c);
	} else if (c == '"') {
		s->in_string = true;
	} else if (c == '{' || c == '[') {
		if (++s->depth > JSONSPLIT_DEPTH)
			return err_set(e, EBADMSG, "\"%s\": nested too deeply", s->key);
	} else if (c == '}' || c == ']') {
		s->depth--;
	}
	if (!s->depth && !s->in_string && (was_string || c == '}' || c == ']'))
		return end_value(s, e);
	return 0;
}

static int in_key(struct jsonsplit *s, char c, struct err *e)
{
	if (c == '"') {
		s->key[s->key_len] = '\0';
		s->keep = s->ops->wants(s->arg, s->key);
		s->where = COLON;
		return 0;
	}
	/* our keys are plain; an escape could spell one in a second way */
	if (c == '\\' || !c || s->key_len == JSONSPLIT_KEY)
		return refuse(e);
	s->key[s->key_len++] = c;
	return 0;
}

/* Between the pieces; c is no blank. */
static int outside(struct jsonsplit *s, char c, struct err *e)
{
	switch (s->where) {
	case BEFORE:
		s->where = FIRST_KEY;
		return c == '{' ? 0 : refuse(e);
	case FIRST_KEY:
	case NEXT_KEY:
		if (c == '}' && s->where == FIRST_KEY)
			return between(s, c, e);
		s->where = KEY;
		s->key_len = 0;
		return c == '"' ? 0 : refuse(e);
	case COLON:
		s->where = VALUE;
		return c == ':' ? 0 : refuse(e);
	case VALUE:
		s->array = c == '[';
		if (!s->array)
			return start_value(s, c);
		s->where = ELEMENT;
		return 0;
	case ELEMENT:
		if (c == ']') {
			s->where = BETWEEN;
			return between(s, c, e);
		}
		return start_value(s, c);
	case NEXT_ELEMENT:
		return start_value(s, c);
	case BETWEEN:
		return between(s, c, e);
	default:
		return refuse(e);
	}
}

int jsonsplit_feed(struct jsonsplit *s, const void *p, size_t n, struct err *e)
{
	const char *c = p;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (s->where == KEY)
			rc = in_key(s, c[i], e);
		else if (s->where == INSIDE)
			rc = inside(s, c[i], e);
		else if (!is_blank(c[i]))
			rc = outside(s, c[i], e);
	}
	return rc;
}

int jsonsplit_end(const struct jsonsplit *s, struct err *e)
{
	return s->ended ? 0 : refuse(e);
}
