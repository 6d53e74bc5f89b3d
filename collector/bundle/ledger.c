/* SPDX-License-Identifier: Apache-2.0 */
/* ledger - what is in the bundle and what is not. */
#include "ledger.h"
#include "buf.h"
#include "io.h"
#include "jsonw.h"
#include "names.h"
#include "own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING = 1 << 18, ROW_MAX = 1 << 16, HEAD_MAX = 4 << 20 };

int ledger_open(struct ledger *r, const int fd[LEDGER_LISTS], struct err *e)
{
	*r = (struct ledger){.row = calloc(LEDGER_ROWS, sizeof(*r->row))};
	if (!r->row)
		return err_set(e, ENOMEM, "no memory");
	for (int i = 0; i < LEDGER_LISTS; i++) {
		r->fd[i] = fd[i];
		r->pending[i] = calloc(1, sizeof(struct buf));
		if (!r->pending[i]) {
			ledger_done(r);
			return err_set(e, ENOMEM, "no memory");
		}
		*r->pending[i] = BUF_INIT(PENDING + ROW_MAX);
	}
	return 0;
}

void ledger_done(struct ledger *r)
{
	for (int i = 0; i < LEDGER_LISTS; i++) {
		if (r->pending[i])
			buf_done(r->pending[i]);
		free(r->pending[i]);
		r->pending[i] = NULL;
	}
	free(r->row);
	r->row = NULL;
	r->rows = 0;
}

struct ledger_dumper *ledger_row(struct ledger *r, const char *dumper)
{
	struct ledger_dumper *d;

	for (size_t i = 0; i < r->rows; i++)
		if (!strcmp(r->row[i].name, dumper) && !strcmp(r->row[i].folder, r->folder))
			return &r->row[i];
	d = &r->row[r->rows < LEDGER_ROWS ? r->rows++ : LEDGER_ROWS - 1];
	d->name = dumper;
	memcpy(d->folder, r->folder, sizeof(d->folder));
	return d;
}

int ledger_enter(struct ledger *r, const char *folder, struct err *e)
{
	size_t len = strlen(folder);
	char bare[LEDGER_FOLDER];

	if (len >= sizeof(r->folder))
		return err_set(e, ENAMETOOLONG, "the folder's name is too long");
	memcpy(bare, folder, len + 1);
	bare[len ? len - 1 : 0] = '\0';
	if (len && (folder[len - 1] != '/' || !names_is_safe(bare)))
		return err_set(e, EINVAL, "not a safe folder");
	memcpy(r->folder, folder, len + 1);
	return 0;
}

/* Rows of a bundle with one target have no such field. */
static void add_folder(struct jsonw *w, const char *folder)
{
	size_t len = strlen(folder);

	if (len)
		jsonw_bytes(w, "folder", folder, len - 1);
}

static void flush_list(struct ledger *r, enum ledger_list list)
{
	struct buf *b = r->pending[list];
	int rc;

	if (buf_check(b, &r->failure) < 0)
		return;
	rc = io_pwrite(r->fd[list], b->data, b->len, (off_t)r->bytes[list]);
	if (rc < 0)
		(void)err_set(&r->failure, -rc, "write the manifest's spool: %s", strerror(-rc));
	r->bytes[list] += b->len;
	buf_clear(b);
}

/* Rows of the manifest's arrays: one a line, a comma after the line before. */
static struct jsonw start_row(struct ledger *r, enum ledger_list list)
{
	if (r->pending[list]->len > PENDING)
		flush_list(r, list);
	if (r->bytes[list] + r->pending[list]->len)
		buf_adds(r->pending[list], ",\n");
	return JSONW(r->pending[list]);
}

void ledger_sum(struct ledger *r, const char *member, const uint8_t sha256[HASH_LEN])
{
	char hex[HASH_HEX];

	if (r->pending[LEDGER_SUMS]->len > PENDING)
		flush_list(r, LEDGER_SUMS);
	hash_hex(sha256, hex);
	buf_addf(r->pending[LEDGER_SUMS], "%s  %s\n", hex, member);
}

void ledger_artifact(struct ledger *r, const struct ledger_artifact *a)
{
	struct jsonw w = start_row(r, LEDGER_ARTIFACTS);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "name", a->name);
	jsonw_str(&w, "dumper", a->dumper);
	jsonw_u64(&w, "size", a->size);
	jsonw_hexbytes(&w, "sha256", a->sha256, HASH_LEN);
	jsonw_str(&w, "status", a->partial ? "partial" : "ok");
	jsonw_time(&w, "started", a->started);
	jsonw_time(&w, "ended", a->ended);
	jsonw_close(&w);
	ledger_sum(r, a->name, a->sha256);
	r->artifacts++;
	r->member_bytes += a->size;
}

void ledger_gap(struct ledger *r, const struct ledger_gap *g)
{
	struct timespec now;
	struct jsonw w;

	r->gaps += sink_gap_is_loss(g->kind);
	if (++r->gap_count[g->kind] > LEDGER_GAPS_MAX)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	w = start_row(r, LEDGER_GAPS);
	jsonw_open(&w, NULL);
	jsonw_str(&w, "kind", sink_gap_names[g->kind]);
	jsonw_str(&w, "dumper", g->dumper);
	add_folder(&w, r->folder);
	jsonw_str(&w, "member", g->member);
	jsonw_bytes(&w, "where", g->where, g->where_len);
	jsonw_i64(&w, "errno", g->code);
	jsonw_str(&w, "reason", g->why);
	jsonw_time(&w, "time", now);
	jsonw_close(&w);
}

void ledger_finding(struct ledger *r, const char *dumper, const char *text, size_t len)
{
	struct jsonw w;

	if (++r->findings > LEDGER_FINDINGS_MAX)
		return;
	w = start_row(r, LEDGER_FINDINGS);
	jsonw_open(&w, NULL);
	jsonw_str(&w, "dumper", dumper);
	add_folder(&w, r->folder);
	jsonw_bytes(&w, "text", text, len);
	jsonw_close(&w);
}

int ledger_flush(struct ledger *r, struct err *e)
{
	for (int i = 0; i < LEDGER_LISTS; i++)
		flush_list(r, (enum ledger_list)i);
	if (r->failure.code && e)
		*e = r->failure;
	return -r->failure.code;
}

static bool some_dumper_fell_short(const struct ledger *r)
{
	for (size_t i = 0; i < r->rows; i++)
		if (strcmp(r->row[i].status, "ok") != 0 && strcmp(r->row[i].status, "skipped") != 0)
			return true;
	return false;
}

const char *ledger_verdict(const struct ledger *r, const char *reason)
{
	if (*reason)
		return "interrupted";
	return r->gaps || some_dumper_fell_short(r) ? "partial" : "complete";
}

static struct timespec from_ns(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / 1000000000ULL), (long)(ns % 1000000000ULL)};
}

static void dumper_row(struct jsonw *w, const struct ledger_dumper *d)
{
	jsonw_open(w, NULL);
	jsonw_str(w, "name", d->name);
	add_folder(w, d->folder);
	jsonw_str(w, "status", d->status);
	jsonw_str(w, "reason", d->reason);
	jsonw_time(w, "started", from_ns(d->started_ns));
	jsonw_time(w, "ended", from_ns(d->ended_ns));
	jsonw_u64(w, "artifacts", d->artifacts);
	jsonw_u64(w, "bytes", d->bytes);
	jsonw_u64(w, "gaps", d->gaps);
	jsonw_close(w);
}

static void head(const struct ledger *r, const char *fields, const char *reason, struct buf *b)
{
	struct jsonw w = JSONW(b);

	buf_adds(b, "{\"format\":\"taphos/1\",\n\"verdict\":\"");
	buf_adds(b, ledger_verdict(r, reason));
	buf_adds(b, "\",\n\"reason\":");
	jsonw_str(&w, NULL, reason);
	buf_adds(b, ",\n");
	buf_adds(b, fields);
	buf_adds(b, ",\n\"dumpers\":[\n");
	for (size_t i = 0; i < r->rows; i++) {
		if (i)
			buf_adds(b, ",\n");
		w = JSONW(b);
		dumper_row(&w, &r->row[i]);
	}
	buf_adds(b, "],\n\"artifacts\":[\n");
}

static void gap_counts(const struct ledger *r, struct buf *b)
{
	struct jsonw w = JSONW(b);
	uint64_t unlisted = 0;

	buf_adds(b, "],\n\"gap_counts\":");
	jsonw_open(&w, NULL);
	for (int k = 0; k < GAP_KINDS; k++) {
		if (r->gap_count[k])
			jsonw_u64(&w, sink_gap_names[k], r->gap_count[k]);
		if (r->gap_count[k] > LEDGER_GAPS_MAX)
			unlisted += r->gap_count[k] - LEDGER_GAPS_MAX;
	}
	jsonw_close(&w);
	buf_addf(b, ",\n\"gaps_not_listed\":%llu", (unsigned long long)unlisted);
	unlisted = r->findings > LEDGER_FINDINGS_MAX ? r->findings - LEDGER_FINDINGS_MAX : 0;
	buf_addf(b, ",\n\"findings_not_listed\":%llu", (unsigned long long)unlisted);
	buf_adds(b, ",\n\"findings\":[\n");
}

static int put_list(const struct ledger *r, enum ledger_list list,
	int (*put)(const void *p, size_t n, void *arg, struct err *e), void *arg, struct err *e)
{
	char block[16384];

	for (uint64_t off = 0; off < r->bytes[list];) {
		ssize_t n = io_pread(r->fd[list], block, sizeof(block), (off_t)off);
		int rc;

		if (n <= 0)
			return err_set(e, EIO, "read the manifest's spool");
		rc = put(block, (size_t)n, arg, e);
		if (rc < 0)
			return rc;
		off += (uint64_t)n;
	}
	return 0;
}

int ledger_manifest(const struct ledger *r, const char *fields, const char *reason,
	int (*put)(const void *p, size_t n, void *arg, struct err *e), void *arg, struct err *e)
{
	own_buf struct buf b = BUF_INIT(HEAD_MAX);
	int rc;

	head(r, fields, reason, &b);
	rc = buf_check(&b, e);
	if (rc == 0)
		rc = put(b.data, b.len, arg, e);
	if (rc == 0)
		rc = put_list(r, LEDGER_ARTIFACTS, put, arg, e);
	if (rc == 0)
		rc = put("],\n\"gaps\":[\n", 12, arg, e);
	if (rc == 0)
		rc = put_list(r, LEDGER_GAPS, put, arg, e);
	buf_clear(&b);
	gap_counts(r, &b);
	if (rc == 0)
		rc = buf_check(&b, e);
	if (rc == 0)
		rc = put(b.data, b.len, arg, e);
	if (rc == 0)
		rc = put_list(r, LEDGER_FINDINGS, put, arg, e);
	return rc == 0 ? put("]}\n", 3, arg, e) : rc;
}
