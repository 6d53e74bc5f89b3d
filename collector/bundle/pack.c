/* SPDX-License-Identifier: Apache-2.0 */
/* pack - the bundle's tar. */
#include "pack.h"
#include "frames.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pack {
	struct archive *tar;
	struct frames *frames;
	struct hash *hash; /* of the data being added; headers and padding are not */
	char folder[128];
	struct err failure; /* of frames, seen through libarchive's callback */
};

static la_ssize_t forward(struct archive *a, void *arg, const void *data, size_t n)
{
	struct pack *p = arg;
	int rc = frames_add(p->frames, data, n, p->hash, &p->failure);

	if (rc < 0) {
		archive_set_error(a, -rc, "output");
		return -1;
	}
	return (la_ssize_t)n;
}

static int fail(struct pack *p, struct err *e)
{
	int code = archive_errno(p->tar);

	if (p->failure.code) {
		if (e)
			*e = p->failure;
		return -p->failure.code;
	}
	return err_set(e, code > 0 ? code : EIO, "libarchive: %s", archive_error_string(p->tar));
}

int pack_open(struct frames *f, const char *folder, struct pack **ret, struct err *e)
{
	struct pack *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(e, ENOMEM, "no memory");
	p->frames = f;
	snprintf(p->folder, sizeof(p->folder), "%s", folder);
	p->tar = archive_write_new();
	/* Our names are ASCII and libarchive is built without iconv (scripts/deps). */
	if (!p->tar || archive_write_set_format_pax_restricted(p->tar) != ARCHIVE_OK ||
		archive_write_set_bytes_per_block(p->tar, 0) != ARCHIVE_OK ||
		archive_write_open(p->tar, p, NULL, forward, NULL) != ARCHIVE_OK) {
		pack_free(p);
		return err_set(e, ENOMEM, "libarchive does not start");
	}
	*ret = p;
	return 0;
}

int pack_begin(struct pack *p, const char *member, uint64_t size, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	char path[512];
	int rc;

	if (!entry)
		return err_set(e, ENOMEM, "no memory");
	snprintf(path, sizeof(path), "%s/%s", p->folder, member);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_mtime(entry, time(NULL), 0);
	rc = archive_write_header(p->tar, entry);
	archive_entry_free(entry);
	return rc == ARCHIVE_OK ? 0 : fail(p, e);
}

int pack_add(struct pack *p, const void *data, size_t n, struct hash *hash, struct err *e)
{
	la_ssize_t done;

	p->hash = hash;
	done = archive_write_data(p->tar, data, n); /* unblocked: straight to forward() */
	p->hash = NULL;
	return done == (la_ssize_t)n ? 0 : fail(p, e);
}

int pack_end(struct pack *p, struct err *e)
{
	return archive_write_finish_entry(p->tar) == ARCHIVE_OK ? 0 : fail(p, e);
}

int pack_finish(struct pack *p, struct err *e)
{
	return archive_write_close(p->tar) == ARCHIVE_OK ? 0 : fail(p, e);
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	if (p->tar) {
		archive_write_fail(p->tar); /* never writes its trailer by being freed */
		archive_write_free(p->tar);
	}
	free(p);
}
