/* SPDX-License-Identifier: Apache-2.0 */
/* rec - words for what is in a record. */
#include "rec.h"

#include <string.h>

const char *const rec_changes[REC_CHANGES] = {
	[REC_ADDED] = "added",
	[REC_MODIFIED] = "modified",
	[REC_DELETED] = "deleted",
	[REC_UNCHANGED] = "unchanged",
	[REC_PRESENT] = "present",
};

const char *const rec_whys[WHYS] = {
	[WHY_ERRNO] = "the kernel refused",
	[WHY_STALLED] = "did not answer",
	[WHY_OTHER_FILE] = "the name leads to another file now",
	[WHY_CHANGED] = "changed while it was collected",
	[WHY_DIR_CHANGED] = "names came or went while the tree was listed: some may be missing",
	[WHY_SHRUNK] = "shrank while it was read: zeros at its end",
	[WHY_SOCKET] = "a socket",
	[WHY_MOUNT] = "another mount lies here: what it covers was not seen",
	[WHY_DEEP] = "too many directories below each other",
	[WHY_MAX_FILE] = "larger than max_file",
	[WHY_MAX_TOTAL] = "no room left (max_total, --max-size, --deadline)",
	[WHY_MAX_ENTRIES] = "more than max_entries names",
	[WHY_LATE] = "no time left: the rest of it is for others",
	[WHY_XATTRS] = "more or larger attributes than are kept",
	[WHY_EXTENTS] = "more extents than are kept: what follows is missing",
	[WHY_EXCLUDED] = "left out by the profile",
	[WHY_REDIRECT] =
		"renamed directory: its other content is in a lower layer under the old name",
	[WHY_METACOPY] = "its content in the lower layers was not found",
	[WHY_LEASE] = "a lease or lock keeps it from being opened",
	[WHY_NAME] = "a name that overlayfs cannot have",
};

struct rec_extent rec_extent_at(const struct rec *r, uint32_t i)
{
	struct rec_extent x;

	memcpy(&x, rec_xattrs(r) + r->xattr_len + i * sizeof(x), sizeof(x));
	return x;
}

void rec_enter(char *dir, uint32_t path_len, const char *name, size_t name_len)
{
	size_t at = path_len - name_len;

	if (path_len > REC_PATH)
		return;
	if (at)
		dir[at - 1] = '/';
	memcpy(dir + at, name, name_len);
	dir[path_len] = '\0';
}

bool rec_path(const char *dir, const struct rec *r, char *ret)
{
	size_t at = r->path_len - r->name_len;

	*ret = '\0';
	if (r->path_len > REC_PATH)
		return false;
	if (at) {
		memcpy(ret, dir, at - 1);
		ret[at - 1] = '/';
	}
	memcpy(ret + at, rec_name(r), r->name_len);
	ret[r->path_len] = '\0';
	return true;
}

void rec_gap(struct rec *r, int gap_kind, enum rec_why why, int error)
{
	if (r->gap)
		return;
	r->gap = (uint8_t)(gap_kind + 1);
	r->why = why;
	r->error = error;
}
