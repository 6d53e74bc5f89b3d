/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* verdict - what verify found, for people and for scripts. */
#include "exit.h"
#include "verify.h"

struct buf;
struct jsonw;

struct verdict {
	const char *path;
	const struct verify_report *report;
	const char *note; /* "": none */
	bool listed;	  /* the findings follow: no need to say where they are */
};

/* "SEALED, complete" and what it rests on; lines of at most 80 columns, as far as names let
 * them. */
void verdict_text(const struct verdict *v, struct buf *out);
/* The same as fields of the open object. */
void verdict_json(const struct verdict *v, struct jsonw *w);
/* One of its members, as an element of the open array. */
void verdict_member(const struct verify_member *m, struct jsonw *w);
/* 0 SEALED and complete; 3 SEALED otherwise, INTERRUPTED, NOTHING; 7 BAD. */
enum exit_code verdict_exit(const struct verify_report *r);
