/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* filter - the system calls a worker may make (seccomp, through libseccomp). */
#include "err.h"

enum filter_kind {
	FILTER_PARSER,	/* reads descriptors it was given: no file can be opened */
	FILTER_READER,	/* opens and reads files */
	FILTER_NETWORK, /* a reader that also has netlink and raw inet sockets */
	FILTER_WRITER,	/* a parser with threads that writes and flushes */
	FILTER_MOUNTS,	/* clones mounts, and sends them back */
	FILTER_TRACER,	/* a reader of memory that stops threads, reads registers and lets go;
			   may have threads */
	FILTER_MEMORY,	/* a reader of files and of memory */
	FILTER_CLIENT,	/* a reader that connects to internet addresses */
};

/* Sets no_new_privs and loads the filter; everything not listed answers EPERM,
 * execve and (but in a tracer) ptrace kill. Cannot be undone. */
int filter_load(enum filter_kind kind, struct err *e) must_check;
