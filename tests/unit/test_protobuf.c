/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "protobuf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct inner {
	struct protobuf_text name;
	int64_t big;
};

struct outer {
	struct protobuf_text text;
	bool flag;
	int32_t i32;
	uint32_t u32;
	uint64_t u64;
	struct inner in;
	int32_t flat;
	struct protobuf_list rows;
};

static const struct protobuf_field inner_fields[] = {
	{1, PROTOBUF_TEXT, offsetof(struct inner, name), NULL},
	{2, PROTOBUF_I64, offsetof(struct inner, big), NULL},
};
static const struct protobuf_type inner_type = PROTOBUF_TYPE("inner", inner_fields);

static const struct protobuf_field flat_fields[] = {
	{1, PROTOBUF_I32, offsetof(struct outer, flat), NULL},
};
static const struct protobuf_type flat_type = PROTOBUF_TYPE("flat", flat_fields);

static const struct protobuf_field outer_fields[] = {
	{1, PROTOBUF_TEXT, offsetof(struct outer, text), NULL},
	{2, PROTOBUF_BOOL, offsetof(struct outer, flag), NULL},
	{3, PROTOBUF_I32, offsetof(struct outer, i32), NULL},
	{4, PROTOBUF_U32, offsetof(struct outer, u32), NULL},
	{5, PROTOBUF_U64, offsetof(struct outer, u64), NULL},
	{6, PROTOBUF_MESSAGE, offsetof(struct outer, in), &inner_type},
	{7, PROTOBUF_MESSAGE, 0, &flat_type},
	{8, PROTOBUF_LIST, offsetof(struct outer, rows), NULL},
};
static const struct protobuf_type outer_type = PROTOBUF_TYPE("outer", outer_fields);

/* A message that holds itself, which no table of ours does. */
static const struct protobuf_type endless_type;
static const struct protobuf_field endless_fields[] = {
	{1, PROTOBUF_MESSAGE, 0, &endless_type},
};
static const struct protobuf_type endless_type = PROTOBUF_TYPE("endless", endless_fields);

/* Read from memory exactly as large, so that a sanitizer sees a byte too far. */
static int read_as(const struct protobuf_type *t, const void *p, size_t n, void *ret)
{
	char *exact = malloc(n ? n : 1);
	struct err e = ERR_INIT;
	int rc;

	memcpy(exact, p, n);
	rc = protobuf_read(t, (struct protobuf_text){exact, n}, ret, &e);
	assert_int_equal(-rc, e.code);
	free(exact);
	return rc;
}

static int read_outer(const void *p, size_t n)
{
	struct outer o = {0};

	return read_as(&outer_type, p, n, &o);
}

#define READ(bytes) read_outer(bytes, sizeof(bytes) - 1)

static bool is(struct protobuf_text t, const char *s)
{
	return t.n == strlen(s) && !memcmp(t.p, s, t.n);
}

static void fill(struct buf *b)
{
	own_buf struct buf in = BUF_INIT(1000), flat = BUF_INIT(1000);

	protobuf_put_text(&in, 1, "n", 1);
	protobuf_put_u64(&in, 2, (uint64_t)-5);
	protobuf_put_u64(&flat, 1, 77);
	protobuf_put_text(b, 8, "first", 5);
	protobuf_put_text(b, 1, "text\0more", 9);
	protobuf_put_u64(b, 2, 1);
	protobuf_put_text(b, 8, "", 0);
	protobuf_put_u64(b, 3, (uint64_t)-1);
	protobuf_put_u64(b, 4, 4000000000U);
	protobuf_put_u64(b, 5, UINT64_MAX);
	protobuf_put_text(b, 6, buf_str(&in), in.len);
	protobuf_put_text(b, 7, buf_str(&flat), flat.len);
	protobuf_put_u64(b, (1 << 29) - 1, 9); /* in no table */
	protobuf_put_text(b, 1000, "skipped", 7);
	protobuf_put_text(b, 8, "last", 4);
}

static void what_is_written_is_read(void **state)
{
	own_buf struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct outer o = {0};
	struct protobuf_text row;

	(void)state;
	fill(&b);
	assert_int_equal(
		protobuf_read(&outer_type, (struct protobuf_text){b.data, b.len}, &o, &e), 0);
	assert_memory_equal(o.text.p, "text\0more", 9);
	assert_int_equal(o.text.n, 9);
	assert_true(o.flag);
	assert_int_equal(o.i32, -1);
	assert_int_equal(o.u32, 4000000000U);
	assert_true(o.u64 == UINT64_MAX);
	assert_true(is(o.in.name, "n"));
	assert_int_equal(o.in.big, -5);
	assert_int_equal(o.flat, 77);
	assert_int_equal(o.rows.count, 3);
	assert_int_equal(protobuf_next(&o.rows, &row), 1);
	assert_true(is(row, "first"));
	assert_int_equal(protobuf_next(&o.rows, &row), 1);
	assert_int_equal(row.n, 0);
	assert_int_equal(protobuf_next(&o.rows, &row), 1);
	assert_true(is(row, "last"));
	assert_int_equal(protobuf_next(&o.rows, &row), 0);
	assert_int_equal(protobuf_next(&o.rows, &row), 0);
}

static void an_empty_message_is_all_zeroes(void **state)
{
	struct outer o = {0};
	struct protobuf_text row;

	(void)state;
	assert_int_equal(protobuf_read(&outer_type, (struct protobuf_text){NULL, 0}, &o, NULL), 0);
	assert_int_equal(protobuf_next(&o.rows, &row), 0);
	assert_null(o.text.p);
}

/* Cut anywhere it is refused or shorter, and never read past its end. */
static void cut_off_anywhere(void **state)
{
	own_buf struct buf b = BUF_INIT(1000);
	unsigned refused = 0;

	(void)state;
	fill(&b);
	for (size_t n = 0; n < b.len; n++) {
		int rc = read_outer(b.data, n);

		assert_true(rc == 0 || rc == -EBADMSG);
		refused += rc < 0;
	}
	assert_true(refused > b.len / 2);
}

static void numbers_of_every_length(void **state)
{
	(void)state;
	assert_int_equal(READ("\x28\x80\x00"), 0); /* longer than it need be */
	assert_int_equal(READ("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 0);
	assert_int_equal(READ("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), -EBADMSG);
	assert_int_equal(READ("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EBADMSG);
	assert_int_equal(READ("\x28"), -EBADMSG);
}

static void what_no_encoder_makes(void **state)
{
	(void)state;
	assert_int_equal(READ("\x00\x00"), -EBADMSG);		      /* field 0 */
	assert_int_equal(READ("\x80\x80\x80\x80\x10\x00"), -EBADMSG); /* field 2^29 */
	assert_int_equal(READ("\x0b\x0c"), -EBADMSG);		      /* a group */
	assert_int_equal(READ("\x0e"), -EBADMSG);		      /* type 6 */
	assert_int_equal(READ("\x0f"), -EBADMSG);		      /* type 7 */
	assert_int_equal(READ("\x0a\x01x\x0a\x01y"), -EBADMSG);	      /* twice */
	assert_int_equal(READ("\x08\x01"), -EBADMSG);		      /* a number for a text */
	assert_int_equal(READ("\x12\x00"), -EBADMSG);		      /* a text for a number */
	assert_int_equal(READ("\x40\x01"), -EBADMSG);		      /* a number in a list */
	assert_int_equal(READ("\x0a\xff\xff\xff\xff\x0f"), -EBADMSG); /* 4 GiB */
	assert_int_equal(READ("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EBADMSG);
	assert_int_equal(READ("\x32\x02\x0a\x01"), -EBADMSG); /* inner past its end */
	assert_int_equal(READ("\x49"
			      "1234567"
			      "\x4d"
			      "123"),
		-EBADMSG); /* fixed, cut */
	assert_int_equal(READ("\x49"
			      "12345678"
			      "\x4d"
			      "1234"),
		0);
}

static void limits_hold(void **state)
{
	own_buf struct buf b = BUF_INIT(PROTOBUF_MAX + 1);

	(void)state;
	assert_int_equal(buf_fill(&b, '\0', PROTOBUF_MAX + 1), 0);
	assert_int_equal(read_outer(b.data, b.len), -E2BIG);
	/* fields of two bytes each */
	memset(b.data, 0x78, b.len);
	assert_int_equal(read_outer(b.data, 2 * PROTOBUF_FIELDS), 0);
	assert_int_equal(read_outer(b.data, 2 * PROTOBUF_FIELDS + 2), -E2BIG);
}

static void depth_is_limited(void **state)
{
	char nested[2 * PROTOBUF_DEPTH + 2];
	char nothing;
	size_t n = 0;

	(void)state;
	for (size_t left = sizeof(nested); left; left -= 2) {
		nested[n++] = 0x0a;
		nested[n++] = (char)(left - 2);
	}
	assert_int_equal(read_as(&endless_type, nested + 4, n - 4, &nothing), 0);
	assert_int_equal(read_as(&endless_type, nested, n, &nothing), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(an_empty_message_is_all_zeroes),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(numbers_of_every_length),
		cmocka_unit_test(what_no_encoder_makes),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(depth_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
