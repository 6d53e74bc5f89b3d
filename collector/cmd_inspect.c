/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_inspect - taphos inspect: what is in a bundle, or one member of it. */
#include "buf.h"
#include "command.h"
#include "io.h"
#include "judge.h"
#include "jsonw.h"
#include "memberlist.h"
#include "options.h"
#include "say.h"
#include "text.h"
#include "verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_KEY, OPTION_JSON };
enum { ARG_BUNDLE, ARG_MEMBER };
enum { RESULT_MAX = 8 << 20, FLUSH_AT = 64 << 10, FINDINGS_MAX = 256 << 10, ROWS_MAX = 100 };

static const struct option_def options[] = {
	[OPTION_KEY] = OPTIONS_PUBLIC_KEY,
	[OPTION_JSON] = OPTIONS_JSON,
	{0},
};

static const struct option_def args[] = {
	[ARG_BUNDLE] = OPTIONS_BUNDLE,
	[ARG_MEMBER] = {.name = "member",
		.metavar = "MEMBER",
		.help = "write this member's bytes to stdout, as they are"},
	{0},
};

struct inspection {
	struct judge_request rq;
	struct verify_report report;
	char note[JUDGE_NOTE];
	struct buf out;
	/* the whole bundle */
	struct jsonw json;
	struct memberlist list;
	struct buf begin, findings, gaps, dumpers;
	/* enough of them for people, the report counts them all */
	uint64_t findings_shown, gaps_shown, dumpers_shown;
	/* one member */
	char near[VERIFY_NAME];
	uint64_t sealed, unsealed; /* bytes written */
	bool found;
	bool stdout_gone;
};

/* ---- one member */

static int look_for_member(void *arg, const struct verify_member *m, struct err *e)
{
	struct inspection *i = arg;

	(void)e;
	if (!strcmp(m->name, i->rq.want))
		i->found = true;
	else if (options_nearer(i->rq.want, i->near[0] ? i->near : NULL, m->name) == m->name)
		snprintf(i->near, sizeof(i->near), "%s", m->name);
	return 0;
}

static int write_bytes(void *arg, const void *p, size_t n, bool sealed, struct err *e)
{
	struct inspection *i = arg;
	int rc;

	if (!sealed && !i->unsealed)
		say("%s: what follows byte %" PRIu64
		    " of it is under no seal: nobody vouches for it",
			i->rq.want, i->sealed);
	*(sealed ? &i->sealed : &i->unsealed) += n;
	rc = io_write(STDOUT_FILENO, p, n);
	if (rc == 0)
		return 0;
	i->stdout_gone = true;
	return err_set(e, -rc, "write %s to stdout: %s", i->rq.want, strerror(-rc));
}

static enum exit_code no_such_member(const struct inspection *i)
{
	if (i->near[0])
		say("%s: no member '%s', did you mean '%s'?", i->rq.path, i->rq.want, i->near);
	else
		say("%s: no member '%s': 'taphos inspect %s' lists them", i->rq.path, i->rq.want,
			i->rq.path);
	return EXIT_FAILED;
}

static enum exit_code one_member(struct inspection *i)
{
	static const struct verify_ops ops = {.member = look_for_member, .bytes = write_bytes};
	const struct verify_report *r = &i->report;
	struct err e = ERR_INIT;
	bool some;

	i->rq.ops = &ops;
	if (judge_run(&i->rq, &i->report, i->note, &e) < 0) {
		say_error(&e);
		return EXIT_FAILED;
	}
	some = i->found || i->sealed || i->unsealed || !strcmp(r->cut, i->rq.want);
	if (r->verdict == VERIFY_BAD) {
		say("%s: BAD: %s%s", i->rq.path, r->reason,
			some ? ": do not rely on what was written" : "");
		return EXIT_BAD;
	}
	if (!some)
		return no_such_member(i);
	if (!r->trusted && r->has_seal)
		say("UNTRUSTED KEY: no --key was given");
	if (i->found)
		return EXIT_COMPLETE;
	say("%s: cut off: %" PRIu64 " bytes are authentic", i->rq.want, i->sealed);
	return EXIT_PARTIAL;
}

/* ---- the whole bundle */

static int keep_begin(void *arg, const char *text, size_t n, struct err *e)
{
	struct inspection *i = arg;

	while (n && text[n - 1] == '\n')
		n--;
	return buf_add(&i->begin, text, n) < 0 ? err_set(e, ENOMEM, "no memory") : 0;
}

static int list_member(void *arg, const struct verify_member *m, struct err *e)
{
	struct inspection *i = arg;

	(void)e;
	memberlist_add(&i->list, m->name, m->size);
	return 0;
}

static int list_text(struct buf *out, uint64_t *shown, const char *text, size_t n)
{
	if (*shown == ROWS_MAX || out->len > FINDINGS_MAX / 2)
		return 0;
	++*shown;
	buf_adds(out, "  ");
	text_escape(out, text, n);
	buf_addc(out, '\n');
	return 0;
}

static int list_finding(void *arg, const char *text, size_t n, struct err *e)
{
	struct inspection *i = arg;

	(void)e;
	return list_text(&i->findings, &i->findings_shown, text, n);
}

static int list_gap(void *arg, const char *text, size_t n, struct err *e)
{
	struct inspection *i = arg;

	(void)e;
	return list_text(&i->gaps, &i->gaps_shown, text, n);
}

/* Those that did what they should need no word. */
static int list_dumper(void *arg, const struct manifest_dumper *d, struct err *e)
{
	struct inspection *i = arg;
	own_buf struct buf line = BUF_INIT(sizeof(*d) + 8);

	(void)e;
	if (!strcmp(d->status, "ok") || !d->reason[0])
		return 0;
	buf_addf(&line, "%s%s%s  %s: %s", d->folder, d->folder[0] ? "/" : "", d->name, d->status,
		d->reason);
	return list_text(&i->dumpers, &i->dumpers_shown, buf_str(&line), line.len);
}

static int keep_dumper(void *arg, const struct manifest_dumper *d, struct err *e)
{
	struct inspection *i = arg;
	struct jsonw w = JSONW(&i->dumpers);

	(void)e;
	if (i->dumpers.len > FINDINGS_MAX / 2)
		return 0;
	if (i->dumpers.len)
		buf_addc(&i->dumpers, ',');
	jsonw_open(&w, NULL);
	jsonw_str(&w, "name", d->name);
	if (d->folder[0])
		jsonw_str(&w, "folder", d->folder);
	jsonw_str(&w, "status", d->status);
	jsonw_str(&w, "reason", d->reason);
	jsonw_close(&w);
	return 0;
}

static int flush(struct inspection *i, struct err *e)
{
	if (i->out.len < FLUSH_AT)
		return 0;
	i->stdout_gone = say_result(&i->out, EXIT_COMPLETE) != EXIT_COMPLETE;
	buf_clear(&i->out);
	return i->stdout_gone ? err_set(e, EPIPE, "stdout is gone") : 0;
}

static int print_member(void *arg, const struct verify_member *m, struct err *e)
{
	struct inspection *i = arg;

	verdict_member(m, &i->json);
	return flush(i, e);
}

static int keep_finding(void *arg, const char *text, size_t n, struct err *e)
{
	struct inspection *i = arg;
	struct jsonw w = JSONW(&i->findings);

	(void)e;
	if (i->findings.len > FINDINGS_MAX / 2)
		return 0;
	i->findings_shown++;
	if (i->findings.len)
		buf_addc(&i->findings, ',');
	jsonw_bytes(&w, NULL, text, n);
	return 0;
}

static void print_target(const char *label, const json_t *object, const char *key, struct buf *out)
{
	const json_t *v = json_object_get(object, key);

	if (!json_is_string(v) || !json_string_length(v))
		return;
	buf_addf(out, "  %-9s", label);
	text_escape(out, json_string_value(v), json_string_length(v));
	buf_addc(out, '\n');
}

/* Of a pod: the folders of its containers. */
static void print_folders(const json_t *target, struct buf *out)
{
	const json_t *all = json_object_get(target, "containers"), *one;
	const char *comma = "  holds    ";
	size_t i;

	json_array_foreach(all, i, one)
	{
		const json_t *folder = json_object_get(one, "folder");

		if (!json_is_string(folder))
			continue;
		buf_adds(out, comma);
		text_escape(out, json_string_value(folder), json_string_length(folder));
		comma = ", ";
	}
	if (*comma == ',')
		buf_addc(out, '\n');
}

/* What begin.json says of the target and the node. */
static void print_begin(const struct buf *begin, struct buf *out)
{
	json_t *j = json_loadb(buf_str(begin), begin->len, JSON_ALLOW_NUL, NULL);
	const json_t *t = json_object_get(j, "target"), *host = json_object_get(j, "host");

	print_target("runtime", t, "runtime", out);
	print_target("state", t, "state", out);
	print_target("id", t, "id", out);
	print_target("name", t, "name", out);
	print_target("image", t, "image", out);
	print_target("pod", t, "pod_name", out);
	print_folders(t, out);
	print_target("node", host, "hostname", out);
	print_target("started", j, "started", out);
	print_target("case", j, "case", out);
	json_decref(j);
}

static void print_texts(
	const char *heading, const struct buf *texts, uint64_t shown, uint64_t all, struct buf *out)
{
	if (texts->len)
		buf_addf(out, "\n%s:\n", heading);
	buf_add(out, buf_str(texts), texts->len);
	if (all > shown)
		buf_addf(out, "  %" PRIu64 " more: see manifest.json\n", all - shown);
}

static enum exit_code whole_text(struct inspection *i)
{
	static const struct verify_ops ops = {.member = list_member,
		.begin = keep_begin,
		.finding = list_finding,
		.gap = list_gap,
		.dumper = list_dumper};
	struct verdict v = {
		.path = i->rq.path, .report = &i->report, .note = i->note, .listed = true};
	struct err e = ERR_INIT;

	i->rq.ops = &ops;
	if (judge_run(&i->rq, &i->report, i->note, &e) < 0) {
		say_error(&e);
		return EXIT_FAILED;
	}
	verdict_text(&v, &i->out);
	if (i->begin.len)
		print_begin(&i->begin, &i->out);
	print_texts("Not collected, or not all of it", &i->dumpers, i->dumpers_shown,
		i->dumpers_shown, &i->out);
	print_texts(
		"Findings", &i->findings, i->findings_shown, i->report.manifest.findings, &i->out);
	print_texts("Gaps", &i->gaps, i->gaps_shown, i->report.manifest.gaps, &i->out);
	if (i->list.members) {
		buf_adds(&i->out, "\nMembers:\n");
		memberlist_text(&i->list, &i->out);
	}
	return say_result(&i->out, verdict_exit(&i->report));
}

static enum exit_code whole_json(struct inspection *i)
{
	static const struct verify_ops ops = {.member = print_member,
		.begin = keep_begin,
		.finding = keep_finding,
		.dumper = keep_dumper};
	struct verdict v = {i->rq.path, &i->report, i->note, true};
	struct err e = ERR_INIT;
	int rc;

	i->rq.ops = &ops;
	i->json = JSONW(&i->out);
	jsonw_open(&i->json, NULL);
	jsonw_open_array(&i->json, "members");
	rc = judge_run(&i->rq, &i->report, i->note, &e);
	if (i->stdout_gone)
		return EXIT_FAILED;
	jsonw_close_array(&i->json);
	if (rc < 0) {
		say_error(&e);
		jsonw_str(&i->json, "error", e.text);
	} else {
		verdict_json(&v, &i->json);
		if (i->begin.len)
			jsonw_raw(&i->json, "begin", i->begin.data, i->begin.len);
		jsonw_open_array(&i->json, "dumpers");
		buf_add(&i->out, buf_str(&i->dumpers), i->dumpers.len);
		jsonw_close_array(&i->json);
		jsonw_open_array(&i->json, "findings");
		buf_add(&i->out, buf_str(&i->findings), i->findings.len);
		jsonw_close_array(&i->json);
		jsonw_u64(&i->json, "findings_not_listed",
			i->report.manifest.findings - i->findings_shown);
	}
	jsonw_close(&i->json);
	buf_addc(&i->out, '\n');
	return say_result(&i->out, rc < 0 ? EXIT_FAILED : verdict_exit(&i->report));
}

static enum exit_code inspect(const struct invocation *in, struct inspection *i)
{
	bool json = in->option[OPTION_JSON].on;

	i->rq.path = in->arg[ARG_BUNDLE].text;
	i->rq.want = in->arg[ARG_MEMBER].text;
	i->rq.arg = i;
	if (i->rq.want && json)
		return say_usage(in, "--json is about the whole bundle: leave out MEMBER");
	if (i->rq.want)
		return one_member(i);
	return json ? whole_json(i) : whole_text(i);
}

static enum exit_code run(const struct invocation *in)
{
	struct inspection i = {.out = BUF_INIT(RESULT_MAX),
		.begin = BUF_INIT(2 << 20),
		.findings = BUF_INIT(FINDINGS_MAX),
		.gaps = BUF_INIT(FINDINGS_MAX),
		.dumpers = BUF_INIT(FINDINGS_MAX)};
	uint8_t key[SEAL_KEY];
	struct err e = ERR_INIT;
	enum exit_code code;

	if (judge_trust(&i.rq, in->option[OPTION_KEY].text, key, &e) < 0) {
		say_error(&e);
		return EXIT_FAILED;
	}
	memberlist_begin(&i.list);
	code = inspect(in, &i);
	memberlist_done(&i.list);
	buf_done(&i.out);
	buf_done(&i.begin);
	buf_done(&i.findings);
	buf_done(&i.gaps);
	buf_done(&i.dumpers);
	return code;
}

const struct command cmd_inspect = {
	.name = "inspect",
	.summary = "show what is in a bundle, or one member of it",
	.details =
		"What was not collected and why, findings, gaps, then the members; where these are "
		"many, A/*/* stands "
		"for "
		"all that lie deeper in A.\n"
		"The bundle is verified while it is read: nothing is shown that no seal covers, "
		"except for a member that goes on behind the last seal, with a warning on stderr.\n"
		"Exit: as verify; with MEMBER 0 when all of it is authentic, 3 when it was cut "
		"off, "
		"1 when there is none of this name.",
	.options = options,
	.args = args,
	.run = run,
};
