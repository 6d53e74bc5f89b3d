/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubepod - a pod's containers in one list each with what it is and how it fares, and what of the
 * pod reaches the node. */
#include <jansson.h>

/* A new array: of each container, init and ephemeral ones too, its "name", "type", image, ids,
 * states. NULL: no memory. */
json_t *kubepod_containers(const json_t *pod);
/* A new array of lines such as "container c is privileged". NULL: no memory. */
json_t *kubepod_risks(const json_t *pod);
