/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* memsign - what a responder looks for in memory, noticed while its bytes pass. */
#include "memtable.h"

enum memsign {
	MEMSIGN_EXEC,	 /* anonymous memory that may be executed */
	MEMSIGN_ELF,	 /* an ELF file in anonymous memory */
	MEMSIGN_PE,	 /* a Windows program there */
	MEMSIGN_DELETED, /* executable memory of a file that was deleted */
	MEMSIGN_TEXT,	 /* pages of a program that differ from its file */
	MEMSIGNS
};
extern const char *const memsign_names[MEMSIGNS]; /* for JSON: "executable_anonymous" */
extern const char *const memsign_words[MEMSIGNS]; /* for people */

/* Whether a page in which a program may hide begins like one; 'n' bytes of it are there. */
bool memsign_of_page(const void *page, size_t n, enum memsign *ret);
/* Whether pages of this mapping are looked at. */
bool memsign_looks(const struct mem_map *m);
/* What the mapping itself says. */
bool memsign_of_map(const struct mem_map *m, enum memsign *ret);
/* What it says that this run of it was dumped. */
bool memsign_of_run(const struct mem_map *m, const struct mem_run *r, enum memsign *ret);
