/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* output - the bundle's file: frames written in order, hashed on the way, and
 * the seals between them. Used by one thread. */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frames_opts;
struct frames_result;
struct output;

int output_open(const struct frames_opts *o, struct output **ret, struct err *e) must_check;
/* A frame of n bytes (0: none) that decompresses to tar_len bytes. */
int output_frame(struct output *o, const void *p, size_t n, size_t tar_len, struct err *e)
	must_check;
/* Flushes, then signs and writes the seal over the frames since the last one; none when there
 * are none, unless it is final. A final seal is flushed too. */
int output_seal(struct output *o, bool final, struct err *e) must_check;
void output_result(struct output *o, struct frames_result *ret);
void output_free(struct output *o);
