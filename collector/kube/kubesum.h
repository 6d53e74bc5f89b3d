/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubesum - what the answers of a walk come to: the chain from the files to the owner, and what
 * surrounds the pod, for a person to read. Fed with each answer as the walk is; keeps of it what is
 * shown, with limits.
 */
#include "err.h"
#include "kubeask.h"
#include "kubewalk.h"
#include "target.h"

#include <jansson.h>

enum { KUBESUM_EACH = 512, /* of one kind; more are counted */ };

struct kubesum;

int kubesum_new(struct kubesum **ret, struct err *e) must_check;
void kubesum_free(struct kubesum *s);

/* After kubewalk_answer(). member: where it is in the bundle, below "kubernetes/". */
void kubesum_take(struct kubesum *s, const struct kubewalk *w, const struct kubeask *ask,
	const char *member, const json_t *document);
/* There was none. why: the kind of failure and the server's words. */
void kubesum_miss(struct kubesum *s, const struct kubeask *ask, const char *why);
/* The whole, a new object; "stands_out" are lines for findings. NULL: no memory. */
json_t *kubesum_render(struct kubesum *s, const struct kubewalk *w, const struct target *t);

static inline void kubesum_free_(struct kubesum **s)
{
	kubesum_free(*s);
}
#define own_kubesum __attribute__((cleanup(kubesum_free_)))
