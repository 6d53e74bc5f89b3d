/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* text - bytes made presentable: UTF-8 checks, base64, hex, times, sizes, and
 * the one escaper that every human-readable line passes. */
#include "buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Length of the valid UTF-8 sequence at p (1 to 4), 0 when there is none.
 * Overlong forms, surrogates and values over U+10FFFF are not valid. */
size_t text_utf8_len(const void *p, size_t n);
bool text_is_utf8(const void *p, size_t n);

void text_base64(struct buf *out, const void *p, size_t n);
void text_hex(struct buf *out, const void *p, size_t n);
/* 0, or -EINVAL unless s is exactly 2*n hexadecimal digits. */
int text_unhex(const char *s, void *ret, size_t n);
/* 0, or -EINVAL unless the len characters are exactly the padded base64 of n bytes. */
int text_unbase64(const char *s, size_t len, void *ret, size_t n);

/* RFC 3339 UTC with nanoseconds. Years outside 0000 to 9999 become "@SECONDS.NNNNNNNNN". */
void text_time(struct buf *out, struct timespec t);
#define TEXT_TIME_MIN (-62167219200LL) /* 0000-01-01 */
#define TEXT_TIME_MAX 253402300799LL   /* 9999-12-31T23:59:59 */
/* Exactly what text_time writes for the years 0000 to 9999. -EINVAL. */
int text_parse_time(const char *s, struct timespec *ret);
/* "1.4 GiB", for people. */
void text_size(struct buf *out, uint64_t bytes);

/*
 * Escapes for a terminal or a log line: C0, DEL, C1, backslash, invalid UTF-8,
 * bidirectional and zero-width controls become \n, \t, \\ or \xNN. Reversible.
 */
void text_escape(struct buf *out, const void *p, size_t n);

/*
 * Numbers from configuration and command line, nothing from the target.
 * "20G" (binary units: K M G T, also KiB ...) to bytes; "15m", "10s", "500ms", "2h" to
 * nanoseconds. -EINVAL for anything else, overflow included.
 */
int text_parse_size(const char *s, uint64_t *ret);
int text_parse_duration(const char *s, uint64_t *ret_ns);
/* Decimal, digits only, at most max. -EINVAL / -ERANGE. */
int text_parse_u64(const char *s, uint64_t max, uint64_t *ret);
