/* SPDX-License-Identifier: Apache-2.0 */
/* doctor - can this node be collected? */
#include "doctor.h"
#include "buf.h"
#include "io.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...)
{
	va_list ap;

	f->level = level;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void doctor_remedy(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

bool doctor_line(int dirfd, const char *path, struct buf *line)
{
	struct err e;
	char *end;
	int rc;

	buf_clear(line);
	if (dirfd < 0)
		return false;
	rc = io_read_file(dirfd, path, line, &e);
	if (rc < 0 || !line->len)
		return false;
	end = strchr(line->data, '\n');
	if (end) {
		*end = '\0';
		line->len = (size_t)(end - line->data);
	}
	return true;
}

static void run_table(const struct doctor *d, const struct doctor_check *c,
	void (*each)(const struct doctor_check *c, const struct doctor_finding *f, void *arg),
	void *arg)
{
	for (; c->name; c++) {
		struct doctor_finding f = {0};

		c->run(d, &f);
		if (f.level == DOCTOR_PASS)
			f.remedy[0] = '\0';
		else if (!f.remedy[0] && c->remedy)
			doctor_remedy(&f, "%s", c->remedy);
		each(c, &f, arg);
	}
}

void doctor_run(const struct doctor *d,
	void (*each)(const struct doctor_check *c, const struct doctor_finding *f, void *arg),
	void *arg)
{
	run_table(d, doctor_access, each, arg);
	run_table(d, doctor_kernel, each, arg);
	run_table(d, doctor_node, each, arg);
}
