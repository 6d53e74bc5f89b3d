/* SPDX-License-Identifier: Apache-2.0 */
/* kubepage - what a page of a list says of the next one, picked out while it streams by. */
#include "kubepage.h"

#include <string.h>

static bool key_is(const struct kubepage *p, const char *name)
{
	return p->key_len == strlen(name) && !memcmp(p->key, name, p->key_len);
}

static void begin_string(struct kubepage *p)
{
	p->in_string = true;
	p->is_token = !p->is_key && p->depth == 2 && p->in_metadata && key_is(p, "continue");
	if (p->is_key)
		p->key_len = 0;
	if (p->is_token)
		p->token_len = 0;
}

/* One character inside a string. */
static void in_string(struct kubepage *p, char c)
{
	if (!p->escaped && c == '"') {
		p->in_string = false;
		if (p->is_token)
			p->token[p->token_len] = '\0';
		return;
	}
	p->escaped = !p->escaped && c == '\\';
	if (p->is_key && p->depth <= 2 && p->key_len < sizeof(p->key))
		p->key[p->key_len++] = c;
	if (!p->is_token)
		return;
	if (c <= ' ' || c > '~' || c == '\\' || p->token_len == sizeof(p->token) - 1)
		p->bad = true;
	else
		p->token[p->token_len++] = c;
}

static void enter(struct kubepage *p, char c)
{
	if (p->depth == 1) {
		p->in_metadata = c == '{' && key_is(p, "metadata");
		p->in_items = c == '[' && key_is(p, "items");
	}
	if (p->depth == 2 && p->in_items && c == '{')
		p->items++;
	p->depth++;
	p->is_key = c == '{';
}

static void leave(struct kubepage *p)
{
	p->depth -= p->depth > 0;
	if (p->depth == 1)
		p->in_metadata = p->in_items = false;
}

void kubepage_feed(struct kubepage *p, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (p->in_string)
			in_string(p, c);
		else if (c == '"')
			begin_string(p);
		else if (c == '{' || c == '[')
			enter(p, c);
		else if (c == '}' || c == ']')
			leave(p);
		else if (c == ':')
			p->is_key = false;
		else if (c == ',')
			p->is_key = true; /* in an array nothing looks at keys: depth 3 and more */
	}
	if (p->bad)
		p->token[0] = '\0';
}
