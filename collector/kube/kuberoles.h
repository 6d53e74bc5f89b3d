/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kuberoles - which bindings of roles reach a service account, and where the role is. */
#include "buf.h"

#include <jansson.h>
#include <stdbool.h>

/* A RoleBinding or ClusterRoleBinding that names the account, its user name, or one of the groups
 * that every service account is in. */
bool kuberoles_reaches(const json_t *binding, const char *namespace, const char *account);

/* Adds the path of the role it gives. namespace is the binding's, "" for a ClusterRoleBinding.
 * -EINVAL: it names none. */
int kuberoles_path(const json_t *binding, const char *namespace, struct buf *ret);
