/* SPDX-License-Identifier: Apache-2.0 */
/* elffile - notes and sections of a program on disk. */
#include "elffile.h"
#include "io.h"
#include "own.h"

#include <stdbool.h>
#include <string.h>

int elffile_read(const struct elffile *f, uint64_t offset, void *p, size_t n)
{
	if (offset > INT64_MAX || io_pread(f->fd, p, n, (off_t)offset) != (ssize_t)n)
		return -EIO;
	return 0;
}

int elffile_open(int fd, struct elffile *ret, struct err *e)
{
	static const unsigned char wanted[] = {
		ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB};
	size_t bytes;

	ret->fd = fd;
	if (elffile_read(ret, 0, &ret->head, sizeof(ret->head)) < 0 ||
		memcmp(ret->head.e_ident, wanted, sizeof(wanted)) != 0)
		return err_set(e, ENOEXEC, "not a 64-bit little-endian ELF file");
	if (ret->head.e_phnum > ELFFILE_SEGMENTS || ret->head.e_shnum > ELFFILE_SECTIONS ||
		(ret->head.e_phnum && ret->head.e_phentsize != sizeof(Elf64_Phdr)) ||
		(ret->head.e_shnum && ret->head.e_shentsize != sizeof(Elf64_Shdr)))
		return err_set(e, ENOEXEC, "its ELF tables make no sense");
	ret->segments = ret->head.e_phnum;
	bytes = ret->segments * sizeof(ret->segment[0]);
	if (elffile_read(ret, ret->head.e_phoff, ret->segment, bytes) < 0)
		return err_set(e, ENOEXEC, "its ELF segment table cannot be read");
	return 0;
}

/* One segment of notes; lengths are of 32 bits, so that no sum here overflows. */
static int find_note(
	const char *p, size_t n, size_t align, const char *owner, uint32_t type, const char **ret)
{
	const size_t owner_len = strlen(owner) + 1;
	Elf64_Nhdr note;

	while (n >= sizeof(note)) {
		size_t desc, next;

		memcpy(&note, p, sizeof(note));
		desc = (sizeof(note) + note.n_namesz + align - 1) & ~(align - 1);
		next = (desc + note.n_descsz + align - 1) & ~(align - 1);
		if (desc > n || note.n_descsz > n - desc)
			return -ENOENT;
		*ret = p + desc;
		/* Go pads the owner's name with NULs and counts them. */
		if (note.n_type == type && note.n_namesz >= owner_len &&
			!memcmp(p + sizeof(note), owner, owner_len))
			return note.n_descsz > INT32_MAX ? -E2BIG : (int)note.n_descsz;
		if (next >= n)
			return -ENOENT;
		p += next;
		n -= next;
	}
	return -ENOENT;
}

int elffile_note(const struct elffile *f, const char *owner, uint32_t type, void *ret, size_t size)
{
	own_free char *notes = malloc(ELFFILE_NOTES);

	if (!notes)
		return -ENOMEM;
	for (unsigned i = 0; i < f->segments; i++) {
		const Elf64_Phdr *s = &f->segment[i];
		const char *found = NULL;
		int len;

		if (s->p_type != PT_NOTE || s->p_filesz > ELFFILE_NOTES ||
			elffile_read(f, s->p_offset, notes, s->p_filesz) < 0)
			continue;
		len = find_note(notes, s->p_filesz, s->p_align == 8 ? 8 : 4, owner, type, &found);
		if (len == -ENOENT)
			continue;
		if (len < 0 || (size_t)len > size)
			return -E2BIG;
		memcpy(ret, found, (size_t)len);
		return len;
	}
	return -ENOENT;
}

static bool is_named(const Elf64_Shdr *s, const char *names, size_t len, const char *name)
{
	size_t want = strlen(name) + 1;

	return s->sh_name < len && len - s->sh_name >= want &&
	       !memcmp(names + s->sh_name, name, want);
}

int elffile_section(
	const struct elffile *f, const char *name, uint64_t *ret_offset, uint64_t *ret_size)
{
	const size_t count = f->head.e_shnum, which = f->head.e_shstrndx;
	own_free Elf64_Shdr *table = calloc(count + 1, sizeof(*table));
	own_free char *names = malloc(ELFFILE_NAMES);

	if (!table || !names)
		return -ENOMEM;
	if (which >= count || elffile_read(f, f->head.e_shoff, table, count * sizeof(*table)) < 0 ||
		table[which].sh_size > ELFFILE_NAMES ||
		elffile_read(f, table[which].sh_offset, names, table[which].sh_size) < 0)
		return -ENOENT;
	for (size_t i = 0; i < count; i++) {
		if (table[i].sh_type == SHT_NOBITS ||
			!is_named(&table[i], names, table[which].sh_size, name))
			continue;
		*ret_offset = table[i].sh_offset;
		*ret_size = table[i].sh_size;
		return 0;
	}
	return -ENOENT;
}

int elffile_offset(const struct elffile *f, uint64_t address, uint64_t n, uint64_t *ret)
{
	for (unsigned i = 0; i < f->segments; i++) {
		const Elf64_Phdr *s = &f->segment[i];

		if (s->p_type != PT_LOAD || address < s->p_vaddr ||
			address - s->p_vaddr > s->p_filesz ||
			n > s->p_filesz - (address - s->p_vaddr) ||
			s->p_offset > INT64_MAX - s->p_filesz)
			continue;
		*ret = s->p_offset + (address - s->p_vaddr);
		return 0;
	}
	return -ENOENT;
}
