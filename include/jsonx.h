/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * jsonx - reads JSON that somebody else wrote (state files of runtimes,
 * profiles): jansson behind limits, and getters that check types.
 *
 * A path like "State.Pid" walks nested objects; keys that hold a dot themselves
 * (annotations, labels) are looked up with json_object_get(). What a getter
 * returns lives as long as the root.
 */
#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JSONX_MAX = 16 << 20,	   /* bytes of one text */
	JSONX_VALUES_MAX = 400000, /* values in it: jansson needs up to 100 bytes for each */
};

/*
 * NULL on failure, with line and column in e. Duplicate keys are refused. A text over the limits
 * is refused before it is parsed.
 */
json_t *jsonx_parse(const char *text, size_t len, struct err *e) must_check;

static inline void jsonx_done(json_t **j)
{
	json_decref(*j);
}
#define own_json __attribute__((cleanup(jsonx_done)))

/* NULL when there is no such value. root may be NULL. */
json_t *jsonx_get(const json_t *root, const char *path);
/* The string up to its first NUL; NULL when absent or of another type. */
const char *jsonx_str(const json_t *root, const char *path);
/* The same, "" for none. */
const char *jsonx_text(const json_t *root, const char *path);
/* The string under one key that may hold dots; "" for none. */
const char *jsonx_text_key(const json_t *object, const char *key);
/* 0, -ENOENT (absent), -EINVAL (not a whole number, or negative). */
int jsonx_u64(const json_t *root, const char *path, uint64_t *ret);
/* false when absent. */
bool jsonx_bool(const json_t *root, const char *path);
