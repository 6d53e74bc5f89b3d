/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* resolve - from what the user named to one struct target; and the containers of
 * a node. Parses hostile text: call it in a worker. */
#include "err.h"
#include "target.h"

struct buf;

/*
 * Fills *ret (zeroed by the caller, large: keep it off the stack) and its
 * descriptors. -ENOENT: no such target; -ENOTUNIQ: more than one, then
 * candidates (may be NULL) has a line "ID12  NAME  RUNTIME  STATE  POD" for each;
 * -EPERM/-EACCES: not permitted to look; -EINVAL: selector makes no sense. The text
 * says what to do ("no container 'web': 'taphos list' shows what is here").
 */
int resolve_target(const struct target_host *host, const struct target_selector *sel,
	struct target *ret, struct buf *candidates, struct err *e) must_check;

struct resolve_row {
	char id[TARGET_ID], name[TARGET_ID], image[TARGET_TEXT];
	char pod[2 * TARGET_ID + 1]; /* "namespace/name" or "" */
	char pod_uid[64];
	bool sandbox; /* it only holds the pod's namespaces */
	char runtime_namespace[TARGET_ID];
	enum target_runtime runtime;
	char state_text[64];
	pid_t pid; /* 0: not running */
	bool layer_known;
	uint64_t layer_bytes; /* apparent size of regular files in the writable layer, bounded walk
			       */
	bool layer_truncated; /* the walk hit its bound: at least this much */
};

/* Calls each for every container, running first; stops when it returns non-zero. with_size
 * walks the writable layers (bounded to some 100,000 entries in all). */
int resolve_list(const struct target_host *host, bool with_size,
	int (*each)(const struct resolve_row *row, void *arg), void *arg, struct err *e) must_check;
