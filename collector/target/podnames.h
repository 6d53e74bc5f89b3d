/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* podnames - what the kubelet writes into the names of files: whose log this is. */
#include "target.h"

#include <stdbool.h>

/* What a name says; "" what it does not. */
struct podname {
	char pod_namespace[TARGET_ID], pod[TARGET_ID], uid[64], container[TARGET_ID];
	char id[TARGET_ID];
};

/* POD_NAMESPACE_CONTAINER-ID.log, a link in /var/log/containers. *ret is what it was on false. */
bool podnames_link(const char *name, struct podname *ret);
/* NAMESPACE_POD_UID, a folder in /var/log/pods. */
bool podnames_log_folder(const char *name, struct podname *ret);
/* A pod's uid, or of a static pod the digest of its configuration: 32 hex digits, dashes or not. */
bool podnames_is_uid(const char *text);
bool podnames_is_static(const char *uid);
