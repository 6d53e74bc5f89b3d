/* SPDX-License-Identifier: Apache-2.0 */
/* verify - what a bundle is worth. */
#include "verify.h"

#include "contents.h"
#include "io.h"
#include "own.h"
#include "zframe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

const char *const verify_verdict_names[VERIFY_VERDICTS] = {
	[VERIFY_SEALED] = "SEALED",
	[VERIFY_INTERRUPTED] = "INTERRUPTED",
	[VERIFY_NOTHING] = "NOTHING",
	[VERIFY_BAD] = "BAD",
};

struct verify {
	const struct verify_request *rq;
	struct reader_result reader;
	struct contents contents;
	bool contents_there;
	ZSTD_DCtx *zstd;
	uint8_t *packed, *plain; /* a frame before and after */
	struct hash *hash;	 /* of a region, read again */
	char run[64];
	uint8_t signer[SEAL_KEY];
	bool has_bad;
	uint64_t bad_offset;
};

static int bad(struct verify *v, uint64_t offset, const char *why, struct err *e)
{
	v->has_bad = true;
	v->bad_offset = offset;
	return err_set(e, EBADMSG, "%s", why);
}

/* Reads the frame at 'at' of a region into packed. */
static int load_frame(struct verify *v, const struct reader_region *r, uint64_t at,
	struct zframe *f, struct err *e)
{
	uint64_t left = r->length - at;
	size_t n = left < ZFRAME_MAX ? (size_t)left : ZFRAME_MAX;
	ssize_t got = io_pread(r->fd, v->packed, n, (off_t)(r->base + at));

	*f = (struct zframe){0};
	if (got < 0)
		return err_set(
			e, (int)-got, "read at byte %llu", (unsigned long long)(r->offset + at));
	/* it was walked before: a difference is the file's doing */
	if ((size_t)got < n || zframe_walk(f, v->packed, n, NULL) != 1)
		return bad(v, r->offset + at, "the file changes while it is read", e);
	return 0;
}

static int unpack_frame(struct verify *v, uint64_t offset, const struct zframe *f, struct err *e)
{
	size_t n = ZSTD_decompressDCtx(v->zstd, v->plain, ZFRAME_CONTENT, v->packed, f->length);

	if (ZSTD_isError(n) || n != f->content)
		return bad(v, offset, "a frame that does not decompress", e);
	return 0;
}

static int open_contents(struct verify *v, struct err *e)
{
	int rc = 0;

	if (!v->contents_there)
		rc = contents_open(&v->contents, v->rq, v->run, v->signer, e);
	v->contents_there = rc == 0;
	return rc;
}

/* The content of a run of frames, whose seal was good. */
static int take_sealed(struct verify *v, const struct reader_region *r, struct err *e)
{
	uint8_t digest[HASH_LEN];
	struct zframe f;
	int rc = 0;

	for (uint64_t at = 0; at < r->length; at += f.length) {
		rc = load_frame(v, r, at, &f, e);
		if (rc < 0)
			return rc;
		hash_add(v->hash, v->packed, f.length);
		rc = unpack_frame(v, r->offset + at, &f, e);
		if (rc == 0)
			rc = contents_feed(&v->contents, v->plain, f.content, e);
		if (rc == -EBADMSG && !v->has_bad) {
			v->has_bad = true;
			v->bad_offset = r->offset + at;
		}
		if (rc < 0)
			return rc;
	}
	hash_end(v->hash, digest);
	if (memcmp(digest, r->sha256, HASH_LEN) != 0)
		return bad(v, r->offset, "the file changes while it is read", e);
	return 0;
}

/* Frames behind the last seal: only the wanted member's bytes come out of them. */
static int take_unsealed(struct verify *v, const struct reader_region *r, struct err *e)
{
	struct zframe f;
	int rc = 0;

	v->contents.sealed = false;
	for (uint64_t at = 0; at < r->length && rc == 0; at += f.length) {
		rc = load_frame(v, r, at, &f, e);
		if (rc == 0)
			rc = unpack_frame(v, r->offset + at, &f, e);
		if (rc == 0)
			rc = contents_feed(&v->contents, v->plain, f.content, e);
	}
	v->has_bad = false;
	return rc == -EBADMSG ? 0 : rc;
}

/* No seal at all: is it the beginning of a bundle, or something else in zstd? */
static int look_at_first(struct verify *v, const struct reader_region *r, struct err *e)
{
	struct zframe f;
	int rc = load_frame(v, r, 0, &f, e);

	if (rc == 0)
		rc = unpack_frame(v, r->offset, &f, e);
	if (rc == 0 && !untar_looks_like_ours(v->plain, f.content))
		rc = bad(v, 0, "not a taphos bundle", e);
	return rc;
}

static int region(void *arg, const struct reader_region *r, struct err *e)
{
	struct verify *v = arg;
	int rc = 0;

	if (r->seal) {
		if (!v->contents_there) {
			memcpy(v->run, r->seal->run, sizeof(v->run));
			memcpy(v->signer, r->seal->signer, sizeof(v->signer));
		}
		rc = open_contents(v, e);
		return rc < 0 ? rc : take_sealed(v, r, e);
	}
	if (!v->contents_there)
		return look_at_first(v, r, e);
	return v->rq->want ? take_unsealed(v, r, e) : 0;
}

static void report_seals(const struct verify *v, struct verify_report *ret)
{
	const struct reader_result *r = &v->reader;

	ret->has_seal = r->seals > 0;
	ret->seals = r->seals;
	ret->sealed_bytes = r->sealed_bytes;
	ret->file_bytes = r->file_bytes;
	ret->tar_bytes = r->tar_bytes;
	ret->tail = r->tail;
	memcpy(ret->file_sha256, r->file_sha256, HASH_LEN);
	if (!r->seals)
		return;
	memcpy(ret->run, r->last.run, sizeof(ret->run));
	memcpy(ret->signer, r->last.signer, SEAL_KEY);
	ret->sealed = r->last.wall;
	ret->trusted = v->rq->trusted != NULL;
}

static void report_contents(const struct verify *v, struct verify_report *ret)
{
	const struct contents *c = &v->contents;
	const char *cut;

	if (!v->contents_there)
		return;
	ret->members = c->members;
	ret->member_bytes = c->member_bytes;
	ret->manifest = c->manifest.info;
	cut = untar_open(c->tar, &ret->cut_size, &ret->cut_done);
	if (cut)
		snprintf(ret->cut, sizeof(ret->cut), "%s", cut);
}

static void report_bad(const struct verify *v, struct verify_report *ret, const struct err *why)
{
	ret->verdict = VERIFY_BAD;
	ret->bad_has_offset = v->has_bad || v->reader.has_bad;
	ret->bad_offset = v->reader.has_bad ? v->reader.bad_offset : v->bad_offset;
	if (v->contents_there)
		memcpy(ret->bad_member, v->contents.bad_member, sizeof(ret->bad_member));
	memcpy(ret->reason, why->text, sizeof(ret->reason));
}

static int judge(struct verify *v, struct verify_report *ret, struct err *e)
{
	struct reader_request rq = {.fd = v->rq->fd,
		.spool_fd = v->rq->spool_fd,
		.trusted = v->rq->trusted,
		.region = region,
		.arg = v};
	struct err why = ERR_INIT;
	int rc;

	rc = reader_run(&rq, &v->reader, &why);
	report_seals(v, ret);
	report_contents(v, ret);
	if (rc == 0 && v->reader.final)
		rc = v->contents_there ? contents_finish(&v->contents, &why)
				       : err_set(&why, EBADMSG, "a bundle without content");
	if (rc == -EBADMSG) {
		report_bad(v, ret, &why);
		return 0;
	}
	if (rc < 0) {
		if (e)
			*e = why;
		return rc;
	}
	ret->verdict = v->reader.final	 ? VERIFY_SEALED
		       : v->reader.seals ? VERIFY_INTERRUPTED
					 : VERIFY_NOTHING;
	return 0;
}

int verify_run(const struct verify_request *rq, struct verify_report *ret, struct err *e)
{
	struct verify v = {.rq = rq};
	int rc;

	*ret = (struct verify_report){0};
	v.zstd = ZSTD_createDCtx();
	v.packed = malloc(ZFRAME_MAX);
	v.plain = malloc(ZFRAME_CONTENT);
	v.hash = hash_new();
	if (v.zstd && v.packed && v.plain && v.hash)
		rc = judge(&v, ret, e);
	else
		rc = err_set(e, ENOMEM, "no memory");
	if (v.contents_there)
		contents_done(&v.contents);
	ZSTD_freeDCtx(v.zstd);
	free(v.packed);
	free(v.plain);
	hash_free(v.hash);
	return rc;
}
