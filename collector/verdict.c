/* SPDX-License-Identifier: Apache-2.0 */
/* verdict - what verify found, for people and for scripts. */
#include "verdict.h"

#include "buf.h"
#include "jsonw.h"
#include "sign.h"
#include "text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 8192 };

static void line(struct buf *out, const char *label, const char *fmt, ...) printf_like(3, 4);
static void line(struct buf *out, const char *label, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(out, "  %-9s", label);
	text_escape(out, text, strlen(text));
	buf_addc(out, '\n');
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *size_text(struct buf *b, uint64_t bytes)
{
	buf_clear(b);
	text_size(b, bytes);
	return buf_str(b);
}

/* The gaps by kind: "unreadable 2, vanished 1"; nothing when there are none. */
static void gaps_by_kind(const struct manifest_info *m, struct buf *out)
{
	const char *comma = "";

	for (int k = 0; k < GAP_KINDS; k++) {
		if (!m->gap_count[k])
			continue;
		buf_addf(out, "%s%s %" PRIu64, comma, sink_gap_names[k], m->gap_count[k]);
		comma = ", ";
	}
}

static void headline(const struct verify_report *r, struct buf *out)
{
	own_buf struct buf size = BUF_INIT(64);

	buf_adds(out, verify_verdict_names[r->verdict]);
	if (r->verdict == VERIFY_SEALED)
		buf_addf(out, ", %s: %" PRIu64 " member%s, %s\n", r->manifest.verdict, r->members,
			plural(r->members), size_text(&size, r->member_bytes));
	else if (r->verdict == VERIFY_INTERRUPTED)
		buf_addf(out, ": authentic up to byte %" PRIu64 " of %" PRIu64 "\n",
			r->sealed_bytes, r->file_bytes);
	else if (r->verdict == VERIFY_NOTHING)
		buf_addf(out, " is authentic: no seal in %" PRIu64 " bytes\n", r->file_bytes);
	else
		buf_adds(out, ": not what was sealed, or no bundle\n");
}

static void what_is_bad(const struct verify_report *r, struct buf *out)
{
	line(out, "reason", "%s", r->reason);
	if (r->bad_member[0])
		line(out, "member", "%s", r->bad_member);
	if (r->bad_has_offset)
		line(out, "offset", "%" PRIu64, r->bad_offset);
	if (r->seals)
		line(out, "before", "%" PRIu64 " good seal%s, up to byte %" PRIu64, r->seals,
			plural(r->seals), r->sealed_bytes);
}

static void what_is_cut(const struct verify_report *r, struct buf *out)
{
	own_buf struct buf size = BUF_INIT(64);

	line(out, "whole", "%" PRIu64 " member%s, %s", r->members, plural(r->members),
		size_text(&size, r->member_bytes));
	if (r->cut[0])
		line(out, "cut", "%s: %" PRIu64 " of %" PRIu64 " bytes", r->cut, r->cut_done,
			r->cut_size);
	line(out, "lost", "%" PRIu64 " bytes behind the last seal: %s",
		r->file_bytes - r->sealed_bytes, reader_tail_names[r->tail]);
}

static void who_signed(const struct verify_report *r, struct buf *out)
{
	own_buf struct buf when = BUF_INIT(64);
	char print[HASH_HEX];

	text_time(&when, r->sealed);
	sign_fingerprint(r->signer, print);
	line(out, "run", "%s", r->run);
	line(out, "sealed", "%s, %" PRIu64 " seal%s", buf_str(&when), r->seals, plural(r->seals));
	line(out, "signer", "%s", print);
	line(out, "",
		r->trusted ? "the key that was given"
			   : "UNTRUSTED KEY: compare this fingerprint with the one you");
	if (!r->trusted)
		line(out, "", "were told, or give the public key with --key");
}

static void what_it_says(const struct manifest_info *m, bool listed, struct buf *out)
{
	own_buf struct buf gaps = BUF_INIT(1024);

	if (!m->there)
		return;
	gaps_by_kind(m, &gaps);
	if (m->reason[0])
		line(out, "because", "%s", m->reason);
	line(out, "gaps", "%" PRIu64 "%s%s%s", m->gaps, gaps.len ? " (" : "", buf_str(&gaps),
		gaps.len ? ")" : "");
	if (m->findings)
		line(out, "findings", "%" PRIu64 "%s", m->findings,
			listed ? "" : ", see 'taphos inspect'");
}

void verdict_text(const struct verdict *v, struct buf *out)
{
	const struct verify_report *r = v->report;

	headline(r, out);
	line(out, "bundle", "%s", strcmp(v->path, "-") ? v->path : "standard input");
	if (r->verdict == VERIFY_BAD)
		what_is_bad(r, out);
	if (r->verdict == VERIFY_INTERRUPTED)
		what_is_cut(r, out);
	if (r->has_seal)
		who_signed(r, out);
	if (r->verdict != VERIFY_BAD)
		what_it_says(&r->manifest, v->listed, out);
	if (v->note[0])
		line(out, "note", "%s", v->note);
}

static void bad_json(const struct verify_report *r, struct jsonw *w)
{
	if (r->verdict != VERIFY_BAD) {
		jsonw_null(w, "bad");
		return;
	}
	jsonw_open(w, "bad");
	if (r->bad_has_offset)
		jsonw_u64(w, "offset", r->bad_offset);
	else
		jsonw_null(w, "offset");
	jsonw_str(w, "member", r->bad_member[0] ? r->bad_member : NULL);
	jsonw_str(w, "reason", r->reason);
	jsonw_close(w);
}

static void cut_json(const struct verify_report *r, struct jsonw *w)
{
	if (!r->cut[0] || r->verdict != VERIFY_INTERRUPTED) {
		jsonw_null(w, "cut");
		return;
	}
	jsonw_open(w, "cut");
	jsonw_str(w, "name", r->cut);
	jsonw_u64(w, "size", r->cut_size);
	jsonw_u64(w, "authentic", r->cut_done);
	jsonw_close(w);
}

static void manifest_json(const struct manifest_info *m, struct jsonw *w)
{
	if (!m->there) {
		jsonw_null(w, "manifest");
		return;
	}
	jsonw_open(w, "manifest");
	jsonw_str(w, "verdict", m->verdict);
	jsonw_str(w, "reason", m->reason);
	jsonw_u64(w, "artifacts", m->artifacts);
	jsonw_u64(w, "gaps", m->gaps);
	jsonw_open(w, "gap_counts");
	for (int k = 0; k < GAP_KINDS; k++)
		if (m->gap_count[k])
			jsonw_u64(w, sink_gap_names[k], m->gap_count[k]);
	jsonw_close(w);
	jsonw_u64(w, "findings", m->findings);
	jsonw_close(w);
}

void verdict_json(const struct verdict *v, struct jsonw *w)
{
	const struct verify_report *r = v->report;
	char print[HASH_HEX] = "";

	if (r->has_seal)
		sign_fingerprint(r->signer, print);
	jsonw_str(w, "bundle", v->path);
	jsonw_str(w, "verdict", verify_verdict_names[r->verdict]);
	jsonw_u64(w, "exit", (uint64_t)verdict_exit(r));
	jsonw_bool(w, "trusted", r->trusted);
	jsonw_str(w, "signer", r->has_seal ? print : NULL);
	if (r->has_seal)
		jsonw_hexbytes(w, "public_key", r->signer, SEAL_KEY);
	jsonw_str(w, "run_id", r->has_seal ? r->run : NULL);
	if (r->has_seal)
		jsonw_time(w, "sealed", r->sealed);
	jsonw_u64(w, "seals", r->seals);
	jsonw_u64(w, "sealed_bytes", r->sealed_bytes);
	jsonw_u64(w, "file_bytes", r->file_bytes);
	jsonw_u64(w, "whole_members", r->members);
	jsonw_u64(w, "member_bytes", r->member_bytes);
	bad_json(r, w);
	cut_json(r, w);
	manifest_json(&r->manifest, w);
	jsonw_str(w, "note", v->note[0] ? v->note : NULL);
}

void verdict_member(const struct verify_member *m, struct jsonw *w)
{
	jsonw_open(w, NULL);
	jsonw_str(w, "name", m->name);
	jsonw_u64(w, "size", m->size);
	jsonw_hexbytes(w, "sha256", m->sha256, HASH_LEN);
	jsonw_close(w);
}

enum exit_code verdict_exit(const struct verify_report *r)
{
	if (r->verdict == VERIFY_BAD)
		return EXIT_BAD;
	if (r->verdict == VERIFY_SEALED && !strcmp(r->manifest.verdict, "complete"))
		return EXIT_COMPLETE;
	return EXIT_PARTIAL;
}
