/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * logfiles - the log files of a container where its runtime keeps them on the
 * host, and those that were rotated. A container that can write there may have put
 * a link in a log's place: links are followed only to where logs are kept, which is
 * /var/log and the runtime's state of this container.
 */
#include "dumper.h"

#include <sys/stat.h>

enum { LOGFILES_MEMBER = 240 };

struct logfile {
	const char *label; /* the target's, of the log it belongs to */
	char *name;	   /* bytes */
	char *dir;	   /* below the host's root */
	int fd;		   /* O_PATH, of a regular file */
	struct stat st;
	char member[LOGFILES_MEMBER]; /* for the caller */
};

struct logfiles {
	struct logfile *list; /* newest first, no file twice */
	unsigned n;
};
#define own_logfiles __attribute__((cleanup(logfiles_done)))

/* What is not there, or not to be read, becomes a gap. *ret is zeroed by the caller. */
int logfiles_find(struct logfiles *ret, const struct dump *d, struct sink *out, struct err *e)
	must_check;
void logfiles_done(struct logfiles *f);
