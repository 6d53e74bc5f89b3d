/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* select - which container of which runtime the user means. */
#include "err.h"
#include "runtime.h"
#include "target.h"

struct buf;
struct node;

enum { SELECT_PREFIX_MIN = 4 };

/*
 * By full id, then name ("/" before it is dropped; also POD/CONTAINER and NAMESPACE/POD/CONTAINER),
 * then a prefix of at least four characters of the id. -ENOENT; -ENOTUNIQ with
 * candidates. An id that several runtimes know is the first one's in runtime_table[].
 */
int select_by_text(const struct node *node, const char *text, struct container *ret,
	struct buf *candidates, struct err *e) must_check;
/* By exact id; runtime_namespace "" matches any. -ENOENT without text. */
int select_by_id(const struct node *node, const char *id, const char *runtime_namespace,
	struct container *ret, struct err *e) must_check;
/* The container whose state names this cgroup or one above it. */
int select_by_cgroup(
	const struct node *node, const char *path, struct container *ret, struct err *e) must_check;
struct proc_row;

/* Does the process share a namespace, of mounts or of PIDs and not the host's, with the process
 * that the container's state names? */
bool select_shares(const struct node *node, const struct container *c, const struct proc_row *row);
/* The first container it shares one with. -ENOENT without text. */
int select_by_namespaces(const struct node *node, const struct proc_row *row, struct container *ret,
	struct err *e) must_check;
/* Is the state's process still there, and still the one it means? */
bool select_is_alive(const struct target_host *host, const struct container *c);
/* "running", "exited" ...: what the state says, but "dead" where it says running and is not. */
const char *select_state(const struct target_host *host, const struct container *c);
/* Calls each for every container once. What cannot be read is skipped. */
int select_each(const struct node *node, int (*each)(const struct container *c, void *arg),
	void *arg, struct err *e) must_check;
