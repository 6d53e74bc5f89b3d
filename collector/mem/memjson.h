/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * memjson - memory/PID.json: the process, its threads, every mapping with what became of each of
 * its pages, the losses as gaps and what stands out as findings. Made after the core.
 */
#include "elfcore.h"
#include "memlog.h"

struct sink;

struct memjson {
	struct sink *out;
	struct memscan *scan;
	const struct memlog *log;
	const struct elfcore *plan;
	unsigned entry;	    /* in the log */
	const char *core;   /* member, NULL: none */
	const char *why;    /* there is none */
	unsigned *findings; /* of the run so far */
};

int memjson_send(const struct memjson *j, const char *member, struct err *e) must_check;
