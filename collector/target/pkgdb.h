/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pkgdb - which package of the host a file is from, by the files of the package databases
 * of dpkg and apk. */
#include "err.h"

enum { PKGDB_QUESTIONS = 64 };
enum pkgdb_kind { PKGDB_NONE, PKGDB_DPKG, PKGDB_APK, PKGDB_KINDS };
extern const char *const pkgdb_paths[PKGDB_KINDS]; /* "/var/lib/dpkg", ... "" */

struct pkgdb_owner {
	enum pkgdb_kind kind;
	char name[128], architecture[32];
	char version[128]; /* "" when the database does not say */
};

struct pkgdb_question {
	const char *path;	   /* absolute, without links */
	struct pkgdb_owner *owner; /* zeroed; filled when a package has it */
};

/* Answers all in one pass. Negative when a database could not be read; what was found stays. */
int pkgdb_owners(int root_fd, const struct pkgdb_question *q, unsigned n, struct err *e) must_check;
