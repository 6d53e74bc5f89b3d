/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_collect - taphos collect: a container into a sealed, signed bundle. */
#include "buf.h"
#include "command.h"
#include "engine.h"
#include "progress.h"
#include "request.h"
#include "result.h"
#include "say.h"

#include <string.h>
#include <unistd.h>

enum { CANDIDATES_MAX = 128 * 1024, RESULT_MAX = 64 * 1024 };

/*
 * The bundle is there whoever listens, so a result that cannot be printed does
 * not change the exit code. stdout belongs to the bundle when it is streamed.
 */
static void print_result(const struct invocation *in, const struct engine_result *r,
	const char *key, enum exit_code code)
{
	own_buf struct buf out = BUF_INIT(RESULT_MAX), summary = BUF_INIT(RESULT_MAX);
	bool json = in->option[REQUEST_JSON].on, streamed = !strcmp(r->bundle, "-");

	if (!json && !in->option[REQUEST_QUIET].on) {
		result_text(&summary, r, key);
		say_text(&summary);
	}
	if (json)
		result_json(&out, r, code);
	else if (!streamed)
		buf_addf(&out, "%s\n", r->bundle);
	if (streamed)
		say_text(&out);
	else
		(void)say_result(&out, code);
}

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf candidates = BUF_INIT(CANDIDATES_MAX);
	struct engine_request rq = {0};
	struct engine_result result = {0};
	struct progress progress;
	struct err e = ERR_INIT;
	enum exit_code code;

	if (request_fill(in, &rq, &e) < 0)
		return say_usage(in, "%s", e.text);
	progress_init(&progress, in->option[REQUEST_QUIET].on ? -1 : STDERR_FILENO);
	rq.progress = progress_show;
	rq.progress_arg = &progress;
	code = engine_collect(&rq, &result, &candidates, &e);
	progress_done(&progress);
	if (code != EXIT_COMPLETE && code != EXIT_PARTIAL)
		request_failed(&e, &candidates);
	if (code == EXIT_PARTIAL && e.text[0])
		say_error(&e);
	if (code == EXIT_COMPLETE || code == EXIT_PARTIAL)
		print_result(in, &result, rq.key, code);
	else if (result.bundle[0] && strcmp(result.bundle, "-") != 0)
		say("what was sealed before that is in %s", result.bundle);
	return code;
}

const struct command cmd_collect = {
	.name = "collect",
	.summary = "collect a running container into a sealed, signed bundle",
	.usage = request_usage,
	.details =
		"Prints the bundle's path on stdout, or with --json what it is; a summary and the "
		"progress go to stderr. Exit: 0 complete, 3 with gaps (listed in the bundle's "
		"manifest.json) or interrupted, 4 no such target, or several.",
	.options = request_options,
	.reads_targets = true,
	.run = run,
};
