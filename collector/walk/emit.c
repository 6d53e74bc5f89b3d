/* SPDX-License-Identifier: Apache-2.0 */
/* emit - the second pass: members from the spool. */
#include "emit.h"

#include "content.h"
#include "dumper.h"
#include "feed.h"
#include "io.h"
#include "notable.h"
#include "own.h"
#include "pax.h"
#include "plan.h"
#include "rows.h"
#include "rowtext.h"
#include "sink.h"
#include "still.h"
#include "walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	GAPS_EACH = 500, /* of one kind by name; the rest is in the rows */
	FINDINGS = 20,
	RECORDS_ALIVE = 4096,
};

/* Bits of spool_head.members: what is complete, and one of what was begun. */
enum {
	DONE_TAR = 1,
	DONE_ASIDE = 2,
	DONE_HASH = 4,
	DONE_TOLD = 8,
	DONE_ROWS = 16,
	DONE_BODY = 32,
	BEGUN_STILL = 64,
	DONE_STILL = 128,
};

struct emit {
	const struct layer_job *job;
	struct spool *spool;
	struct sink *sink;
	struct content content;
	struct feed feed;
	struct buf head; /* of an archive's entry */
	uint64_t tail;	 /* of the spool's file: the texts are behind the records */
	struct rowtext rows, bodyfile;
	char dir[REC_PATH + 1], path[REC_PATH + 1], link[REC_PATH + 1];
	struct spool_rec first; /* of the file that the record is a link to */
	bool linked;
	uint64_t at; /* of the record */
	uint64_t item;
	unsigned findings, records;
	uint64_t gaps[GAP_KINDS];
};

/*
 * Calls each for all names in their order, with x->path and x->link of it. Stops at
 * the first value that is not 0.
 */
static int each_record(struct emit *x,
	int (*each)(struct emit *x, struct rec *r, void *arg, struct err *e), void *arg,
	struct err *e)
{
	uint64_t next = SPOOL_ROOT;
	struct rec *r;
	int rc = 0;

	while (rc == 0) {
		if (x->records++ % RECORDS_ALIVE == 0) /* many passes send nothing */
			sink_item(x->sink, x->item);
		x->at = next;
		rc = spool_next(x->spool, &next, &r, e);
		if (rc < 0 || !r)
			return rc;
		if (r->flags & REC_BLOCK) {
			rec_enter(x->dir, r->path_len, rec_name(r), r->name_len);
			continue;
		}
		(void)rec_path(x->dir, r, x->path);
		x->linked = r->link_to;
		if (r->link_to) {
			rc = spool_get(x->spool, r->link_to, &x->first, e);
			if (rc == 0)
				rc = spool_path(x->spool, r->link_to, x->link, e);
		}
		if (rc == 0)
			rc = each(x, r, arg, e);
	}
	return rc;
}

/* Is this the member that an abandoned worker left open? Then the writer has that much. */
static bool left_open(const struct emit *x, const char *member, uint64_t *ret_done)
{
	const struct dumper_resume *resume = x->job->resume;

	*ret_done = 0;
	if (!resume || !resume->again || strcmp(resume->member, member))
		return false;
	*ret_done = resume->member_done;
	return true;
}

static int begin(struct emit *x, const char *member, uint64_t size, struct err *e)
{
	uint64_t done;
	int rc = 0;

	if (!left_open(x, member, &done))
		rc = sink_begin(x->sink, member, size, e);
	x->feed = FEED(x->sink, done);
	return rc;
}

static int end(struct emit *x, unsigned bit, struct err *e)
{
	int rc = feed_flush(&x->feed, e);

	if (rc == 0)
		rc = sink_end(x->sink, e);
	if (rc == 0)
		x->spool->head->members |= bit;
	return rc;
}

/* Somebody made a change look like none. */
static int set_back(struct emit *x, struct rec *r, struct err *e)
{
	r->flags |= REC_SET_BACK;
	r->change = REC_MODIFIED;
	if (x->findings++ >= FINDINGS)
		return 0;
	if (sink_finding(x->sink,
		    "/%.900s: other content than in the image, with its size and time",
		    x->path) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* Reads one file; what came of it goes into its record. f: NULL to hash only. */
static int read_file(struct emit *x, struct rec *r, struct feed *f, struct err *e)
{
	int rc;

	x->spool->head->at = x->at;
	x->content.item = ++x->item;
	sink_item(x->sink, x->item);
	rc = content_read(&x->content, r, f, e);
	if (rc == 0 && content_is_set_back(&x->content, r))
		rc = set_back(x, r, e);
	x->spool->head->at = 0;
	return rc < 0 ? rc : spool_patch(x->spool, x->at, 0, r, sizeof(*r), e);
}

/* The line of the record in x. */
static int add_line(struct emit *x, struct rec *r, void *arg, struct err *e)
{
	struct rows_entry row = {x->job, r, x->at, x->path, x->linked ? x->link : NULL,
		x->linked ? &x->first.rec : NULL};

	return rowtext_add(arg, x->spool, &row, e);
}

struct archive {
	unsigned flag; /* REC_LAYER or REC_ASIDE */
	uint64_t size, entries;
	bool asides; /* some content belongs to the other one */
};

static bool belongs(const struct archive *a, const struct rec *r)
{
	return a->flag == REC_LAYER ? plan_in_layer(r) : r->flags & REC_ASIDE;
}

static int measure(struct emit *x, struct rec *r, void *arg, struct err *e)
{
	struct archive *a = arg;

	(void)x;
	(void)e;
	a->asides |= !!(r->flags & REC_ASIDE);
	if (!belongs(a, r))
		return 0;
	a->entries++;
	a->size += r->head_len;
	if (r->flags & REC_READ)
		a->size += r->data + pax_padding(r->data);
	return 0;
}

static int send_entry(struct emit *x, struct rec *r, void *arg, struct err *e)
{
	uint64_t data = r->flags & REC_READ ? r->data + pax_padding(r->data) : 0;
	int rc;

	if (!belongs(arg, r))
		return 0;
	if (x->feed.skip >= r->head_len + data) { /* the writer has it */
		x->feed.skip -= r->head_len + data;
		return 0;
	}
	buf_clear(&x->head);
	rc = plan_headers(x->job, r, x->path, x->linked ? x->link : NULL, x->at, &x->head, e);
	if (rc == 0 && x->head.len != r->head_len)
		rc = err_set(e, EPROTO, "headers of %zu bytes where %u were planned", x->head.len,
			r->head_len);
	if (rc == 0)
		rc = feed_write(&x->feed, x->head.data, x->head.len, e);
	if (rc < 0 || !(r->flags & REC_READ))
		return rc;
	rc = read_file(x, r, &x->feed, e);
	return rc < 0 ? rc : feed_zeros(&x->feed, pax_padding(r->data), e);
}

/* A record that has been sent changes no more: its lines are made while the writer is busy. */
static int send_with_lines(struct emit *x, struct rec *r, void *arg, struct err *e)
{
	int rc = send_entry(x, r, arg, e);

	if (rc == 0)
		rc = add_line(x, r, &x->rows, e);
	if (rc == 0 && x->job->bodyfile)
		rc = add_line(x, r, &x->bodyfile, e);
	return rc;
}

/* With their lines, unless some content is read later or was read by the worker before. */
static int send_entries(struct emit *x, struct archive *a, struct err *e)
{
	int rc;

	if (a->asides || (x->job->resume && x->job->resume->again))
		return each_record(x, send_entry, a, e);
	rowtext_begin(&x->rows);
	rowtext_begin(&x->bodyfile);
	rc = each_record(x, send_with_lines, a, e);
	if (rc == 0)
		rc = rowtext_end(&x->rows, x->spool, e);
	return rc < 0 ? rc : rowtext_end(&x->bodyfile, x->spool, e);
}

static int archive(struct emit *x, const char *member, unsigned flag, unsigned bit, struct err *e)
{
	struct archive a = {.flag = flag};
	int rc = 0;

	if (!member || (x->spool->head->members & bit))
		return 0;
	rc = each_record(x, measure, &a, e);
	if (rc < 0 || (flag == REC_ASIDE && !a.entries))
		return rc;
	rc = begin(x, member, a.size + 2 * PAX_BLOCK, e);
	if (rc == 0)
		rc = send_entries(x, &a, e);
	if (rc == 0)
		rc = feed_zeros(&x->feed, 2 * PAX_BLOCK, e);
	return rc < 0 ? rc : end(x, bit, e);
}

static int hash_entry(struct emit *x, struct rec *r, void *arg, struct err *e)
{
	(void)arg;
	if (!(r->flags & REC_READ) || (r->flags & (REC_HASHED | REC_HASHED_DATA)))
		return 0;
	return read_file(x, r, NULL, e);
}

static int send_gap(struct emit *x, struct rec *r, struct err *e)
{
	struct err why = ERR_INIT;
	int kind = r->gap - 1;
	int rc;

	if (!r->gap || x->gaps[kind]++ >= GAPS_EACH)
		return 0;
	(void)err_set(&why, r->error, "%s%s%s", rec_whys[r->why], r->error ? ": " : "",
		r->error ? strerror(r->error) : "");
	if (r->path_len > REC_PATH)
		rc = sink_gapf(x->sink, (enum gap_kind)kind, x->job->rows, &why, "row %llu",
			(unsigned long long)x->at);
	else {
		x->link[0] = '/';
		memcpy(x->link + 1, x->path, r->path_len);
		rc = sink_gap(
			x->sink, (enum gap_kind)kind, x->job->rows, x->link, r->path_len + 1, &why);
	}
	return rc < 0 ? err_set(e, -rc, "the writer is gone") : 0;
}

static int tell_record(struct emit *x, struct rec *r, void *arg, struct err *e)
{
	int rc = send_gap(x, r, e);

	return rc < 0 ? rc : notable_add(arg, r, x->path, e);
}

/* What the rows hold that must not be overlooked: losses, and what stands out. */
static int tell(struct emit *x, struct err *e)
{
	struct notable notable;
	int rc;

	notable_begin(&notable, x->job, x->sink);
	rc = each_record(x, tell_record, &notable, e);
	if (rc == 0)
		rc = notable_end(&notable, e);
	notable_done(&notable);
	for (int i = 0; i < GAP_KINDS && rc == 0; i++)
		if (x->gaps[i] > GAPS_EACH)
			rc = sink_gapf(x->sink, (enum gap_kind)i, x->job->rows, NULL,
				"%llu more names, each with its row",
				(unsigned long long)(x->gaps[i] - GAPS_EACH));
	if (rc == 0)
		x->spool->head->members |= DONE_TOLD;
	return rc;
}

static int make_text(struct emit *x, struct rowtext *t, struct err *e)
{
	int rc;

	rowtext_begin(t);
	rc = each_record(x, add_line, t, e);
	return rc < 0 ? rc : rowtext_end(t, x->spool, e);
}

static int text(struct emit *x, const char *member, struct rowtext *t, unsigned bit, struct err *e)
{
	uint64_t done;
	int rc = 0;

	if (!member || (x->spool->head->members & bit))
		return 0;
	if (!t->whole)
		rc = make_text(x, t, e);
	if (rc == 0)
		rc = begin(x, member, t->size, e);
	done = x->feed.skip;
	x->feed.skip = 0;
	if (rc == 0)
		rc = rowtext_send(t, x->spool, &x->feed, done, e);
	return rc < 0 ? rc : end(x, bit, e);
}

/* The file that the worker before this one was stuck in is not read again. */
static int give_up_stalled(struct emit *x, struct err *e)
{
	struct spool_head *h = x->spool->head;
	struct spool_rec r;
	int rc;

	if (!h->at || !x->job->resume || !x->job->resume->again)
		return 0;
	rc = spool_get(x->spool, h->at, &r, e);
	r.rec.gap = 0;
	r.rec.flags &= ~(unsigned)(REC_HASHED | REC_HASHED_DATA); /* it may have come so far */
	rec_gap(&r.rec, GAP_STALLED, WHY_STALLED, 0);
	return rc < 0 ? rc : spool_patch(x->spool, h->at, 0, &r.rec, sizeof(r.rec), e);
}

/* A worker that was stuck in it says so instead of trying again. */
static int check_still(struct emit *x, struct err *e)
{
	struct spool_head *h = x->spool->head;
	struct spool_rec root;
	int rc;

	if (h->members & DONE_STILL)
		return 0;
	if (!(h->members & BEGUN_STILL)) {
		h->members |= BEGUN_STILL;
		rc = still_check(x->spool, &x->content.cur, x->sink, x->item, e);
	} else {
		rc = spool_get(x->spool, SPOOL_ROOT, &root, e);
		rec_gap(&root.rec, GAP_STALLED, WHY_STALLED, 0);
		if (rc == 0)
			rc = spool_patch(x->spool, SPOOL_ROOT, 0, &root.rec, sizeof(root.rec), e);
	}
	if (rc == 0)
		h->members |= DONE_STILL;
	return rc;
}

static int members(struct emit *x, struct err *e)
{
	const struct layer_job *job = x->job;
	uint32_t done = x->spool->head->members;
	int rc = give_up_stalled(x, e);

	if (rc == 0)
		rc = check_still(x, e);
	if (rc == 0 && job->content == LAYER_FILES)
		rc = archive(x, job->tar, REC_LAYER, DONE_TAR, e);
	if (rc == 0 && job->content == LAYER_FILES)
		rc = archive(x, job->aside, REC_ASIDE, DONE_ASIDE, e);
	if (rc == 0 && job->content == LAYER_HASHES && !(done & DONE_HASH))
		rc = each_record(x, hash_entry, NULL, e);
	x->spool->head->at = 0; /* nothing of the target is read from here on */
	if (rc == 0)
		x->spool->head->members |= DONE_HASH;
	if (rc == 0 && !(done & DONE_TOLD))
		rc = tell(x, e);
	if (rc == 0)
		rc = text(x, job->rows, &x->rows, DONE_ROWS, e);
	if (rc == 0)
		rc = text(x, job->bodyfile, &x->bodyfile, DONE_BODY, e);
	return rc;
}

int emit_all(const struct layer_job *job, struct spool *s, struct sink *out, struct err *e)
{
	own_free struct emit *x = calloc(1, sizeof(*x));
	int rc;

	if (!x)
		return err_set(e, ENOMEM, "no memory");
	x->job = job;
	x->spool = s;
	x->tail = s->end;
	x->sink = out;
	x->item = job->number << WALK_ITEM_JOB | WALK_ITEM_EMIT;
	x->head = BUF_INIT(PAX_HEAD_MAX);
	x->rows = ROWTEXT(rows_json, &x->tail);
	x->bodyfile = ROWTEXT(rows_body, &x->tail);
	rc = content_init(&x->content, job, s, out, e);
	if (rc == 0)
		rc = members(x, e);
	content_done(&x->content);
	buf_done(&x->head);
	rowtext_done(&x->rows);
	rowtext_done(&x->bodyfile);
	return rc;
}
