/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ctrdb - what containerd's own databases say: containers that ended, images,
 * labels, and which snapshot is whose. DATA is containerd's root directory. */
#include "err.h"
#include "jsonx.h"
#include "runtime.h"

/* Calls each for every container of every namespace; like is the beginning of each ref, its dir
 * becomes DATA. A database that is not there has none. */
int ctrdb_list(const struct node *node, const char *data, const struct container_ref *like,
	runtime_each *each, void *arg, struct err *e) must_check;
/* Adds what the database knows of c to what is still "". false: it does not know it. */
bool ctrdb_describe(const struct node *node, const char *data, struct container *c);
/* Its specification as the database keeps it. NULL when there is none. */
json_t *ctrdb_spec(const struct node *node, const char *data, const struct container *c) must_check;
