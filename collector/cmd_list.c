/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_list - taphos list: the containers of this node. */
#include "buf.h"
#include "caps.h"
#include "command.h"
#include "dumper.h"
#include "host.h"
#include "inventory.h"
#include "own.h"
#include "say.h"
#include "term.h"
#include "text.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_HOST_ROOT, OPTION_JSON };
enum { RESULT_MAX = 64 << 20, CELL_MAX = 1088, ID_HEX = 64 };

static const struct option_def options[] = {
	[OPTION_HOST_ROOT] = OPTIONS_HOST_ROOT,
	[OPTION_JSON] = OPTIONS_JSON,
	{0},
};

enum column { ID, NAME, RUNTIME, PID, POD, IMAGE, SIZE, COLUMNS };

static const struct {
	const char *head;
	unsigned least; /* columns it keeps when there is little room; 0: as many as it needs */
} columns[COLUMNS] = {
	[ID] = {"ID", 24},
	[NAME] = {"NAME", 8},
	[RUNTIME] = {"RUNTIME", 0},
	[PID] = {"PID", 0},
	[POD] = {"POD", 8},
	[IMAGE] = {"IMAGE", 8},
	[SIZE] = {"LAYER", 0},
};

static void cell(const struct resolve_row *r, enum column c, char ret[CELL_MAX])
{
	own_buf struct buf size = BUF_INIT(64);

	switch (c) {
	case ID: /* those of runc, crun and ctr are names: a part of one finds nothing else */
		snprintf(ret, CELL_MAX, strlen(r->id) == ID_HEX ? "%.12s" : "%s", r->id);
		break;
	case PID:
		if (r->pid > 0)
			snprintf(ret, CELL_MAX, "%d", (int)r->pid);
		else
			snprintf(ret, CELL_MAX, "%.12s", r->state_text);
		break;
	case SIZE:
		text_size(&size, r->layer_bytes);
		snprintf(ret, CELL_MAX, "%s%s", r->layer_truncated ? ">" : "",
			r->layer_known ? buf_str(&size) : "");
		break;
	default:
		snprintf(ret, CELL_MAX, "%s",
			c == NAME      ? r->sandbox && !r->name[0] ? "(sandbox)" : r->name
			: c == POD     ? r->pod
			: c == IMAGE   ? r->image
			: c == RUNTIME ? target_runtime_names[r->runtime]
				       : "");
	}
	if (!ret[0])
		snprintf(ret, CELL_MAX, "-");
}

/* How wide each column would like to be; 0 for one that is empty throughout. */
static void measure(const struct inventory *all, unsigned width[COLUMNS])
{
	for (enum column c = 0; c < COLUMNS; c++) {
		bool used = false;

		width[c] = (unsigned)strlen(columns[c].head);
		for (size_t i = 0; i < all->rows; i++) {
			char text[CELL_MAX];
			unsigned n;

			cell(inventory_row(all, i), c, text);
			used = used || strcmp(text, "-") != 0;
			n = term_columns(text);
			width[c] = n > width[c] ? n : width[c];
		}
		if (!used && c != ID)
			width[c] = 0;
	}
}

/* Takes columns from the widest that can give until all fit. */
static void shrink(unsigned width[COLUMNS], unsigned room)
{
	for (;;) {
		enum column widest = COLUMNS;
		unsigned total = 0;

		for (enum column c = 0; c < COLUMNS; c++) {
			total += width[c] ? width[c] + 2 : 0;
			if (columns[c].least && width[c] > columns[c].least &&
				(widest == COLUMNS || width[c] > width[widest]))
				widest = c;
		}
		if (total <= room + 2 || widest == COLUMNS)
			return;
		width[widest]--;
	}
}

/* r NULL: the heading. */
static void print_row(struct buf *out, const struct resolve_row *r, const unsigned width[COLUMNS])
{
	enum column last = COLUMNS - 1;

	while (last > ID && !width[last])
		last--;
	for (enum column c = 0; c <= last; c++) {
		char text[CELL_MAX];

		if (!width[c])
			continue;
		if (r)
			cell(r, c, text);
		else
			snprintf(text, sizeof(text), "%s", columns[c].head);
		if (c == last && term_columns(text) <= width[c]) {
			term_cell(out, text, 0);
			continue;
		}
		term_cell(out, text, width[c]);
		buf_adds(out, c == last ? "" : "  ");
	}
	buf_addc(out, '\n');
}

static void print_table(struct buf *out, const struct inventory *all)
{
	unsigned width[COLUMNS];

	measure(all, width);
	if (isatty(STDOUT_FILENO))
		shrink(width, term_width(STDOUT_FILENO));
	print_row(out, NULL, width);
	for (size_t i = 0; i < all->rows; i++)
		print_row(out, inventory_row(all, i), width);
}

static enum exit_code exit_of(int rc)
{
	switch (rc) {
	case 0:
		return EXIT_COMPLETE;
	case -EPERM:
	case -EACCES:
		return EXIT_NOT_PERMITTED;
	case -ETIMEDOUT:
	case -ENOSPC:
		return EXIT_PARTIAL;
	default:
		return EXIT_FAILED;
	}
}

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf out = BUF_INIT(RESULT_MAX);
	own_inventory struct inventory all = INVENTORY_INIT;
	own_host struct host host = HOST_INIT;
	struct err e = ERR_INIT;
	enum exit_code code;
	int rc;

	rc = caps_require(DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH), &e);
	if (rc == 0)
		rc = host_open(in->option[OPTION_HOST_ROOT].text, &host, &e);
	if (rc == 0)
		rc = inventory_take(&host.at, &all, &e);
	code = exit_of(rc);
	if (rc < 0)
		say_error(&e);
	if (code != EXIT_COMPLETE && code != EXIT_PARTIAL)
		return code;
	if (in->option[OPTION_JSON].on)
		inventory_json(&all, &out);
	else if (all.rows)
		print_table(&out, &all);
	else if (rc == 0)
		say("no containers here: 'taphos doctor' shows which runtimes were looked for");
	return say_result(&out, code);
}

const struct command cmd_list = {
	.name = "list",
	.summary = "show the containers on this node",
	.details = "Running ones first. POD is NAMESPACE/POD, as collect --pod takes it; (sandbox) "
		   "only "
		   "holds the namespaces of its pod. LAYER is the size of the files in the "
		   "writable layer; a "
		   "leading > says that it was too large to count to its end. On a terminal "
		   "long names are cut to its width.",
	.options = options,
	.reads_targets = true,
	.run = run,
};
