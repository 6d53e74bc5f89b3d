/* SPDX-License-Identifier: Apache-2.0 */
/* manifest - reads manifest.json as it streams by. */
#include "manifest.h"

#include "buf.h"
#include "hash.h"
#include "roster.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { GAP_TEXT = 128 << 10 }; /* more than a row */
enum key { FORMAT, RUN_ID, VERDICT, REASON, ARTIFACTS, GAPS, GAP_COUNTS, FINDINGS, DUMPERS, KEYS };

static const char *const keys[KEYS] = {
	[FORMAT] = "format",
	[RUN_ID] = "run_id",
	[VERDICT] = "verdict",
	[REASON] = "reason",
	[ARTIFACTS] = "artifacts",
	[GAPS] = "gaps",
	[GAP_COUNTS] = "gap_counts",
	[FINDINGS] = "findings",
	[DUMPERS] = "dumpers",
};

static void drop_json(json_t **j)
{
	json_decref(*j);
}
#define own_json __attribute__((cleanup(drop_json)))

static enum key key_of(const char *name)
{
	int k = 0;

	while (k < KEYS && strcmp(keys[k], name) != 0)
		k++;
	return (enum key)k;
}

static bool wants(void *arg, const char *key)
{
	struct manifest *m = arg;
	enum key k = key_of(key);

	if (k == KEYS)
		return false;
	if (m->seen & 1U << k)
		m->seen |= 1U << KEYS; /* twice: two readers may take different ones */
	m->seen |= 1U << k;
	return true;
}

static int word(const json_t *j, const char *key, char *ret, size_t size, struct err *e)
{
	const char *s = json_string_value(j);

	if (!s || json_string_length(j) >= size || strlen(s) != json_string_length(j))
		return err_set(e, EBADMSG, "\"%s\" is not what it should be", key);
	memcpy(ret, s, strlen(s) + 1);
	return 0;
}

static int exactly(const json_t *j, const char *key, const char *want, struct err *e)
{
	const char *s = json_string_value(j);

	if (!s || strcmp(s, want) != 0)
		return err_set(e, EBADMSG, "\"%s\" is not \"%s\"", key, want);
	return 0;
}

static int take_artifact(struct manifest *m, const json_t *row, struct err *e)
{
	const json_t *size = json_object_get(row, "size");
	const char *hex = json_string_value(json_object_get(row, "sha256"));
	uint8_t digest[HASH_LEN];
	char name[sizeof(m->member)];

	if (word(json_object_get(row, "name"), "name", name, sizeof(name), e) < 0 || !hex ||
		text_unhex(hex, digest, HASH_LEN) < 0 || !json_is_integer(size) ||
		json_integer_value(size) < 0)
		return err_set(e, EBADMSG, "an artifact without name, size or sha256");
	m->info.artifacts++;
	m->info.artifact_bytes += (uint64_t)json_integer_value(size);
	switch (roster_tick(m->roster, name, digest)) {
	case ROSTER_SAME:
		return 0;
	case ROSTER_MISSING:
		(void)err_set(e, EBADMSG, "listed in manifest.json and not there");
		break;
	case ROSTER_TWICE:
		(void)err_set(e, EBADMSG, "listed twice in manifest.json");
		break;
	case ROSTER_OTHER:
		(void)err_set(e, EBADMSG, "another SHA-256 than in manifest.json");
		break;
	}
	memcpy(m->member, name, sizeof(name));
	return -EBADMSG;
}

static int take_gap_counts(struct manifest *m, const json_t *counts, struct err *e)
{
	if (!json_is_object(counts))
		return err_set(e, EBADMSG, "\"gap_counts\" is not an object");
	for (int k = 0; k < GAP_KINDS; k++) {
		const json_t *n = json_object_get(counts, sink_gap_names[k]);

		if (!n)
			continue;
		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return err_set(e, EBADMSG, "a gap count that is no number");
		m->info.gap_count[k] = (uint64_t)json_integer_value(n);
		if (sink_gap_is_loss((enum gap_kind)k))
			m->info.gaps += m->info.gap_count[k];
	}
	return 0;
}

static void add_text(struct buf *b, const char *before, const json_t *row, const char *key)
{
	const json_t *text = json_object_get(row, key);

	if (!json_string_length(text))
		return;
	buf_adds(b, before);
	buf_add(b, json_string_value(text), json_string_length(text));
}

static int take_finding(struct manifest *m, const json_t *row, struct err *e)
{
	const json_t *text = json_object_get(row, "text");
	own_buf struct buf b = BUF_INIT(GAP_TEXT);

	if (!json_is_string(text))
		return err_set(e, EBADMSG, "a finding without text");
	m->info.findings++;
	if (!m->finding)
		return 0;
	if (!json_string_length(json_object_get(row, "folder")))
		return m->finding(m->arg, json_string_value(text), json_string_length(text), e);
	add_text(&b, "", row, "folder");
	add_text(&b, ": ", row, "text");
	return buf_check(&b, e) < 0 ? -ENOMEM : m->finding(m->arg, buf_str(&b), b.len, e);
}

/* For people: it only has to be an object, and what it lacks is not shown. */
static int take_gap(struct manifest *m, const json_t *row, struct err *e)
{
	own_buf struct buf b = BUF_INIT(GAP_TEXT);
	const char *kind = json_string_value(json_object_get(row, "kind"));
	int k = 0;

	if (!json_is_object(row))
		return err_set(e, EBADMSG, "a gap that is none");
	while (k < GAP_KINDS && (!kind || strcmp(kind, sink_gap_names[k]) != 0))
		k++;
	if (!m->gap || (k < GAP_KINDS && !sink_gap_is_loss((enum gap_kind)k)))
		return 0;
	add_text(&b, "", row, "kind");
	if (json_string_length(json_object_get(row, "member")))
		add_text(&b, "  ", row, "member");
	else if (json_string_length(json_object_get(row, "folder")))
		add_text(&b, "  ", row, "folder");
	else
		add_text(&b, "  ", row, "dumper");
	add_text(&b, ": ", row, "where");
	add_text(&b, ": ", row, "reason");
	return buf_check(&b, e) < 0 ? -ENOMEM : m->gap(m->arg, buf_str(&b), b.len, e);
}

static void take_text(const json_t *row, const char *key, char *ret, size_t size)
{
	const char *s = json_string_value(json_object_get(row, key));

	snprintf(ret, size, "%s", s ? s : "");
}

/* For people, as a gap is. */
static int take_dumper(struct manifest *m, const json_t *row, struct err *e)
{
	struct manifest_dumper d = {0};

	if (!json_is_object(row))
		return err_set(e, EBADMSG, "a dumper that is none");
	if (!m->dumper)
		return 0;
	take_text(row, "name", d.name, sizeof(d.name));
	take_text(row, "folder", d.folder, sizeof(d.folder));
	take_text(row, "status", d.status, sizeof(d.status));
	take_text(row, "reason", d.reason, sizeof(d.reason));
	return m->dumper(m->arg, &d, e);
}

static int piece(void *arg, const char *key, const char *text, size_t n, struct err *e)
{
	struct manifest *m = arg;
	own_json json_t *j = json_loadb(
		text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (!j)
		return err_set(e, EBADMSG, "\"%s\": not JSON", key);
	switch (key_of(key)) {
	case FORMAT:
		return exactly(j, key, "taphos/1", e);
	case RUN_ID:
		return exactly(j, key, m->run, e);
	case VERDICT:
		return word(j, key, m->info.verdict, sizeof(m->info.verdict), e);
	case REASON:
		if (json_string_value(j))
			snprintf(
				m->info.reason, sizeof(m->info.reason), "%s", json_string_value(j));
		return 0;
	case ARTIFACTS:
		return take_artifact(m, j, e);
	case GAP_COUNTS:
		return take_gap_counts(m, j, e);
	case FINDINGS:
		return take_finding(m, j, e);
	case DUMPERS:
		return take_dumper(m, j, e);
	default:
		return take_gap(m, j, e);
	}
}

void manifest_begin(struct manifest *m)
{
	static const struct jsonsplit_ops ops = {wants, piece};

	jsonsplit_begin(&m->split, &ops, m);
	m->info = (struct manifest_info){.there = true};
	m->seen = 0;
	m->member[0] = '\0';
}

int manifest_feed(struct manifest *m, const void *p, size_t n, struct err *e)
{
	return jsonsplit_feed(&m->split, p, n, e);
}

int manifest_end(struct manifest *m, struct err *e)
{
	static const unsigned needed = 1U << FORMAT | 1U << RUN_ID | 1U << VERDICT |
				       1U << ARTIFACTS | 1U << GAPS | 1U << GAP_COUNTS;
	static const char *const verdicts[] = {"complete", "partial", "interrupted"};
	int rc = jsonsplit_end(&m->split, e);

	if (rc < 0)
		return rc;
	if ((m->seen & needed) != needed || (m->seen & 1U << KEYS))
		return err_set(e, EBADMSG, "a field is missing or there twice");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (!strcmp(m->info.verdict, verdicts[i]))
			return 0;
	return err_set(e, EBADMSG, "\"verdict\" is none of the three");
}

void manifest_done(struct manifest *m)
{
	jsonsplit_done(&m->split);
}
