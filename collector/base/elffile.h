/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * elffile - notes and sections of a program on disk (elf(5)), by reads at offsets: a file
 * of any size costs a few pages, and one that is cut meanwhile an error. 64-bit
 * little-endian files only.
 */
#include "err.h"

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELFFILE_SEGMENTS = 64,
	ELFFILE_SECTIONS = 1024,
	ELFFILE_NAMES = 64 << 10, /* bytes of section names */
	ELFFILE_NOTES = 64 << 10, /* bytes of one segment of notes */
};

struct elffile {
	int fd; /* borrowed */
	Elf64_Ehdr head;
	unsigned segments;
	Elf64_Phdr segment[ELFFILE_SEGMENTS];
};

/* -ENOEXEC: not such a file. */
int elffile_open(int fd, struct elffile *ret, struct err *e) must_check;
/* Exactly n bytes, or -EIO. */
int elffile_read(const struct elffile *f, uint64_t offset, void *p, size_t n) must_check;
/* The description of the first note of that owner and type, at most size bytes: its length.
 * -ENOENT: none; -E2BIG: longer. */
int elffile_note(const struct elffile *f, const char *owner, uint32_t type, void *ret, size_t size)
	must_check;
/* Where a section's bytes are in the file. -ENOENT: none of that name, or no section table. */
int elffile_section(const struct elffile *f, const char *name, uint64_t *ret_offset,
	uint64_t *ret_size) must_check;
/* Where n bytes are in the file that will be mapped at an address. -ENOENT. */
int elffile_offset(const struct elffile *f, uint64_t address, uint64_t n, uint64_t *ret) must_check;
