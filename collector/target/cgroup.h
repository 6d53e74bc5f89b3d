/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* cgroup - which container a cgroup path belongs to, by the names that runtimes
 * and their drivers give. A path is text of the kernel, its names are whoever
 * made the cgroup: an id found here is a hint until the runtime's state agrees. */
#include "target.h"

#include <stddef.h>

struct cgroup_id {
	enum target_runtime runtime; /* RUNTIME_NONE: the path does not say which */
	char id[TARGET_ID];
	char runtime_namespace[TARGET_ID]; /* of containerd, where the path holds it */
	char pod_uid[64];		   /* with dashes; "" outside kubepods */
	size_t own_len; /* bytes of the path up to the container's own cgroup, inclusive */
	bool monitor;	/* conmon's own scope beside the container's: not of the container */
	bool weak;	/* "/NAMESPACE/ID" of ctr, where any cgroup could look like it */
};

/* Finds the OUTERMOST container in the path. false: none. */
bool cgroup_identify(const char *path, struct cgroup_id *ret);

/* One line of /proc/PID/cgroup, not NUL-terminated parts copied. */
struct cgroup_line {
	bool unified;		/* the "0::" line */
	bool freezer;		/* the v1 hierarchy of the freezer */
	char path[TARGET_PATH]; /* without a leading "/.." of a reader's cgroup namespace */
};

/* Takes the first line off text; NULL when there was none, else the rest. A line that is not in
 * the form gives an empty path. */
const char *cgroup_next(const char *text, struct cgroup_line *ret);

/* 'path' is 'top' or below it. The root ("/" or "") contains nothing: it says nothing. */
bool cgroup_is_below(const char *path, const char *top);
