/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* goinfo - what Go's linker wrote into a program about how it was built: the same as
 * 'go version -m' shows, from the section .go.buildinfo. */
#include "err.h"

struct elffile;

enum { GOINFO_BYTES = 1 << 20 }; /* of the text that lists the modules */

/* "" where the program does not say. What does not fit is left out, not cut. */
struct goinfo {
	char version[64];	 /* of Go: "go1.19.8" */
	char path[256];		 /* of the main package */
	char module[256];	 /* that it is in */
	char module_version[64]; /* "v1.6.20", or "(devel)" */
	char revision[64];	 /* of the source, as the version control names it */
	char time[32];		 /* of that revision */
	char modified[8];	 /* "true": the source was not that revision's alone */
};

/* -ENOENT: not built by Go, or it does not say. */
int goinfo_read(const struct elffile *f, struct goinfo *ret, struct err *e) must_check;
