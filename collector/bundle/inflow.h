/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* inflow - a file or pipe read once from front to back, through a window in memory that
 * always begins at the next byte to be taken. */
#include "err.h"
#include "hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflow {
	int fd; /* borrowed */
	uint8_t *data;
	size_t size, start, end;
	uint64_t offset;    /* of the window's first byte */
	bool eof;	    /* nothing comes behind the window */
	struct hash *whole; /* of every byte taken so far */
};

/* size: the most that the window holds. */
int inflow_open(struct inflow *in, int fd, size_t size, struct err *e) must_check;
void inflow_done(struct inflow *in);

/* Reads until n bytes (at most the window's size) are there or the input ends. */
int inflow_fill(struct inflow *in, size_t n, struct err *e) must_check;
const uint8_t *inflow_bytes(const struct inflow *in);
size_t inflow_have(const struct inflow *in);
void inflow_take(struct inflow *in, size_t n);
/* Reads to the end. *ret: whether there is something from the window's byte 'from' on, and all of
 * it is zero. The window is lost. */
int inflow_rest_is_zero(struct inflow *in, size_t from, bool *ret, struct err *e) must_check;
