/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kuberoles - which bindings of roles reach a service account, where the role is, and what it
 * allows. */
#include "buf.h"

#include <jansson.h>
#include <stdbool.h>

/* A RoleBinding or ClusterRoleBinding that names the account, its user name, or one of the groups
 * that every service account is in. */
bool kuberoles_reaches(const json_t *binding, const char *namespace, const char *account);

/* Adds the path of the role it gives. namespace is the binding's, "" for a ClusterRoleBinding.
 * -EINVAL: it names none. */
int kuberoles_path(const json_t *binding, const char *namespace, struct buf *ret);

/* Adds one rule of a role as a line: "get, list pods, apps/deployments named web". */
void kuberoles_line(const json_t *rule, struct buf *ret);
/* What of a rule leads further than reading the cluster's state: "read secrets". The next one from
 * *at (0 at first) on; NULL: no more. */
const char *kuberoles_power(const json_t *rule, size_t *at);
