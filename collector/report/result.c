/* SPDX-License-Identifier: Apache-2.0 */
/* result - how a collection ended, for scripts and for people. */
#include "result.h"
#include "buf.h"
#include "engine.h"
#include "jsonw.h"
#include "progress.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Milliseconds, to the microsecond. */
static void frozen_ms(struct jsonw *w, uint64_t us)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRIu64 ".%03u", us / 1000, (unsigned)(us % 1000));

	jsonw_raw(w, "frozen_ms", text, (size_t)n);
}

/* Or did the writer end before it could tell? */
static bool was_counted(const struct engine_result *r)
{
	return r->sha256[0] != '\0';
}

static void number(struct jsonw *w, const char *key, bool known, uint64_t v)
{
	if (known)
		jsonw_u64(w, key, v);
	else
		jsonw_null(w, key);
}

void result_json(struct buf *out, const struct engine_result *r, enum exit_code code)
{
	struct jsonw w = JSONW(out);
	bool counted = was_counted(r);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "bundle", r->bundle);
	jsonw_str(&w, "sha256", counted ? r->sha256 : NULL);
	jsonw_str(&w, "run_id", r->run_id);
	jsonw_str(&w, "signer", r->signer);
	jsonw_str(&w, "verdict", r->verdict);
	jsonw_str(&w, "pod", r->pod[0] ? r->pod : NULL);
	jsonw_u64(&w, "containers", r->containers);
	number(&w, "artifacts", counted, r->artifacts);
	number(&w, "gaps", counted, r->gaps);
	number(&w, "bytes", counted, r->bytes);
	jsonw_u64(&w, "duration_ms", r->duration_ms);
	frozen_ms(&w, r->frozen_us);
	jsonw_u64(&w, "exit", code);
	jsonw_close(&w);
	buf_addc(out, '\n');
}

/* A word for a POSIX shell, as it is where nothing needs quoting. */
static void shell_word(struct buf *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._/-+,:@%";

	if (*word && !word[strspn(word, plain)]) {
		buf_adds(out, word);
		return;
	}
	buf_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *word);
	}
	buf_addc(out, '\'');
}

/* One line "  label   text", escaped: a path may hold anything. */
static void labelled(struct buf *out, const char *label, const struct buf *text)
{
	buf_addf(out, "  %-10s", label);
	text_escape(out, buf_str(text), text->len);
	buf_addc(out, '\n');
}

static void headline(struct buf *out, const struct engine_result *r)
{
	if (!was_counted(r)) {
		buf_addf(out, "taphos: %s after ", r->verdict);
		progress_time(out, r->duration_ms);
		buf_adds(out, ": 'taphos verify' says what is there\n");
		return;
	}
	buf_addf(out, "taphos: %s: %" PRIu64 " artifact%s, ", r->verdict, r->artifacts,
		r->artifacts == 1 ? "" : "s");
	text_size(out, r->bytes);
	buf_adds(out, " in ");
	progress_time(out, r->duration_ms);
	if (r->gaps)
		buf_addf(out, ", %" PRIu64 " gap%s", r->gaps, r->gaps == 1 ? "" : "s");
	else
		buf_adds(out, ", no gaps");
	if (r->findings)
		buf_addf(out, ", %" PRIu64 " finding%s", r->findings, r->findings == 1 ? "" : "s");
	buf_addc(out, '\n');
}

static void verify_line(struct buf *out, const struct engine_result *r, const char *key)
{
	buf_adds(out, "taphos verify ");
	if (key) {
		own_buf struct buf public = BUF_INIT(TARGET_PATH + 8);

		buf_addf(&public, "%s.pub", key);
		buf_adds(out, "--key ");
		shell_word(out, buf_str(&public));
		buf_addc(out, ' ');
	}
	shell_word(out, r->bundle);
}

void result_text(struct buf *out, const struct engine_result *r, const char *key)
{
	bool file = r->bundle[0] && strcmp(r->bundle, "-") != 0;
	own_buf struct buf line = BUF_INIT(4 * TARGET_PATH);

	headline(out, r);
	if (r->gaps || r->findings) {
		buf_adds(&line, file ? "taphos inspect " : "manifest.json in the bundle");
		if (file)
			shell_word(&line, r->bundle);
		labelled(out, r->gaps ? "gaps" : "findings", &line);
	}
	buf_addf(out, "  %-10s%s%s\n", "signer", r->signer,
		r->run_key ? "\n            a key made for this run: note its fingerprint now"
			   : "");
	if (!file)
		return;
	buf_clear(&line);
	verify_line(&line, r, key);
	labelled(out, "verify", &line);
}
