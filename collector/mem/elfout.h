/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * elfout - bytes of an ELF file, in order, or only their number: the same code says how long
 * something gets and makes it. Errors stay until elfout_end().
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes n bytes; p NULL: zeros. */
typedef int (*elfout_fn)(void *arg, const void *p, uint64_t n, struct err *e);

struct elfout {
	elfout_fn to; /* NULL: only counted */
	void *arg;
	bool narrow; /* ELFCLASS32: a word has 4 bytes */
	uint64_t at; /* bytes so far */
	size_t used;
	int rc;
	struct err why;
	char block[16384];
};

void elfout_begin(struct elfout *o, elfout_fn to, void *arg, bool narrow);
void elfout_add(struct elfout *o, const void *p, size_t n);
void elfout_zeros(struct elfout *o, uint64_t n);
void elfout_u16(struct elfout *o, uint16_t v);
void elfout_u32(struct elfout *o, uint32_t v);
void elfout_u64(struct elfout *o, uint64_t v);
/* 4 or 8 bytes. */
void elfout_word(struct elfout *o, uint64_t v);
/* Zeros up to a multiple of 'to'. */
void elfout_align(struct elfout *o, uint64_t to);
/* Hands over what is held back. 0, or what went wrong first. */
int elfout_end(struct elfout *o, struct err *e) must_check;
