/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goinfo - how a Go program was built. The layout is that of Go's debug/buildinfo: 32 bytes of
 * header, then since Go 1.18 two strings with their lengths before them; before that
 * the header has the addresses of two string headers.
 */
#include "goinfo.h"
#include "elffile.h"
#include "own.h"
#include "procfs.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	HEADER = 32,
	POINTER_SIZE = 14, /* where these are in the header */
	FLAGS = 15,
	FLAG_BIG_ENDIAN = 1,
	FLAG_INLINE = 2,
	GUARD = 16, /* bytes before and behind the text */
	VARINT = 10,
};

static const char magic[] = "\xff Go buildinf:";

struct place {
	uint64_t offset, len;
};

/* A length of 7 bits a byte, then so many bytes. Advances *at behind them. */
static int inline_string(const struct elffile *f, uint64_t *at, struct place *ret)
{
	uint64_t len = 0;

	for (unsigned i = 0; i < VARINT; i++) {
		unsigned char b;

		if (elffile_read(f, *at + i, &b, 1) < 0)
			return -EIO;
		len |= (uint64_t)(b & 0x7f) << 7 * i;
		if (b & 0x80)
			continue;
		if (len > GOINFO_BYTES)
			return -E2BIG;
		*ret = (struct place){*at + i + 1, len};
		*at = ret->offset + len;
		return 0;
	}
	return -EINVAL;
}

/* The address of a string's header, which is an address and a length. */
static int string_at(const struct elffile *f, uint64_t address, struct place *ret)
{
	uint64_t head[2], offset;

	if (elffile_offset(f, address, sizeof(head), &offset) < 0 ||
		elffile_read(f, offset, head, sizeof(head)) < 0)
		return -EINVAL;
	if (head[1] > GOINFO_BYTES)
		return -E2BIG;
	ret->len = head[1];
	return head[1] ? elffile_offset(f, head[0], head[1], &ret->offset) : 0;
}

static int find_strings(
	const struct elffile *f, uint64_t at, struct place *version, struct place *modules)
{
	unsigned char header[HEADER];
	uint64_t address[2];
	int rc;

	if (elffile_read(f, at, header, sizeof(header)) < 0 ||
		memcmp(header, magic, sizeof(magic) - 1) != 0)
		return -EINVAL;
	if (header[FLAGS] & FLAG_INLINE) {
		at += HEADER;
		rc = inline_string(f, &at, version);
		return rc < 0 ? rc : inline_string(f, &at, modules);
	}
	if (header[FLAGS] & FLAG_BIG_ENDIAN || header[POINTER_SIZE] != sizeof(address[0]))
		return -EINVAL;
	memcpy(address, header + HEADER / 2, sizeof(address));
	rc = string_at(f, address[0], version);
	return rc < 0 ? rc : string_at(f, address[1], modules);
}

static void keep(char *ret, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n < size && !ret[0])
		memcpy(ret, text, n + 1);
}

/* What is behind a prefix, NULL when the text does not start with it. */
static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* "path\tP", "mod\tMODULE\tVERSION\tSUM", "build\tKEY=VALUE": one a line. */
static void parse_line(char *line, struct goinfo *ret)
{
	const char *rest, *value;

	if ((rest = after(line, "path\t"))) {
		keep(ret->path, sizeof(ret->path), rest);
	} else if (after(line, "mod\t")) {
		char *module = line + strlen("mod\t"), *version = strchr(module, '\t');

		if (version) {
			*version++ = '\0';
			version[strcspn(version, "\t")] = '\0';
			keep(ret->module_version, sizeof(ret->module_version), version);
		}
		keep(ret->module, sizeof(ret->module), module);
	} else if ((rest = after(line, "build\t"))) {
		if ((value = after(rest, "vcs.revision=")))
			keep(ret->revision, sizeof(ret->revision), value);
		else if ((value = after(rest, "vcs.time=")))
			keep(ret->time, sizeof(ret->time), value);
		else if ((value = after(rest, "vcs.modified=")))
			keep(ret->modified, sizeof(ret->modified), value);
	}
}

static int read_modules(const struct elffile *f, struct place p, struct goinfo *ret)
{
	own_free char *text = malloc(p.len + 1);
	char *at = text, *line;

	if (p.len <= 2 * GUARD)
		return 0; /* not built from modules */
	if (!text)
		return -ENOMEM;
	if (elffile_read(f, p.offset + GUARD, text, p.len - 2 * GUARD) < 0)
		return -EIO;
	text[p.len - 2 * GUARD] = '\0';
	while ((line = procfs_next_line(&at)))
		parse_line(line, ret);
	return 0;
}

static int read_version(const struct elffile *f, struct place p, struct goinfo *ret)
{
	char text[sizeof(ret->version)];

	if (p.len >= sizeof(text))
		return -E2BIG;
	if (elffile_read(f, p.offset, text, p.len) < 0)
		return -EIO;
	text[p.len] = '\0';
	keep(ret->version, sizeof(ret->version), text);
	return 0;
}

int goinfo_read(const struct elffile *f, struct goinfo *ret, struct err *e)
{
	struct place version = {0}, modules = {0};
	struct goinfo found = {0};
	uint64_t at, size;
	int rc = elffile_section(f, ".go.buildinfo", &at, &size);

	if (rc < 0)
		return err_set(e, -rc, "no Go build information");
	rc = find_strings(f, at, &version, &modules);
	if (rc == 0)
		rc = read_version(f, version, &found);
	if (rc == 0)
		rc = read_modules(f, modules, &found);
	if (rc < 0)
		return err_set(e, -rc, "its Go build information makes no sense");
	*ret = found;
	return 0;
}
