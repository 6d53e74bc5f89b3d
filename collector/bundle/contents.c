/* SPDX-License-Identifier: Apache-2.0 */
/* contents - checks the members of a bundle against each other. */
#include "contents.h"

#include "io.h"
#include "lines.h"
#include "own.h"
#include "roster.h"
#include "sign.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, PEM_MAX = 160 };

/* The members that must be there, in their order; the others come between the first two. */
enum kind { BEGIN, MANIFEST, SUMS, SUMS_SIG, SIGNER, KINDS, OTHER = KINDS };

static const char *const kind_names[KINDS] = {
	[BEGIN] = "begin.json",
	[MANIFEST] = "manifest.json",
	[SUMS] = "SHA256SUMS",
	[SUMS_SIG] = "SHA256SUMS.sig",
	[SIGNER] = "signer.pem",
};

static int bad(struct contents *c, const char *member, const char *why, struct err *e)
{
	snprintf(c->bad_member, sizeof(c->bad_member), "%s", member);
	return err_set(e, EBADMSG, "%s", why);
}

/* The stage after this kind of member, or bad when it may not come now. */
static int advance(struct contents *c, enum kind kind, struct err *e)
{
	if (kind == OTHER && c->stage == MANIFEST)
		return 0;
	if (kind == c->stage) {
		c->stage++;
		return 0;
	}
	return bad(c, c->member.name, "a member out of its place", e);
}

static int begin_member(void *arg, const char *name, uint64_t size, struct err *e)
{
	struct contents *c = arg;
	unsigned kind = 0;

	snprintf(c->member.name, sizeof(c->member.name), "%s", name);
	c->member.size = size;
	c->wanted = c->rq->want && !strcmp(c->rq->want, name);
	buf_clear(&c->text);
	while (kind < KINDS && strcmp(kind_names[kind], name) != 0)
		kind++;
	c->kind = kind;
	if (!c->sealed)
		return 0;
	if (kind == MANIFEST) {
		manifest_done(&c->manifest);
		manifest_begin(&c->manifest);
	}
	return advance(c, kind, e);
}

static int member_data(void *arg, const void *p, size_t n, struct err *e)
{
	struct contents *c = arg;
	int rc = 0;

	if (c->wanted && c->rq->ops->bytes)
		rc = c->rq->ops->bytes(c->rq->arg, p, n, c->sealed, e);
	if (rc < 0 || !c->sealed)
		return rc;
	hash_add(c->hash, p, n);
	switch (c->kind) {
	case OTHER:
		return 0;
	case MANIFEST:
		rc = manifest_feed(&c->manifest, p, n, e);
		return rc < 0 ? rc : 0;
	case SUMS:
		rc = io_pwrite(c->rq->sums_fd, p, n, (off_t)c->sums_len);
		c->sums_len += n;
		return rc < 0 ? err_set(e, -rc, "write a temporary file") : 0;
	default:
		if (buf_add(&c->text, p, n) < 0)
			return bad(c, c->member.name, "larger than it can be", e);
		return 0;
	}
}

static bool says(const json_t *j, const char *key, const char *want)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s && !strcmp(s, want);
}

static int end_begin(struct contents *c, struct err *e)
{
	own_buf struct buf hex = BUF_INIT(2 * SEAL_KEY);
	json_t *j = json_loadb(
		buf_str(&c->text), c->text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	bool fits;

	text_hex(&hex, c->signer, SEAL_KEY);
	fits = j && says(j, "format", "taphos/1") && says(j, "run_id", c->run) &&
	       says(json_object_get(j, "signer"), "public_key", buf_str(&hex));
	json_decref(j);
	if (!fits)
		return bad(c, c->member.name, "not of this run and signer", e);
	c->begin_size = c->member.size;
	if (!c->rq->ops->begin)
		return 0;
	return c->rq->ops->begin(c->rq->arg, buf_str(&c->text), c->text.len, e);
}

static int end_manifest(struct contents *c, struct err *e)
{
	uint64_t left_out = roster_unlisted(c->roster), bytes = c->member_bytes;
	int rc = manifest_end(&c->manifest, e);

	if (rc < 0)
		return rc;
	if (!roster_is_listed(c->roster, kind_names[BEGIN])) {
		left_out--;
		bytes -= c->begin_size;
	}
	if (left_out)
		return bad(c, c->member.name, "members are there that it does not list", e);
	if (bytes != c->manifest.info.artifact_bytes)
		return bad(c, c->member.name, "the sizes it lists are not those of the members", e);
	roster_untick(c->roster);
	return 0;
}

/* The first line that does not fit; when each of them does, some member has none. */
static int find_wrong_sum(struct contents *c, struct err *e)
{
	own_free struct lines *l = malloc(sizeof(*l));
	uint8_t digest[HASH_LEN];
	char *line;

	if (!l)
		return err_set(e, ENOMEM, "no memory");
	if (ftruncate(c->rq->sums_fd, (off_t)c->sums_len) < 0 ||
		lseek(c->rq->sums_fd, 0, SEEK_SET) < 0)
		return err_errno(e, "read a temporary file");
	lines_begin(l, c->rq->sums_fd);
	while ((line = lines_next(l))) {
		enum { NAME = 2 * HASH_LEN + 2 };

		if (strlen(line) <= NAME || memcmp(line + NAME - 2, "  ", 2) != 0)
			return bad(c, c->member.name, "a line that is none of sha256sum", e);
		line[NAME - 2] = '\0';
		if (text_unhex(line, digest, HASH_LEN) < 0)
			return bad(c, c->member.name, "a line that is none of sha256sum", e);
		switch (roster_tick(c->roster, line + NAME, digest)) {
		case ROSTER_SAME:
			break;
		case ROSTER_OTHER:
			return bad(c, line + NAME, "another SHA-256 than in SHA256SUMS", e);
		case ROSTER_MISSING:
			return bad(c, line + NAME, "listed in SHA256SUMS and not there", e);
		case ROSTER_TWICE:
			return bad(c, line + NAME, "listed twice in SHA256SUMS", e);
		}
	}
	if (roster_unlisted(c->roster))
		return bad(c, c->member.name, "members are there that it does not list", e);
	return bad(c, c->member.name, "not in its form: lines in another order, or more", e);
}

static int end_sums(struct contents *c, struct err *e)
{
	uint8_t want[HASH_LEN];

	hash_end(c->sums, want);
	if (!memcmp(want, c->member.sha256, HASH_LEN))
		return 0;
	return find_wrong_sum(c, e);
}

static int end_sig(struct contents *c, struct err *e)
{
	void *sums = c->sums_len
			     ? mmap(NULL, c->sums_len, PROT_READ, MAP_PRIVATE, c->rq->sums_fd, 0)
			     : NULL;
	int rc;

	if (sums == MAP_FAILED)
		return err_errno(e, "map SHA256SUMS");
	if (c->text.len != SEAL_SIG)
		rc = bad(c, c->member.name, "not 64 bytes", e);
	else
		rc = sign_verify(c->signer, sums, c->sums_len, (const uint8_t *)c->text.data, e);
	if (sums)
		(void)munmap(sums, c->sums_len);
	return rc;
}

static int end_signer(struct contents *c, struct err *e)
{
	char pem[PEM_MAX];
	int rc = sign_public_pem(c->signer, pem, sizeof(pem), e);

	if (rc < 0)
		return rc;
	if (strlen(pem) != c->text.len || memcmp(pem, buf_str(&c->text), c->text.len) != 0)
		return bad(c, c->member.name, "another key than that of the seals", e);
	return 0;
}

/* Its line of SHA256SUMS, for the members that have one. */
static int list_member(struct contents *c, struct err *e)
{
	char line[2 * HASH_LEN + 2 + VERIFY_NAME + 2], hex[HASH_HEX];
	int n;

	if (c->kind == SUMS || c->kind == SUMS_SIG || c->kind == SIGNER)
		return 0;
	hash_hex(c->member.sha256, hex);
	n = snprintf(line, sizeof(line), "%s  %s\n", hex, c->member.name);
	hash_add(c->sums, line, (size_t)n);
	return roster_add(c->roster, c->member.name, c->member.sha256, e);
}

static int check_member(struct contents *c, struct err *e)
{
	switch (c->kind) {
	case BEGIN:
		return end_begin(c, e);
	case MANIFEST:
		return end_manifest(c, e);
	case SUMS:
		return end_sums(c, e);
	case SUMS_SIG:
		return end_sig(c, e);
	case SIGNER:
		return end_signer(c, e);
	default:
		return 0;
	}
}

static int end_member(void *arg, struct err *e)
{
	struct contents *c = arg;
	int rc;

	if (!c->sealed)
		return 0;
	hash_end(c->hash, c->member.sha256);
	rc = check_member(c, e);
	if (rc == 0)
		rc = list_member(c, e);
	if (rc == -EEXIST)
		return bad(c, c->member.name, "a second member of this name", e);
	if (rc == -E2BIG)
		return bad(c, c->member.name, "more members than a bundle may have", e);
	if (rc < 0)
		return rc;
	c->members++;
	c->member_bytes += c->member.size;
	if (c->rq->ops->member)
		rc = c->rq->ops->member(c->rq->arg, &c->member, e);
	c->member.name[0] = '\0';
	return rc;
}

int contents_open(struct contents *c, const struct verify_request *rq, const char *run,
	const uint8_t *signer, struct err *e)
{
	static const struct untar_ops ops = {begin_member, member_data, end_member};
	char folder[96];

	snprintf(folder, sizeof(folder), "taphos-%s", run);
	*c = (struct contents){
		.rq = rq, .run = run, .signer = signer, .text = BUF_INIT(TEXT_MAX), .sealed = true};
	c->tar = untar_new(folder, &ops, c);
	c->roster = roster_new();
	c->hash = hash_new();
	c->sums = hash_new();
	c->manifest.run = run;
	c->manifest.roster = c->roster;
	c->manifest.finding = rq->ops->finding;
	c->manifest.gap = rq->ops->gap;
	c->manifest.dumper = rq->ops->dumper;
	c->manifest.arg = rq->arg;
	if (c->tar && c->roster && c->hash && c->sums)
		return 0;
	contents_done(c);
	return err_set(e, ENOMEM, "no memory");
}

void contents_done(struct contents *c)
{
	untar_free(c->tar);
	roster_free(c->roster);
	hash_free(c->hash);
	hash_free(c->sums);
	manifest_done(&c->manifest);
	buf_done(&c->text);
	*c = (struct contents){0};
}

int contents_feed(struct contents *c, const void *p, size_t n, struct err *e)
{
	int rc = untar_feed(c->tar, p, n, e);

	if (rc == -EBADMSG && c->manifest.member[0])
		memcpy(c->bad_member, c->manifest.member, sizeof(c->bad_member));
	if (rc == -EBADMSG && !c->bad_member[0])
		memcpy(c->bad_member, c->member.name, sizeof(c->bad_member));
	return rc;
}

int contents_finish(struct contents *c, struct err *e)
{
	if (c->stage < KINDS)
		return bad(c, kind_names[c->stage], "missing", e);
	if (!untar_ended(c->tar))
		return bad(c, "", "the tar has no end", e);
	return 0;
}
