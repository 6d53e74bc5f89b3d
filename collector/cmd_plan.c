/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_plan - taphos plan: what a collection would read and touch; collects nothing. */
#include "buf.h"
#include "command.h"
#include "engine.h"
#include "jsonx.h"
#include "request.h"
#include "say.h"
#include "term.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

enum { CANDIDATES_MAX = 128 * 1024, RESULT_MAX = 4 << 20, TEXT_MAX = 64 * 1024 };
enum { NAME_COLUMNS = 12, SIZE_COLUMNS = 9, ITEMS_COLUMNS = 9, TOUCHES_COLUMN = 36 };

/* "web, docker 0123456789ab, running, 12 processes; profile standard" */
static void print_target(struct buf *out, const json_t *plan)
{
	own_buf struct buf text = BUF_INIT(TEXT_MAX), shown = BUF_INIT(TEXT_MAX);
	const char *name = jsonx_text(plan, "target.name"), *id = jsonx_text(plan, "target.id");
	const json_t *containers = jsonx_get(plan, "target.containers");
	uint64_t members = 0, pid = 0;

	(void)jsonx_u64(plan, "target.members", &members);
	(void)jsonx_u64(plan, "target.pid", &pid);
	if (containers) {
		buf_addf(&text, "pod %s/%s, %s %s", jsonx_text(plan, "target.pod_namespace"), name,
			jsonx_text(plan, "target.runtime"), jsonx_text(plan, "target.state"));
		name = "";
	}
	if (name[0])
		buf_addf(&text, "%s, ", name);
	if (id[0])
		buf_addf(&text, "%s %.12s, %s", jsonx_text(plan, "target.runtime"), id,
			jsonx_text(plan, "target.state"));
	else if (!containers)
		buf_addf(&text, "process %" PRIu64, pid);
	buf_addf(&text, ", %" PRIu64 " process%s; profile %s", members, members == 1 ? "" : "es",
		jsonx_text(plan, "profile"));
	text_escape(&shown, buf_str(&text), text.len);
	term_wrap(out, buf_str(&shown), 0, 0);
}

static void print_size(struct buf *out, const json_t *from, const char *key)
{
	own_buf struct buf size = BUF_INIT(64);
	uint64_t bytes = 0;

	(void)jsonx_u64(from, key, &bytes);
	text_size(&size, bytes);
	buf_addf(out, "%*s", SIZE_COLUMNS, buf_str(&size));
}

/* Escaped, from where the line stands; the line ends there when there is none. */
static void print_text(struct buf *out, const char *text, size_t at)
{
	own_buf struct buf shown = BUF_INIT(TEXT_MAX);

	text_escape(&shown, text, strlen(text));
	term_wrap(out, buf_str(&shown), at, TOUCHES_COLUMN);
}

static void print_dumper(struct buf *out, const json_t *d)
{
	own_buf struct buf text = BUF_INIT(TEXT_MAX);
	const char *folder = jsonx_text(d, "folder");
	uint64_t items = 0;

	if (folder[0])
		buf_addf(&text, "%s: ", folder);
	term_cell(out, jsonx_text(d, "name"), NAME_COLUMNS);
	if (strcmp(jsonx_text(d, "status"), "planned") != 0) {
		buf_addf(&text, "%s: %s", jsonx_text(d, "status"), jsonx_text(d, "reason"));
		buf_addf(out, "%*s", TOUCHES_COLUMN - NAME_COLUMNS, "");
		print_text(out, buf_str(&text), TOUCHES_COLUMN);
		return;
	}
	print_size(out, d, "bytes");
	(void)jsonx_u64(d, "items", &items);
	buf_addf(out, "  %*" PRIu64 "    ", ITEMS_COLUMNS, items);
	buf_adds(&text, jsonx_text(d, "touches"));
	print_text(out, buf_str(&text), TOUCHES_COLUMN);
}

/* "freeze: all its processes stop while their memory is copied, for 5000 ms at most (cgroup2)" */
static void print_freeze(struct buf *out, const json_t *plan)
{
	const char *method = jsonx_text(plan, "freeze.method");
	own_buf struct buf text = BUF_INIT(TEXT_MAX);
	uint64_t ms = 0;

	if (!method[0])
		return;
	(void)jsonx_u64(plan, "freeze.max_ms", &ms);
	buf_adds(&text, "freeze: ");
	if (json_is_true(jsonx_get(plan, "freeze.frozen_before")))
		buf_adds(&text, "its cgroup is frozen already, and stays so");
	else
		buf_addf(&text,
			"all its processes stop while their memory is copied, for %" PRIu64
			" ms at most: %s",
			ms,
			!strcmp(method, "ptrace") ? "each thread through ptrace"
						  : "through their cgroup");
	term_wrap(out, buf_str(&text), 0, 2);
}

static void print_plan(struct buf *out, const json_t *plan)
{
	const json_t *dumpers = jsonx_get(plan, "dumpers"), *findings = jsonx_get(plan, "findings");

	print_target(out, plan);
	buf_addf(out, "\n%-*s%*s  %*s    %s\n", NAME_COLUMNS, "DUMPER", SIZE_COLUMNS, "READS",
		ITEMS_COLUMNS, "ITEMS", "TOUCHES");
	for (size_t i = 0; i < json_array_size(dumpers); i++)
		print_dumper(out, json_array_get(dumpers, i));
	buf_addf(out, "%-*s", NAME_COLUMNS, "total");
	print_size(out, plan, "total_bytes");
	buf_addc(out, '\n');
	print_freeze(out, plan);
	for (size_t i = 0; i < json_array_size(findings); i++) {
		const char *text = json_string_value(json_array_get(findings, i));
		own_buf struct buf shown = BUF_INIT(TEXT_MAX);

		buf_adds(&shown, "finding: ");
		text_escape(&shown, text ? text : "", text ? strlen(text) : 0);
		term_wrap(out, buf_str(&shown), 0, 2);
	}
}

static enum exit_code print(const struct invocation *in, const struct buf *plan)
{
	own_buf struct buf out = BUF_INIT(RESULT_MAX);
	own_json json_t *root = NULL;
	struct err e = ERR_INIT;

	if (in->option[REQUEST_JSON].on)
		return say_result(plan, EXIT_COMPLETE);
	root = jsonx_parse(buf_str(plan), plan->len, &e);
	if (!root) {
		say_error(&e);
		return EXIT_FAILED;
	}
	print_plan(&out, root);
	return say_result(&out, EXIT_COMPLETE);
}

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf candidates = BUF_INIT(CANDIDATES_MAX), plan = BUF_INIT(RESULT_MAX);
	struct engine_request rq = {0};
	struct err e = ERR_INIT;
	enum exit_code code;

	if (request_fill(in, &rq, &e) < 0)
		return say_usage(in, "%s", e.text);
	code = engine_plan(&rq, &plan, &candidates, &e);
	if (code == EXIT_COMPLETE)
		return print(in, &plan);
	request_failed(&e, &candidates);
	return code;
}

const struct command cmd_plan = {
	.name = "plan",
	.summary = "show what a collection would read and touch; collects nothing",
	.usage = request_usage,
	.details = "Takes the options of collect. Sizes are estimates from metadata. TOUCHES says "
		   "what reading changes in the target, or who may see it.",
	.options = request_options,
	.reads_targets = true,
	.run = run,
};
