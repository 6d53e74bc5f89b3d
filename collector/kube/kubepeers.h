/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubepeers - who is at the other ends of the pod's connections, by what the API server knew: a
 * pod, a service, a node or its port, the API server itself, a metadata service of a cloud.
 */
#include "err.h"
#include "kubeask.h"
#include "peers.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { KUBEPEERS_ENDS = 256, /* addresses with a port; more are not named */ };

struct kubepeers;

/* pod: its own addresses are itself; NULL: not known. */
int kubepeers_new(const struct peer *list, size_t n, const json_t *pod, struct kubepeers **ret,
	struct err *e) must_check;
void kubepeers_free(struct kubepeers *p);

/* The next address that only the server could name, from *at (0 at first) on; NULL: no more. */
const char *kubepeers_next(const struct kubepeers *p, size_t *at);
/* One answer to what kubewalk_add_peers() asked. */
void kubepeers_take(struct kubepeers *p, const struct kubeask *ask, const json_t *document);
/* A new array, a row for each connection. NULL: no memory. */
json_t *kubepeers_render(const struct kubepeers *p);

static inline void kubepeers_free_(struct kubepeers **p)
{
	kubepeers_free(*p);
}
#define own_kubepeers __attribute__((cleanup(kubepeers_free_)))
