/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* node - where the runtimes of this host keep their state: the usual places,
 * and those that the running daemons, shims and monitors give away by their
 * command lines and working directories. */
#include "err.h"
#include "target.h"

enum { NODE_DIRS = 24 };

/* Absolute paths below the host's root, each once. */
struct node_dirs {
	unsigned n;
	char dir[NODE_DIRS][TARGET_PATH];
};

struct node {
	struct target_host host;
	struct node_dirs docker;	  /* data roots: /var/lib/docker */
	struct node_dirs containerd;	  /* task directories, with namespaces below */
	struct node_dirs containerd_data; /* its root directories: /var/lib/containerd */
	struct node_dirs storage;	  /* of podman and CRI-O: /var/lib/containers/storage */
	struct node_dirs storage_run;
};

/* Large: on the heap. */
int node_scan(const struct target_host *host, struct node *ret, struct err *e) must_check;

/* The bundle of a container among the task directories; ret is "" when there is none. */
void node_find_bundle(
	const struct node *node, const char *id, const char *ns, char ret[TARGET_PATH]);
