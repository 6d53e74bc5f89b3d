/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * doctor - can this node be collected? Checks as tables; each probes at run time and
 * changes nothing, except that asking for socket lists may make the kernel load the
 * module for it, as a collection would.
 */
#include "err.h"
#include "host.h"

#include <stdbool.h>

enum doctor_level { DOCTOR_PASS, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	enum doctor_level level;
	bool permission; /* a failure that more rights would mend: exit 5 */
	char text[512];	 /* what was found */
	char remedy[512];
};

/* What the checks look at. */
struct doctor {
	struct host host; /* opened; descriptors -1 when it could not be, then host_err says why */
	struct err host_err;
	const char *output; /* folder or file; NULL: the current folder */
	const char *key;    /* private key file; NULL: none given */
};

struct doctor_check {
	const char *name;
	void (*run)(const struct doctor *d, struct doctor_finding *ret);
	/* What to do unless it passes and the check says nothing better itself. */
	const char *remedy;
};

/* Tables; each ends with a NULL name. */
extern const struct doctor_check doctor_access[], doctor_kernel[], doctor_node[];

/* Runs all of them in order. */
void doctor_run(const struct doctor *d,
	void (*each)(const struct doctor_check *c, const struct doctor_finding *f, void *arg),
	void *arg);

/* For checks: sets level and text. */
void doctor_say(struct doctor_finding *f, enum doctor_level level, const char *fmt, ...)
	printf_like(3, 4);
void doctor_remedy(struct doctor_finding *f, const char *fmt, ...) printf_like(2, 3);

struct buf;
/* The first line of a file below dirfd; empties and fills line. False when it cannot be read. */
bool doctor_line(int dirfd, const char *path, struct buf *line);
