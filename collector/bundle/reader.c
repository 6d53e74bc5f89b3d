/* SPDX-License-Identifier: Apache-2.0 */
/* reader - goes through a bundle's frames and seals. */
#include "reader.h"

#include "inflow.h"
#include "io.h"
#include "sign.h"
#include "zframe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const reader_tail_names[TAIL_KINDS] = {
	[TAIL_NOTHING] = "nothing",
	[TAIL_FRAME] = "frames without a seal",
	[TAIL_SEAL] = "the beginning of a seal",
	[TAIL_ZEROS] = "zeros",
};

enum {
	WINDOW = ZFRAME_MAX + (1 << 20),
	SIG_LINE = (SEAL_SIG + 2) / 3 * 4 + 1, /* of a seal's payload */
	GO_ON = 0,
	DONE = 1, /* the input's end, judged */
};

struct reader {
	const struct reader_request *rq;
	struct reader_result *res;
	struct inflow in;
	struct hash *hash; /* of the open region's bytes */
	bool seekable;
	uint64_t file_base;	  /* where the bundle begins in a file */
	uint64_t region, content; /* of the open region: offset, tar bytes */
	uint8_t prev[HASH_LEN];
};

static int bad(struct reader *r, uint64_t offset, const char *why, struct err *e)
{
	r->res->has_bad = true;
	r->res->bad_offset = offset;
	return err_set(e, EBADMSG, "%s", why);
}

static int end_here(struct reader *r, enum reader_tail tail)
{
	r->res->tail = tail;
	return DONE;
}

static uint32_t little32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Of n bytes, do they begin the 4 of this magic number? */
static bool begins(const uint8_t *p, size_t n, uint32_t magic)
{
	for (size_t i = 0; i < n && i < 4; i++)
		if (p[i] != (uint8_t)(magic >> 8 * i))
			return false;
	return true;
}

/* What follows from 'from' on in the window makes no sense: zeros up to the end are what a
 * crash leaves, anything else is damage. */
static int senseless(struct reader *r, size_t from, const struct err *why, struct err *e)
{
	uint64_t offset = r->in.offset;
	bool zero;
	int rc;

	rc = inflow_rest_is_zero(&r->in, from, &zero, e);
	if (rc < 0)
		return rc;
	return zero ? end_here(r, TAIL_ZEROS) : bad(r, offset, why->text, e);
}

/* Who signed, and is it one run? */
static int check_signer(struct reader *r, const struct seal *s, const char *line, size_t len,
	const uint8_t sig[SEAL_SIG], struct err *e)
{
	char text[128], print[HASH_HEX];
	uint64_t at = r->in.offset;
	int rc;

	if (r->rq->trusted && memcmp(s->signer, r->rq->trusted, SEAL_KEY) != 0) {
		sign_fingerprint(s->signer, print);
		snprintf(text, sizeof(text), "signed by another key: %s", print);
		return bad(r, at, text, e);
	}
	if (r->res->seals && memcmp(s->signer, r->res->last.signer, SEAL_KEY) != 0)
		return bad(r, at, "a seal of another signer", e);
	rc = sign_verify(s->signer, line, len, sig, e);
	if (rc == -EBADMSG)
		return bad(r, at, "a seal whose signature does not fit", e);
	if (rc == 0 && r->res->seals && strcmp(s->run, r->res->last.run) != 0)
		return bad(r, at, "a seal of another run", e);
	return rc;
}

/* Is it the seal that must come here? */
static int check_place(struct reader *r, const struct seal *s, struct err *e)
{
	uint64_t at = r->in.offset;
	uint8_t digest[HASH_LEN];

	if (s->seq != r->res->seals || s->offset != r->region ||
		memcmp(s->prev, r->prev, HASH_LEN) != 0)
		return bad(r, at, "a seal out of its place", e);
	hash_peek(r->in.whole, digest);
	if (s->length != at - r->region || memcmp(s->sha256, digest, HASH_LEN) != 0)
		return bad(r, r->region, "the bytes are not those that were sealed", e);
	if (s->tar_offset != r->res->tar_bytes || s->tar_length != r->content)
		return bad(r, r->region, "another range of the tar than was sealed", e);
	if (!s->length && !s->final)
		return bad(r, at, "a seal over nothing", e);
	return 0;
}

static struct reader_region open_region(const struct reader *r)
{
	return (struct reader_region){
		.fd = r->seekable ? r->rq->fd : r->rq->spool_fd,
		.base = r->seekable ? r->file_base + r->region : 0,
		.offset = r->region,
		.length = r->in.offset - r->region,
		.content = r->content,
		.tar_offset = r->res->tar_bytes,
	};
}

static int take_region(struct reader *r, const struct seal *s, size_t n, struct err *e)
{
	struct reader_region region = open_region(r);
	int rc;

	hash_end(r->hash, region.sha256);
	region.seal = s;
	rc = r->rq->region(r->rq->arg, &region, e);
	if (rc < 0)
		return rc;
	hash_of(inflow_bytes(&r->in) + SEAL_HEAD, n, r->prev);
	inflow_take(&r->in, SEAL_HEAD + n);
	r->res->last = *s;
	r->res->final = s->final;
	r->res->seals++;
	r->res->tar_bytes += r->content;
	r->res->sealed_bytes = r->region = r->in.offset;
	r->content = 0;
	return GO_ON;
}

static int judge_seal(struct reader *r, size_t n, struct err *e)
{
	const char *payload = (const char *)inflow_bytes(&r->in) + SEAL_HEAD;
	uint8_t sig[SEAL_SIG];
	struct seal s;
	size_t len, zeros = 0;
	int rc;

	rc = seal_parse(payload, n, &s, sig, &len, e);
	if (rc == -EBADMSG) {
		struct err why = {.text = "a seal that is not in its form"};

		while (zeros < n && !payload[n - 1 - zeros])
			zeros++;
		return zeros ? senseless(r, SEAL_HEAD + n - zeros, &why, e)
			     : bad(r, r->in.offset, why.text, e);
	}
	if (rc == 0)
		rc = check_signer(r, &s, payload, len, sig, e);
	if (rc == 0)
		rc = check_place(r, &s, e);
	return rc < 0 ? rc : take_region(r, &s, n, e);
}

/* The input ends inside a seal: is it the beginning of a good one? A length that was altered
 * must not pass for a cut: where the line is whole, it says the length too. */
static int judge_cut_seal(struct reader *r, size_t n, struct err *e)
{
	static const char start[] = "{\"seal\":1,\"run\":\"";
	const char *p = (const char *)inflow_bytes(&r->in) + SEAL_HEAD, *newline;
	size_t have = inflow_have(&r->in) - SEAL_HEAD;
	size_t same = have < sizeof(start) - 1 ? have : sizeof(start) - 1;

	newline = memchr(p, '\n', have);
	if (memcmp(p, start, same) != 0 || (newline && (size_t)(newline - p) + 1 + SIG_LINE != n))
		return bad(r, r->in.offset, "a seal that is not in its form", e);
	return end_here(r, TAIL_SEAL);
}

static int step_seal(struct reader *r, struct err *e)
{
	struct err why = {.text = "a seal of another length"};
	uint32_t n;
	int rc;

	rc = inflow_fill(&r->in, SEAL_HEAD, e);
	if (rc < 0)
		return rc;
	if (inflow_have(&r->in) < SEAL_HEAD)
		return end_here(r, TAIL_SEAL);
	n = little32(inflow_bytes(&r->in) + 4);
	if (!n || n > SEAL_PAYLOAD_MAX)
		return senseless(r, 4, &why, e);
	rc = inflow_fill(&r->in, SEAL_HEAD + n, e);
	if (rc < 0)
		return rc;
	return inflow_have(&r->in) < SEAL_HEAD + n ? judge_cut_seal(r, n, e) : judge_seal(r, n, e);
}

/* Is this the seal that must come next, standing just at the place it names? */
static bool is_next_seal(struct reader *r, const uint8_t *p, size_t n, uint64_t offset)
{
	uint8_t sig[SEAL_SIG];
	struct seal s;
	size_t len, payload;

	if (n < SEAL_HEAD || (payload = little32(p + 4)) > n - SEAL_HEAD)
		return false;
	p += SEAL_HEAD;
	return seal_parse(p, payload, &s, sig, &len, NULL) == 0 && s.seq == r->res->seals &&
	       s.offset + s.length == offset && !memcmp(s.prev, r->prev, HASH_LEN) &&
	       sign_verify(s.signer, p, len, sig, NULL) == 0;
}

/*
 * One flipped bit in a block's size makes a frame swallow what follows it. That must not
 * look like a cut: if the next seal is in there, what stands before it was altered.
 */
static int check_swallowed(struct reader *r, size_t n, struct err *e)
{
	static const uint8_t magic[4] = {SEAL_MAGIC & 0xff, SEAL_MAGIC >> 8 & 0xff,
		SEAL_MAGIC >> 16 & 0xff, SEAL_MAGIC >> 24};
	const uint8_t *from = inflow_bytes(&r->in), *end = from + n;

	for (const uint8_t *p = from; (p = memmem(p, (size_t)(end - p), magic, 4)); p++)
		if (is_next_seal(r, p, (size_t)(end - p), r->in.offset + (size_t)(p - from)))
			return bad(r, r->in.offset, "a frame that was altered", e);
	return 0;
}

static int take_frame(struct reader *r, const struct zframe *f, struct err *e)
{
	int rc = check_swallowed(r, f->length, e);

	if (rc == 0 && !r->seekable)
		rc = io_pwrite(r->rq->spool_fd, inflow_bytes(&r->in), f->length,
			(off_t)(r->in.offset - r->region));
	if (rc < 0)
		return rc == -EBADMSG ? rc : err_set(e, -rc, "write a temporary file");
	hash_add(r->hash, inflow_bytes(&r->in), f->length);
	inflow_take(&r->in, f->length);
	r->content += f->content;
	return GO_ON;
}

static int step_frame(struct reader *r, struct err *e)
{
	struct zframe f = {0};
	size_t want = 1 << 16;
	int rc;

	do {
		rc = inflow_fill(&r->in, want, e);
		if (rc < 0)
			return rc;
		rc = zframe_walk(&f, inflow_bytes(&r->in), inflow_have(&r->in), e);
		want = inflow_have(&r->in) + (1 << 16);
		if (want > WINDOW)
			want = WINDOW;
	} while (rc == 0 && !r->in.eof);
	if (rc == 1)
		return take_frame(r, &f, e);
	if (rc < 0) {
		struct err why = *e;

		rc = check_swallowed(r, f.length, e);
		return rc < 0 ? rc : senseless(r, f.length, &why, e);
	}
	rc = check_swallowed(r, inflow_have(&r->in), e);
	return rc < 0 ? rc : end_here(r, TAIL_FRAME);
}

static int step(struct reader *r, struct err *e)
{
	struct err why = {.text = "neither a frame nor a seal"};
	const uint8_t *p;
	size_t n;
	int rc;

	rc = inflow_fill(&r->in, 4, e);
	if (rc < 0)
		return rc;
	p = inflow_bytes(&r->in);
	n = inflow_have(&r->in);
	if (!n)
		return end_here(r, r->in.offset > r->region ? TAIL_FRAME : TAIL_NOTHING);
	if (r->res->final)
		return bad(r, r->in.offset, "something behind the final seal", e);
	if (begins(p, n, SEAL_MAGIC))
		return step_seal(r, e);
	if (begins(p, n, ZFRAME_MAGIC))
		return step_frame(r, e);
	return senseless(r, 0, &why, e);
}

/* The whole frames that no seal covers. */
static int hand_over_tail(struct reader *r, uint64_t tail_end, struct err *e)
{
	struct reader_region region = open_region(r);

	region.length = tail_end - r->region;
	return region.length ? r->rq->region(r->rq->arg, &region, e) : 0;
}

static int run(struct reader *r, struct err *e)
{
	uint64_t whole = 0; /* end of the last whole frame or seal */
	int rc;

	do {
		whole = r->in.offset;
		rc = step(r, e);
	} while (rc == GO_ON);
	r->res->file_bytes = r->in.offset + inflow_have(&r->in);
	if (rc < 0)
		return rc;
	hash_add(r->in.whole, inflow_bytes(&r->in), inflow_have(&r->in));
	hash_end(r->in.whole, r->res->file_sha256);
	return hand_over_tail(r, whole, e);
}

int reader_run(const struct reader_request *rq, struct reader_result *ret, struct err *e)
{
	struct reader r = {.rq = rq, .res = ret};
	struct err own = ERR_INIT;
	off_t at = lseek(rq->fd, 0, SEEK_CUR);
	struct stat st;
	int rc;

	*ret = (struct reader_result){0};
	if (fstat(rq->fd, &st) < 0)
		return err_errno(e, "stat");
	r.seekable = at >= 0 && S_ISREG(st.st_mode);
	r.file_base = r.seekable ? (uint64_t)at : 0;
	r.hash = hash_new();
	rc = r.hash ? inflow_open(&r.in, rq->fd, WINDOW, &own) : err_set(&own, ENOMEM, "no memory");
	if (rc == 0)
		rc = run(&r, &own);
	inflow_done(&r.in);
	hash_free(r.hash);
	if (rc < 0 && e)
		*e = own;
	return rc;
}
