/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubeask - one thing to ask an API server, and the list of them: none twice, none that
 * kubepath_check() refuses, with names that are safe for files whatever the server wrote. */
#include "buf.h"
#include "kubepath.h"

#include <stdbool.h>
#include <stddef.h>

enum { KUBEASK_MAX = 256 };

enum kubeask_kind {
	ASK_APIS, /* groups and versions of the server */
	ASK_VERSION,
	ASK_POD,
	ASK_OWNER,
	ASK_DISCOVERY, /* resources of one group */
	ASK_NODE,
	ASK_NAMESPACE,
	ASK_ACCOUNT,
	ASK_BINDINGS, /* of roles, of the namespace or of the cluster */
	ASK_ROLE,
	ASK_POLICIES,
	ASK_SERVICES,
	ASK_SLICES,
	ASK_EVENTS,
	ASK_PODS, /* other pods of an owner */
	ASK_LOG,  /* text, not JSON */
	/* of the whole cluster, to name the pod's peers */
	ASK_PEER_PODS, /* those that have one address */
	ASK_PEER_NODES,
	ASK_PEER_SERVICES,
	ASK_PEER_SERVER, /* the API server's own endpoints */
	ASK_KINDS
};

struct kubeask {
	enum kubeask_kind kind;
	bool list;	/* to be read page by page */
	bool other;	/* what answered is not the object that was meant: it bears another uid */
	unsigned level; /* of an owner: 1 is the pod's own */
	char uid[64];	/* what the object must bear; "": any */
	char name[192]; /* for a file: "owner/replicaset-web-7d9f"; safe as a name in a folder */
	char path[KUBEPATH_MAX];
};

struct kubeasks {
	struct kubeask *v[KUBEASK_MAX];
	size_t n, next;
	size_t dropped;
	char why[256]; /* the last one was */
};

/* Counts what will not be asked. */
void kubeask_drop(struct kubeasks *all, const char *why);
/*
 * One more, at the end. name is "FOLDER/REST", REST anybody's text. made is what making the path
 * came to: a negative one is counted as dropped. NULL: dropped, or it is there already.
 */
struct kubeask *kubeask_add(struct kubeasks *all, enum kubeask_kind kind, const char *name,
	const struct buf *path, int made);
void kubeask_done(struct kubeasks *all);
