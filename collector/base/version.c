/* SPDX-License-Identifier: Apache-2.0 */
/* version - which taphos this is. */
#include "version.h"
#include "text.h"

#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

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

static int first_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_NOTE &&
			find_note((const char *)(info->dlpi_addr + ph->p_vaddr), ph->p_memsz, arg))
			break;
	}
	return 1;
}

/* libc knows how far the program was moved: a static-pie one has no PT_PHDR to tell it. The
 * first object is the program itself. */
void version_build_id(char ret[VERSION_BUILD_ID])
{
	ret[0] = '\0';
	(void)dl_iterate_phdr(first_object, ret);
}

const char *version_string(void)
{
	return VERSION;
}
