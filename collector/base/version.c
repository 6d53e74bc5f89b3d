/* SPDX-License-Identifier: Apache-2.0 */
/* version - which taphos this is. */
#include "version.h"
#include "text.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

static size_t align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* The notes of one segment: name size, description size, type, then both padded to 4. */
static bool find_note(const char *p, size_t n, char ret[VERSION_BUILD_ID])
{
	while (n >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)p;
		size_t desc = sizeof(*note) + align4(note->n_namesz);
		size_t next = desc + align4(note->n_descsz);

		if (next > n)
			return false;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz == 20 &&
			note->n_namesz == sizeof(ELF_NOTE_GNU) &&
			!memcmp(p + sizeof(*note), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU))) {
			own_buf struct buf hex = BUF_INIT(VERSION_BUILD_ID);

			text_hex(&hex, p + desc, note->n_descsz);
			snprintf(ret, VERSION_BUILD_ID, "%s", buf_str(&hex));
			return true;
		}
		p += next;
		n -= next;
	}
	return false;
}

/* The kernel tells where the program headers lie (getauxval(3)), and PT_PHDR how far they were
 * moved: this needs neither /proc nor our file. */
void version_build_id(char ret[VERSION_BUILD_ID])
{
	const ElfW(Phdr) *ph = (const void *)getauxval(AT_PHDR);
	size_t n = getauxval(AT_PHNUM);
	uintptr_t bias = 0;

	ret[0] = '\0';
	for (size_t i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			bias = (uintptr_t)ph - ph[i].p_vaddr;
	for (size_t i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_NOTE &&
			find_note((const char *)(bias + ph[i].p_vaddr), ph[i].p_memsz, ret))
			return;
}

const char *version_string(void)
{
	return VERSION;
}
