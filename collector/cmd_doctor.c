/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_doctor - taphos doctor: can this node be collected? */
#include "buf.h"
#include "command.h"
#include "doctor.h"
#include "jsonw.h"
#include "say.h"
#include "term.h"
#include "text.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_OUTPUT, OPTION_KEY, OPTION_HOST_ROOT, OPTION_JSON };
enum { RESULT_MAX = 1 << 20, NAME_COLUMNS = 17, TEXT_COLUMN = 6 + NAME_COLUMNS };

static const struct option_def options[] = {
	[OPTION_OUTPUT] = {.name = "output",
		.letter = 'o',
		.kind = OPT_FILE,
		.metavar = "DIR",
		.help = "where bundles would go"},
	[OPTION_KEY] = {.name = "key",
		.kind = OPT_FILE,
		.metavar = "FILE",
		.help = "the private key that would sign them"},
	[OPTION_HOST_ROOT] = OPTIONS_HOST_ROOT,
	[OPTION_JSON] = OPTIONS_JSON,
	{0},
};

static const char *const level_names[] = {
	[DOCTOR_PASS] = "pass", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail"};

struct report {
	struct buf *out;
	struct jsonw *json; /* NULL: for people */
	bool colour;
	unsigned count[3];
	bool permission;
};

static void show_json(
	struct report *r, const struct doctor_check *c, const struct doctor_finding *f)
{
	jsonw_open(r->json, NULL);
	jsonw_str(r->json, "name", c->name);
	jsonw_str(r->json, "status", level_names[f->level]);
	jsonw_str(r->json, "text", f->text);
	jsonw_str(r->json, "remedy", f->remedy[0] ? f->remedy : NULL);
	jsonw_close(r->json);
}

static void show_text(
	struct report *r, const struct doctor_check *c, const struct doctor_finding *f)
{
	static const char *const colour[] = {"\033[32m", "\033[33m", "\033[31m"};
	own_buf struct buf text = BUF_INIT(8192);

	buf_addf(r->out, "%s%s%s  ", r->colour ? colour[f->level] : "", level_names[f->level],
		r->colour ? "\033[0m" : "");
	term_cell(r->out, c->name, NAME_COLUMNS);
	text_escape(&text, f->text, strlen(f->text));
	term_wrap(r->out, buf_str(&text), TEXT_COLUMN, TEXT_COLUMN);
	if (!f->remedy[0])
		return;
	buf_clear(&text);
	buf_adds(&text, "fix: ");
	text_escape(&text, f->remedy, strlen(f->remedy));
	buf_addf(r->out, "%*s", TEXT_COLUMN, "");
	term_wrap(r->out, buf_str(&text), TEXT_COLUMN, TEXT_COLUMN);
}

static void show(const struct doctor_check *c, const struct doctor_finding *f, void *arg)
{
	struct report *r = arg;

	r->count[f->level]++;
	if (f->level == DOCTOR_FAIL && f->permission)
		r->permission = true;
	if (r->json)
		show_json(r, c, f);
	else
		show_text(r, c, f);
}

static enum exit_code verdict(const struct report *r)
{
	if (r->permission)
		return EXIT_NOT_PERMITTED;
	return r->count[DOCTOR_FAIL] ? EXIT_FAILED : EXIT_COMPLETE;
}

static void summary(struct report *r)
{
	if (r->json) {
		jsonw_close_array(r->json);
		jsonw_u64(r->json, "pass", r->count[DOCTOR_PASS]);
		jsonw_u64(r->json, "warn", r->count[DOCTOR_WARN]);
		jsonw_u64(r->json, "fail", r->count[DOCTOR_FAIL]);
		jsonw_u64(r->json, "exit", verdict(r));
		jsonw_close(r->json);
		buf_addc(r->out, '\n');
		return;
	}
	buf_addf(r->out, "\n%u passed, %u warnings, %u failed: %s\n", r->count[DOCTOR_PASS],
		r->count[DOCTOR_WARN], r->count[DOCTOR_FAIL],
		r->count[DOCTOR_FAIL] ? "this node cannot be collected as it is"
				      : "this node can be collected");
}

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf out = BUF_INIT(RESULT_MAX);
	struct jsonw json = JSONW(&out);
	struct report r = {.out = &out, .colour = term_has_colour(STDOUT_FILENO)};
	struct doctor d = {.host = HOST_INIT,
		.output = in->option[OPTION_OUTPUT].text,
		.key = in->option[OPTION_KEY].text};

	if (in->option[OPTION_JSON].on) {
		r.json = &json;
		jsonw_open(&json, NULL);
		jsonw_open_array(&json, "checks");
	}
	if (host_open(in->option[OPTION_HOST_ROOT].text, &d.host, &d.host_err) < 0)
		d.host = HOST_INIT;
	doctor_run(&d, show, &r);
	host_close(&d.host);
	summary(&r);
	return say_result(&out, verdict(&r));
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "check whether this node can be collected, and how to mend it",
	.details =
		"Exit: 0 when nothing fails (warnings are no failure), 5 when rights are missing, "
		"1 when something else fails.",
	.options = options,
	.run = run,
};
