/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * protobuf - reads messages in protobuf's wire format that somebody else wrote, by tables, and
 * writes the few that our requests need. Nothing is copied or allocated: what was read points
 * into the message and lives as long as it does.
 *
 * A message that no proto3 encoder makes is refused with -EBADMSG: cut off, of another type than
 * the table says, a field twice that is not repeated, groups. Fields that no table knows are
 * skipped. Over one of the limits: -E2BIG.
 */
#include "buf.h"
#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum {
	PROTOBUF_MAX = 16 << 20,  /* bytes of a message */
	PROTOBUF_DEPTH = 8,	  /* messages within each other */
	PROTOBUF_FIELDS = 400000, /* in one message, those within it that are read included */
};

/* A string or bytes: not terminated, of any content. {NULL, 0} where it is absent. */
struct protobuf_text {
	const char *p;
	size_t n;
};

/* A repeated field: where it lies, its elements are read one by one. */
struct protobuf_list {
	struct protobuf_text in; /* what holds them, between other fields */
	uint32_t number;
	uint32_t count; /* elements */
};

enum protobuf_kind {
	PROTOBUF_TEXT,	  /* struct protobuf_text */
	PROTOBUF_BOOL,	  /* bool */
	PROTOBUF_I32,	  /* int32_t, int32 and enumerations */
	PROTOBUF_U32,	  /* uint32_t */
	PROTOBUF_I64,	  /* int64_t */
	PROTOBUF_U64,	  /* uint64_t */
	PROTOBUF_MESSAGE, /* what 'of' says, from this offset on: 0 lays it flat into the outer one
			   */
	PROTOBUF_LIST,	  /* struct protobuf_list: of strings or messages */
};

struct protobuf_type;

struct protobuf_field {
	uint32_t number;
	enum protobuf_kind kind;
	size_t offset;
	const struct protobuf_type *of;
};

/* At most 32 fields. */
struct protobuf_type {
	const char *name;
	const struct protobuf_field *field;
	unsigned count;
};

#define PROTOBUF_TYPE(label, table)                                                          \
	{                                                                                    \
		.name = (label), .field = (table), .count = sizeof(table) / sizeof(*(table)) \
	}

/* ret: zeroes, or what stands for absent fields. Left half filled on failure. */
int protobuf_read(const struct protobuf_type *t, struct protobuf_text from, void *ret,
	struct err *e) must_check;

/* 1: the next element as bytes, 0: there is none left. The list is used up. A list that
 * protobuf_read() filled has no malformed part: it was looked at. */
int protobuf_next(struct protobuf_list *l, struct protobuf_text *ret);

/* Adders: the buffer's 'failed' tells when one did not fit. */
void protobuf_put_text(struct buf *b, uint32_t number, const void *p, size_t n);
void protobuf_put_u64(struct buf *b, uint32_t number, uint64_t v);
