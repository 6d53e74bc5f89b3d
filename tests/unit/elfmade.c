/* SPDX-License-Identifier: Apache-2.0 */
/* elfmade - the smallest program file with notes and a .go.buildinfo section. */
#include "elfmade.h"
#include "buf.h"
#include "io.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char names[] = "\0.shstrtab\0.go.buildinfo";

static void note(struct buf *b, const char *owner, uint32_t type, const void *desc, uint32_t n)
{
	static const char zero[4];
	Elf64_Nhdr h = {(uint32_t)strlen(owner) + 1, n, type};

	buf_add(b, &h, sizeof(h));
	buf_add(b, owner, h.n_namesz);
	buf_add(b, zero, -h.n_namesz & 3);
	buf_add(b, desc, n);
	buf_add(b, zero, -n & 3);
}

static void varint(struct buf *b, size_t n)
{
	for (; n > 0x7f; n >>= 7)
		buf_addc(b, (char)(0x80 | n));
	buf_addc(b, (char)n);
}

/* Since Go 1.18 the strings follow the header; before, it has the addresses of theirs. */
static void go_info(struct buf *b, const struct elfmade *how)
{
	const uint64_t at = ELFMADE_BASE + b->len, version = strlen(how->go_version);
	const uint64_t modules = strlen(how->modules);
	const uint64_t heads[] = {at + 32, at + 48, at + 64, version, at + 64 + version, modules};

	buf_add(b, "\xff Go buildinf:", 14);
	buf_addc(b, 8);
	buf_addc(b, how->addresses ? 0 : 2);
	if (how->addresses) {
		buf_add(b, heads, sizeof(heads));
	} else {
		buf_fill(b, 0, 16);
		varint(b, version);
	}
	buf_adds(b, how->go_version);
	if (!how->addresses)
		varint(b, modules);
	buf_adds(b, how->modules);
}

int elfmade(const struct elfmade *how)
{
	own_buf struct buf b = BUF_INIT(1 << 20);
	Elf64_Ehdr head = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_phnum = 2,
		.e_phoff = sizeof(Elf64_Ehdr)};
	Elf64_Phdr segment[2] = {
		{.p_type = PT_LOAD, .p_vaddr = ELFMADE_BASE}, {.p_type = PT_NOTE, .p_align = 4}};
	Elf64_Shdr section[3] = {{0}, {.sh_name = 1}, {.sh_name = 11, .sh_type = SHT_PROGBITS}};
	int fd = memfd_create("elf", MFD_CLOEXEC);

	buf_fill(&b, 0, sizeof(head) + sizeof(segment));
	segment[1].p_offset = b.len;
	note(&b, "Go", 4, "first/second", 12);
	note(&b, "GNU", NT_GNU_BUILD_ID, "\x01\x02\x03\xff", 4);
	segment[1].p_filesz = b.len - segment[1].p_offset;
	section[1].sh_offset = b.len;
	section[1].sh_size = sizeof(names);
	buf_add(&b, names, sizeof(names));
	section[2].sh_offset = b.len;
	if (how->go_version)
		go_info(&b, how);
	section[2].sh_size = b.len - section[2].sh_offset;
	segment[0].p_filesz = b.len;
	head.e_shoff = b.len;
	head.e_shnum = how->go_version ? 3 : 2;
	head.e_shstrndx = 1;
	buf_add(&b, section, head.e_shnum * sizeof(section[0]));
	memcpy(b.data, &head, sizeof(head));
	memcpy(b.data + sizeof(head), segment, sizeof(segment));
	if (fd < 0 || io_write(fd, b.data, b.len) < 0)
		abort();
	return fd;
}
