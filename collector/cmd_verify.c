/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_verify - taphos verify: what a bundle is worth. */
#include "buf.h"
#include "command.h"
#include "judge.h"
#include "jsonw.h"
#include "memberlist.h"
#include "say.h"
#include "verdict.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { OPTION_KEY, OPTION_JSON };
enum { ARG_BUNDLE };
enum { RESULT_MAX = 1 << 20, FLUSH_AT = 64 << 10 };

static const struct option_def options[] = {
	[OPTION_KEY] = OPTIONS_PUBLIC_KEY,
	[OPTION_JSON] = OPTIONS_JSON,
	{0},
};

static const struct option_def args[] = {
	[ARG_BUNDLE] = OPTIONS_BUNDLE,
	{0},
};

struct verify_output {
	struct buf out;
	struct jsonw json;
	struct memberlist list;
	bool failed; /* stdout is gone, and it was said */
};

static int list_member(void *arg, const struct verify_member *m, struct err *e)
{
	struct verify_output *o = arg;

	(void)e;
	memberlist_add(&o->list, m->name, m->size);
	return 0;
}

/* Members come by the million: their rows are written as they come. */
static int print_member(void *arg, const struct verify_member *m, struct err *e)
{
	struct verify_output *o = arg;

	verdict_member(m, &o->json);
	if (o->out.len < FLUSH_AT)
		return 0;
	o->failed = say_result(&o->out, EXIT_COMPLETE) != EXIT_COMPLETE;
	buf_clear(&o->out);
	return o->failed ? err_set(e, EPIPE, "stdout is gone") : 0;
}

static int judge_json(
	struct judge_request *rq, struct verify_output *o, enum exit_code *ret, struct err *e)
{
	static const struct verify_ops ops = {.member = print_member};
	struct verify_report r;
	char note[JUDGE_NOTE];
	int rc;

	rq->ops = &ops;
	o->json = JSONW(&o->out);
	jsonw_open(&o->json, NULL);
	jsonw_open_array(&o->json, "members");
	rc = judge_run(rq, &r, note, e);
	jsonw_close_array(&o->json);
	if (rc == 0) {
		verdict_json(&(struct verdict){rq->path, &r, note, false}, &o->json);
		*ret = verdict_exit(&r);
	} else {
		jsonw_str(&o->json, "verdict", NULL);
		jsonw_str(&o->json, "error", e->text);
	}
	jsonw_close(&o->json);
	buf_addc(&o->out, '\n');
	return rc;
}

static int judge_text(
	struct judge_request *rq, struct verify_output *o, enum exit_code *ret, struct err *e)
{
	static const struct verify_ops ops = {.member = list_member};
	struct verify_report r;
	char note[JUDGE_NOTE];
	int rc;

	rq->ops = &ops;
	rc = judge_run(rq, &r, note, e);
	if (rc < 0)
		return rc;
	verdict_text(&(struct verdict){rq->path, &r, note, false}, &o->out);
	if (r.verdict == VERIFY_INTERRUPTED) {
		buf_adds(&o->out, "\nAuthentic:\n");
		memberlist_text(&o->list, &o->out);
	}
	*ret = verdict_exit(&r);
	return 0;
}

static enum exit_code judge(
	const struct invocation *in, struct judge_request *rq, struct verify_output *o)
{
	enum exit_code code = EXIT_FAILED;
	struct err e = ERR_INIT;
	bool json = in->option[OPTION_JSON].on;
	int rc = json ? judge_json(rq, o, &code, &e) : judge_text(rq, o, &code, &e);

	if (o->failed)
		return EXIT_FAILED;
	if (rc < 0)
		say_error(&e);
	if (rc < 0 && !json)
		return EXIT_FAILED;
	return say_result(&o->out, code);
}

static enum exit_code run(const struct invocation *in)
{
	struct verify_output o = {.out = BUF_INIT(RESULT_MAX)};
	struct judge_request rq = {.path = in->arg[ARG_BUNDLE].text, .arg = &o};
	uint8_t key[SEAL_KEY];
	struct err e = ERR_INIT;
	enum exit_code code;

	if (judge_trust(&rq, in->option[OPTION_KEY].text, key, &e) < 0) {
		say_error(&e);
		return EXIT_FAILED;
	}
	memberlist_begin(&o.list);
	code = judge(in, &rq, &o);
	memberlist_done(&o.list);
	buf_done(&o.out);
	return code;
}

const struct command cmd_verify = {
	.name = "verify",
	.summary = "check that a bundle is what was collected, and all of it",
	.details =
		"SEALED: every byte is what the signer sealed, up to the end. INTERRUPTED: the run "
		"or "
		"the copy ended early; what is listed is authentic. NOTHING: not even one seal is "
		"there. BAD: altered, or no bundle.\n"
		"Without --key anybody may have signed: compare the fingerprint that is shown with "
		"the one that collect printed. What lies beside the bundle, BUNDLE.sha256 and "
		"BUNDLE.sig, is checked too.\n"
		"Exit: 0 SEALED and complete, 3 SEALED with gaps, INTERRUPTED or NOTHING, 7 BAD, 1 "
		"it could not be read.",
	.options = options,
	.args = args,
	.run = run,
};
