/* SPDX-License-Identifier: Apache-2.0 */
/* memsign - what a responder looks for in memory. */
#include "memsign.h"

#include <elf.h>
#include <string.h>

enum { PE_FIELD = 0x3c, PAGE = 4096 };

const char *const memsign_names[MEMSIGNS] = {
	[MEMSIGN_EXEC] = "executable_anonymous",
	[MEMSIGN_ELF] = "elf_in_anonymous",
	[MEMSIGN_PE] = "pe_in_anonymous",
	[MEMSIGN_DELETED] = "executable_deleted_file",
	[MEMSIGN_TEXT] = "text_differs_from_file",
};

const char *const memsign_words[MEMSIGNS] = {
	[MEMSIGN_EXEC] = "executable memory without a file",
	[MEMSIGN_ELF] = "an ELF file in memory without a file",
	[MEMSIGN_PE] = "a Windows program in memory",
	[MEMSIGN_DELETED] = "executable memory of a deleted file",
	[MEMSIGN_TEXT] = "program text that differs from its file",
};

static bool is_elf(const unsigned char *p, size_t n)
{
	const Elf64_Ehdr *h = (const void *)p;

	return n >= sizeof(*h) && !memcmp(p, ELFMAG, SELFMAG) && p[EI_CLASS] >= ELFCLASS32 &&
	       p[EI_CLASS] <= ELFCLASS64 && p[EI_DATA] >= ELFDATA2LSB &&
	       p[EI_DATA] <= ELFDATA2MSB && p[EI_VERSION] == EV_CURRENT;
}

static bool is_pe(const unsigned char *p, size_t n)
{
	uint32_t at;

	if (n < PE_FIELD + sizeof(at) || p[0] != 'M' || p[1] != 'Z')
		return false;
	memcpy(&at, p + PE_FIELD, sizeof(at));
	return at <= n - 4 && !memcmp(p + at, "PE\0\0", 4);
}

bool memsign_of_page(const void *page, size_t n, enum memsign *ret)
{
	if (is_elf(page, n))
		*ret = MEMSIGN_ELF;
	else if (is_pe(page, n))
		*ret = MEMSIGN_PE;
	else
		return false;
	return true;
}

/* The vdso is an ELF file, and everybody has it: MEM_SPECIAL. */
bool memsign_looks(const struct mem_map *m)
{
	return m->kind == MEM_ANON || m->kind == MEM_SHMEM;
}

bool memsign_of_map(const struct mem_map *m, enum memsign *ret)
{
	if (!(m->flags & MEM_X))
		return false;
	if (memsign_looks(m))
		*ret = MEMSIGN_EXEC;
	else if (m->kind == MEM_DELETED)
		*ret = MEMSIGN_DELETED;
	else
		return false;
	return true;
}

/* The page with the file's header is dumped in any case: the build id is in it. */
bool memsign_of_run(const struct mem_map *m, const struct mem_run *r, enum memsign *ret)
{
	uint64_t in_file = m->offset + (r->start - m->start);

	if (m->kind != MEM_PRIVATE || !(m->flags & MEM_X) || r->fate != MEM_DUMPED ||
		r->flags & MEM_OF_FILE)
		return false;
	*ret = MEMSIGN_TEXT;
	return in_file || r->end - r->start > PAGE;
}
