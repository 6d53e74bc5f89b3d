/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubewalk - what to ask an API server about one pod: JSON in, paths out. It asks nobody itself.
 *
 *	while ((ask = kubewalk_next(w)))
 *		... get or list ask->path, keep the answer as ask->name ...
 *		kubewalk_answer(w, ask, document);	each page of a list; NULL: there was none
 *
 * From the pod: its owners upwards, their events and their other pods, node, namespace, service
 * account, the bindings that reach it and their roles, policies, services, endpoint slices. Without
 * an answer for the pod: what its namespace and name lead to.
 * No path is given twice, none that kubepath_check() refuses, and at most KUBEASK_MAX: owners are
 * named by whoever made the object. What is left out is counted.
 */
#include "err.h"
#include "kubeask.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KUBEWALK_HEIGHT = 8,  /* owners above each other */
	KUBEWALK_OWNERS = 16, /* of one object */
};

struct kubewalk;

/* -EINVAL: that is no name of a pod. */
int kubewalk_new(const char *namespace, const char *pod, struct kubewalk **ret, struct err *e)
	must_check;
void kubewalk_free(struct kubewalk *w);

/* NULL: nothing is left to ask. It lives as long as the walk. */
struct kubeask *kubewalk_next(struct kubewalk *w);
/* Borrows document. */
void kubewalk_answer(struct kubewalk *w, struct kubeask *ask, const json_t *document);
/* The pod's logs, current and previous, of all its containers, as far as wanted() says so (NULL:
 * all): restart is the number that the kubelet's file of it bears. After the pod was answered. */
void kubewalk_add_logs(struct kubewalk *w,
	bool (*wanted)(const char *container, uint64_t restart, void *arg), void *arg);

/* What tells who has an address; and, the last of all, what does so for all of them. */
void kubewalk_add_peer(struct kubewalk *w, const char *address);
void kubewalk_add_peers(struct kubewalk *w);

/* How many paths were left out, and the last one's reason. */
size_t kubewalk_dropped(const struct kubewalk *w, const char **ret_why);
/* NULL before it was answered. */
const json_t *kubewalk_pod(const struct kubewalk *w);

static inline void kubewalk_free_(struct kubewalk **w)
{
	kubewalk_free(*w);
}
#define own_kubewalk __attribute__((cleanup(kubewalk_free_)))
