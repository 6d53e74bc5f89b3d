/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf - messages in protobuf's wire format, by tables. */
#include "protobuf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* protobuf.dev/programming-guides/encoding */
enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_LENGTH = 2, WIRE_32 = 5 };
enum { VARINT_BYTES = 10, NUMBER_MAX = (1 << 29) - 1, TABLE_MAX = 32 };

struct cursor {
	const unsigned char *p, *end;
};

/* A field as it lies there. */
struct item {
	uint32_t number;
	unsigned wire;
	uint64_t value;		   /* varint */
	struct protobuf_text text; /* length-delimited */
};

struct reading {
	unsigned depth, fields;
};

static struct cursor cursor_of(struct protobuf_text t)
{
	const unsigned char *p = (const unsigned char *)t.p;

	return (struct cursor){p, t.n ? p + t.n : p};
}

/* false: cut off, or over 64 bits. */
static bool take_varint(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < VARINT_BYTES && c->p < c->end; i++) {
		unsigned char byte = *c->p++;

		if (i == VARINT_BYTES - 1 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

static bool take_bytes(struct cursor *c, uint64_t n, struct protobuf_text *ret)
{
	if (n > (uint64_t)(c->end - c->p))
		return false;
	*ret = (struct protobuf_text){(const char *)c->p, (size_t)n};
	c->p += n;
	return true;
}

static bool take_item(struct cursor *c, struct item *ret)
{
	uint64_t tag, n;

	if (!take_varint(c, &tag) || !(tag >> 3) || tag >> 3 > NUMBER_MAX)
		return false;
	*ret = (struct item){.number = (uint32_t)(tag >> 3), .wire = tag & 7};
	switch (ret->wire) {
	case WIRE_VARINT:
		return take_varint(c, &ret->value);
	case WIRE_64:
		return take_bytes(c, sizeof(uint64_t), &ret->text);
	case WIRE_LENGTH:
		return take_varint(c, &n) && take_bytes(c, n, &ret->text);
	case WIRE_32:
		return take_bytes(c, sizeof(uint32_t), &ret->text);
	default: /* groups, which proto3 has not, or no type at all */
		return false;
	}
}

static const struct protobuf_field *field_of(const struct protobuf_type *t, uint32_t number)
{
	for (unsigned i = 0; i < t->count; i++)
		if (t->field[i].number == number)
			return &t->field[i];
	return NULL;
}

static bool is_of_kind(const struct protobuf_field *f, const struct item *it)
{
	switch (f->kind) {
	case PROTOBUF_TEXT:
	case PROTOBUF_MESSAGE:
	case PROTOBUF_LIST:
		return it->wire == WIRE_LENGTH;
	default:
		return it->wire == WIRE_VARINT;
	}
}

/* Numbers are cut as protobuf does it: a negative int32 comes as 64 bits. */
static void put_value(enum protobuf_kind kind, void *to, const struct item *it)
{
	switch (kind) {
	case PROTOBUF_TEXT:
		*(struct protobuf_text *)to = it->text;
		return;
	case PROTOBUF_BOOL:
		*(bool *)to = it->value != 0;
		return;
	case PROTOBUF_I32:
		*(int32_t *)to = (int32_t)it->value;
		return;
	case PROTOBUF_U32:
		*(uint32_t *)to = (uint32_t)it->value;
		return;
	case PROTOBUF_I64:
		*(int64_t *)to = (int64_t)it->value;
		return;
	case PROTOBUF_U64:
		*(uint64_t *)to = it->value;
		return;
	case PROTOBUF_MESSAGE:
	case PROTOBUF_LIST:
		return;
	}
}

static void note_element(struct protobuf_list *l, struct protobuf_text in, uint32_t number)
{
	if (!l->count++)
		*l = (struct protobuf_list){in, number, 1};
}

static int read_message(const struct protobuf_type *t, struct protobuf_text from, char *base,
	struct reading *r, struct err *e);

static int read_item(const struct protobuf_field *f, const struct item *it,
	struct protobuf_text from, char *base, struct reading *r, struct err *e)
{
	char *to = base + f->offset;

	if (f->kind == PROTOBUF_MESSAGE)
		return read_message(f->of, it->text, to, r, e);
	if (f->kind == PROTOBUF_LIST)
		note_element((struct protobuf_list *)(void *)to, from, f->number);
	else
		put_value(f->kind, to, it);
	return 0;
}

static int read_message(const struct protobuf_type *t, struct protobuf_text from, char *base,
	struct reading *r, struct err *e)
{
	struct cursor c = cursor_of(from);
	const struct protobuf_field *f;
	uint32_t seen = 0, bit;
	struct item it;
	int rc = 0;

	if (++r->depth > PROTOBUF_DEPTH)
		return err_set(e, E2BIG, "%s: nested too deep", t->name);
	while (!rc && c.p < c.end) {
		if (++r->fields > PROTOBUF_FIELDS)
			return err_set(e, E2BIG, "%s: over %d fields", t->name, PROTOBUF_FIELDS);
		if (!take_item(&c, &it))
			return err_set(e, EBADMSG, "%s: malformed", t->name);
		f = field_of(t, it.number);
		if (!f)
			continue;
		bit = f->kind == PROTOBUF_LIST ? 0 : UINT32_C(1) << (f - t->field);
		if (!is_of_kind(f, &it))
			return err_set(
				e, EBADMSG, "%s: field %u: type %u", t->name, f->number, it.wire);
		if (seen & bit)
			return err_set(e, EBADMSG, "%s: field %u twice", t->name, f->number);
		seen |= bit;
		rc = read_item(f, &it, from, base, r, e);
	}
	r->depth--;
	return rc;
}

int protobuf_read(
	const struct protobuf_type *t, struct protobuf_text from, void *ret, struct err *e)
{
	struct reading r = {0};

	if (from.n > PROTOBUF_MAX)
		return err_set(e, E2BIG, "%s: %zu bytes", t->name, from.n);
	return read_message(t, from, ret, &r, e);
}

int protobuf_next(struct protobuf_list *l, struct protobuf_text *ret)
{
	struct cursor c = cursor_of(l->in);
	struct item it;

	while (l->count && take_item(&c, &it)) {
		if (it.number != l->number || it.wire != WIRE_LENGTH)
			continue;
		l->in = (struct protobuf_text){(const char *)c.p, (size_t)(c.end - c.p)};
		l->count--;
		*ret = it.text;
		return 1;
	}
	l->count = 0;
	return 0;
}

static void put_varint(struct buf *b, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		(void)buf_addc(b, (char)((v & 0x7f) | 0x80));
	(void)buf_addc(b, (char)v);
}

void protobuf_put_text(struct buf *b, uint32_t number, const void *p, size_t n)
{
	put_varint(b, (uint64_t)number << 3 | WIRE_LENGTH);
	put_varint(b, n);
	(void)buf_add(b, p, n);
}

void protobuf_put_u64(struct buf *b, uint32_t number, uint64_t v)
{
	put_varint(b, (uint64_t)number << 3 | WIRE_VARINT);
	put_varint(b, v);
}
