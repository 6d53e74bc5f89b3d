/* SPDX-License-Identifier: Apache-2.0 */
/* rows - a record as text. */
#include "rows.h"

#include "jsonw.h"
#include "layer.h"
#include "plan.h"
#include "rec.h"
#include "sink.h"
#include "text.h"
#include "xattrs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *type_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "unknown";
	}
}

static void json_time(struct jsonw *w, const char *key, const struct rec_time *t)
{
	if (t->known)
		jsonw_time(w, key, (struct timespec){.tv_sec = t->sec, .tv_nsec = t->nsec});
}

static void json_flag(struct jsonw *w, const char *key, bool is)
{
	if (is)
		jsonw_bool(w, key, true);
}

/* With the slash in front that the target sees. */
static void json_path(struct jsonw *w, const char *key, const char *path)
{
	char full[REC_PATH + 2];
	size_t n = strnlen(path, REC_PATH);

	full[0] = '/';
	memcpy(full + 1, path, n);
	jsonw_bytes(w, key, full, n + 1);
}

static void json_stat(struct jsonw *w, const struct rec *r)
{
	char text[32];

	jsonw_str(w, "type", type_of(r->mode));
	jsonw_str(w, "mode",
		(char[]){(char)('0' + (r->mode >> 9 & 7)), (char)('0' + (r->mode >> 6 & 7)),
			(char)('0' + (r->mode >> 3 & 7)), (char)('0' + (r->mode & 7)), '\0'});
	jsonw_u64(w, "uid", r->uid);
	jsonw_u64(w, "gid", r->gid);
	jsonw_u64(w, "size", r->size);
	json_time(w, "mtime", &r->mtime);
	json_time(w, "ctime", &r->ctime);
	json_time(w, "atime", &r->atime);
	json_time(w, "btime", &r->btime);
	jsonw_u64(w, "dev", r->dev);
	jsonw_u64(w, "ino", r->ino);
	jsonw_u64(w, "nlink", r->nlink);
	if (S_ISCHR(r->mode) || S_ISBLK(r->mode)) {
		snprintf(text, sizeof(text), "%u:%u", r->rdev_major, r->rdev_minor);
		jsonw_str(w, "rdev", text);
	}
	if (S_ISLNK(r->mode))
		jsonw_bytes(w, "target", rec_target(r), r->target_len);
}

static void json_xattrs(struct jsonw *w, const struct rec *r)
{
	struct xattr x;

	if (!r->xattr_len)
		return;
	jsonw_open_array(w, "xattrs");
	for (size_t at = 0; xattrs_next(rec_xattrs(r), r->xattr_len, &at, &x);) {
		own_buf struct buf b64 = BUF_INIT(2 * XATTRS_VALUE);

		text_base64(&b64, x.value, x.value_len);
		jsonw_open(w, NULL);
		jsonw_bytes(w, "name", x.name, x.name_len);
		jsonw_str(w, "value_b64", buf_str(&b64));
		jsonw_close(w);
	}
	jsonw_close_array(w);
}

static void json_digest(struct jsonw *w, const struct rec *r)
{
	if (r->flags & REC_HASHED)
		jsonw_hexbytes(w, "sha256", r->digest, HASH_LEN);
	else if (r->flags & REC_HASHED_DATA)
		jsonw_hexbytes(w, "sha256_of_extents", r->digest, HASH_LEN);
}

static void json_overlay(struct jsonw *w, const struct rec *r)
{
	json_flag(w, "opaque", r->flags & REC_OPAQUE);
	json_flag(w, "hidden_by_opaque", r->flags & REC_HIDDEN);
	json_flag(w, "redirect", r->flags & REC_REDIRECT);
	json_flag(w, "metacopy", r->flags & REC_METACOPY);
	json_flag(w, "time_set_back", r->flags & REC_SET_BACK);
	json_flag(w, "sparse", r->flags & REC_SPARSE);
	json_flag(w, "mount", r->flags & REC_MOUNT);
	json_flag(w, "xattrs_incomplete", r->flags & REC_XATTRS_CUT);
	if (r->flags & REC_ASIDE)
		jsonw_str(w, "stored", "aside");
	else if (plan_in_layer(r))
		jsonw_str(w, "stored", "layer");
}

static void json_gap(struct jsonw *w, const struct rec *r)
{
	if (!r->gap)
		return;
	jsonw_str(w, "gap", sink_gap_names[r->gap - 1]);
	jsonw_str(w, "why", rec_whys[r->why]);
	if (r->error)
		jsonw_i64(w, "errno", r->error);
}

void rows_json(struct buf *out, const struct rows_entry *x)
{
	const struct rec *r = x->rec;
	struct jsonw w = JSONW(out);

	jsonw_open(&w, NULL);
	if (r->path_len <= REC_PATH)
		json_path(&w, "path", x->path);
	else
		jsonw_bytes(&w, "name", rec_name(r), r->name_len);
	jsonw_u64(&w, "id", x->id);
	if (r->path_len > REC_PATH)
		jsonw_u64(&w, "parent", r->parent);
	jsonw_str(&w, "change", rec_changes[plan_change(r)]);
	if (!(r->flags & REC_BARE))
		json_stat(&w, r);
	if (x->link)
		json_path(&w, "link_to", x->link);
	json_digest(&w, x->first ? x->first : r);
	json_overlay(&w, r);
	json_xattrs(&w, r);
	json_gap(&w, r);
	jsonw_close(&w);
	(void)buf_addc(out, '\n');
}

/* As ls prints it. */
static void mode_text(uint32_t mode, char ret[11])
{
	static const char rwx[] = "rwxrwxrwx";

	for (int i = 0; i < 9; i++)
		ret[1 + i] = mode & 0400U >> i ? rwx[i] : '-';
	if (mode & S_ISUID)
		ret[3] = mode & S_IXUSR ? 's' : 'S';
	if (mode & S_ISGID)
		ret[6] = mode & S_IXGRP ? 's' : 'S';
	if (mode & S_ISVTX)
		ret[9] = mode & S_IXOTH ? 't' : 'T';
	ret[10] = '\0';
}

static char body_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	case S_IFSOCK:
		return 'h';
	default:
		return 'r';
	}
}

/* The separator may not be in a name. */
static void body_name(struct buf *out, const char *p, size_t n)
{
	size_t from = out->len;

	text_escape(out, p, n);
	for (size_t i = from; i < out->len; i++)
		if (out->data[i] == '|') { /* "\x7c" in its place: three more bytes */
			if (!buf_room(out, 3))
				return;
			memmove(out->data + i + 4, out->data + i + 1, out->len - i - 1);
			memcpy(out->data + i, "\\x7c", 4);
			out->len += 3;
		}
}

static uint64_t seconds(const struct rec_time *t)
{
	return t->known && t->sec > 0 ? (uint64_t)t->sec : 0;
}

void rows_body(struct buf *out, const struct rows_entry *x)
{
	const struct rec *r = x->rec;
	const uint64_t numbers[] = {r->uid, r->gid, r->size, seconds(&r->atime), seconds(&r->mtime),
		seconds(&r->ctime), seconds(&r->btime)};
	char mode[11];

	if (r->flags & (REC_BARE | REC_MOUNT))
		return;
	mode_text(r->mode, mode);
	mode[0] = body_type(r->mode);
	(void)buf_adds(out, "0|");
	body_name(out, x->job->bodyfile_prefix, strlen(x->job->bodyfile_prefix));
	(void)buf_addc(out, '/');
	if (r->path_len <= REC_PATH) {
		body_name(out, x->path, strlen(x->path));
	} else {
		(void)buf_addf(out, "...%llu/", (unsigned long long)r->parent);
		body_name(out, rec_name(r), r->name_len);
	}
	if (S_ISLNK(r->mode)) {
		(void)buf_adds(out, " -> ");
		body_name(out, rec_target(r), r->target_len);
	}
	(void)buf_adds(out, r->change == REC_DELETED ? " (deleted)|" : "|");
	(void)buf_addu(out, r->ino);
	(void)buf_add(out, (char[]){'|', mode[0], '/'}, 3);
	(void)buf_add(out, mode, sizeof(mode) - 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)buf_addc(out, '|');
		(void)buf_addu(out, numbers[i]);
	}
	(void)buf_addc(out, '\n');
}
