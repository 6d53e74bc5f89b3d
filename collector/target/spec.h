/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* spec - the OCI runtime specification of a container (config.json): pod
 * identity, image and mounts, as each engine annotates them. */
#include "jsonx.h"
#include "target.h"

struct container;

/* Reads BUNDLE/config.json. NULL on failure. */
json_t *spec_read(const struct target_host *host, const char *bundle, struct err *e) must_check;
/* Fills what is still "" in c from annotations and mounts. */
void spec_describe(const json_t *spec, struct container *c);
/* Which engine wrote it: RUNTIME_NONE when it does not say. */
enum target_runtime spec_engine(const json_t *spec);
/* Adds its mounts to the target. */
void spec_mounts(const json_t *spec, const char *bundle, struct target *t);
/* The text of an annotation, "" when absent. */
const char *spec_annotation(const json_t *spec, const char *key);
/* The pod's uid in the sources of its mounts, /var/lib/kubelet/pods/UID/...; "" for none. */
void spec_mounted_pod(const json_t *spec, char ret[64]);
