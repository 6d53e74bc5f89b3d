/* SPDX-License-Identifier: Apache-2.0 */
/* xattrs - extended attributes of one name. */
#include "xattrs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

/* Packed: this, the name with its NUL, the value. */
struct head {
	uint32_t name_len, value_len;
};

/* A list of more than 64 KiB cannot be had: then at least those that mean something. */
static const char important[] = "security.capability\0"
				"security.selinux\0"
				"security.ima\0"
				"system.posix_acl_access\0"
				"system.posix_acl_default\0"
				"trusted.overlay.opaque\0"
				"trusted.overlay.whiteout\0"
				"trusted.overlay.redirect\0"
				"trusted.overlay.metacopy\0"
				"user.overlay.opaque\0"
				"user.overlay.whiteout\0"
				"user.overlay.redirect\0"
				"user.overlay.metacopy\0"
				"user.fuseoverlayfs.opaque\0"
				"user.containers.override_stat\0";

static ssize_t list(const char *path, char *to, size_t size, bool *ret_cut)
{
	ssize_t n = llistxattr(path, to, size);

	if (n >= 0 || errno != E2BIG)
		return n;
	*ret_cut = true;
	memcpy(to, important, sizeof(important) - 1);
	return sizeof(important) - 1;
}

/* False: it did not fit or is gone. */
static bool add_one(const char *path, const char *name, struct buf *out)
{
	struct head h = {.name_len = (uint32_t)strlen(name)};
	size_t start = out->len;
	size_t room = out->max - start;
	size_t before = sizeof(h) + h.name_len + 1;
	ssize_t n = -1;
	char *to;

	if (room > before)
		n = lgetxattr(path, name, NULL, 0);
	if (n < 0 || n > XATTRS_VALUE || before + (size_t)n > room)
		return false;
	to = buf_room(out, before + (size_t)n);
	if (!to)
		return false;
	n = lgetxattr(path, name, to + before, (size_t)n);
	if (n < 0)
		return false;
	h.value_len = (uint32_t)n;
	memcpy(to, &h, sizeof(h));
	memcpy(to + sizeof(h), name, h.name_len + 1);
	out->len += before + (size_t)n;
	return true;
}

int xattrs_read(const char *name, struct buf *out, bool *ret_cut)
{
	static char names[XATTRS_LIST];
	const char *path = *name ? name : ".";
	ssize_t n;

	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	n = list(path, names, sizeof(names), ret_cut);
	if (n < 0 && (errno == ENOTSUP || errno == ENOSYS))
		return 0;
	if (n < 0)
		return -errno;
	for (const char *at = names; at < names + n; at += strlen(at) + 1)
		if (!add_one(path, at, out))
			*ret_cut = true;
	return 0;
}

bool xattrs_next(const char *packed, size_t len, size_t *at, struct xattr *ret)
{
	struct head h;

	if (len - *at < sizeof(h))
		return false;
	memcpy(&h, packed + *at, sizeof(h));
	*at += sizeof(h);
	ret->name = packed + *at;
	ret->name_len = h.name_len;
	ret->value = ret->name + h.name_len + 1;
	ret->value_len = h.value_len;
	*at += h.name_len + 1 + h.value_len;
	return true;
}

bool xattrs_find(const char *packed, size_t len, const char *name, struct xattr *ret)
{
	for (size_t at = 0; xattrs_next(packed, len, &at, ret);)
		if (!strcmp(ret->name, name))
			return true;
	return false;
}
