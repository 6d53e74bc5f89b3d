/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubeselect - which objects select which: labels, selectors, and what points at a pod. What has
 * another shape than the API's selects nothing. */
#include "buf.h"

#include <jansson.h>
#include <stdbool.h>

/* A LabelSelector (matchLabels, matchExpressions): {} selects everything, NULL nothing. */
bool kubeselect_matches(const json_t *selector, const json_t *labels);
/* The plain map of a Service or a ReplicationController: empty selects nothing. */
bool kubeselect_map(const json_t *map, const json_t *labels);

/* Adds the selector of an owner (either form) as the text of a labelSelector, not yet
 * percent-encoded. -EINVAL: it is none, it is empty, or it is not made of labels. */
int kubeselect_query(const json_t *selector, struct buf *ret);

/* Whole objects, of one namespace with the pod unless their own says otherwise. */
bool kubeselect_policy(const json_t *policy, const json_t *pod);
bool kubeselect_service(const json_t *service, const json_t *pod);
/* An EndpointSlice, by what its endpoints refer to. */
bool kubeselect_slice(const json_t *slice, const json_t *pod);
