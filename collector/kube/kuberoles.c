/* SPDX-License-Identifier: Apache-2.0 */
/* kuberoles - which bindings of roles reach a service account, and where the role is. */
#include "kuberoles.h"

#include "jsonx.h"
#include "kubepath.h"

#include <errno.h>
#include <string.h>

/* "system:serviceaccount:NS:NAME" */
static bool is_user(const char *name, const char *namespace, const char *account)
{
	static const char prefix[] = "system:serviceaccount:";
	size_t len = strlen(namespace);

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	name += strlen(prefix);
	return !strncmp(name, namespace, len) && name[len] == ':' &&
	       !strcmp(name + len + 1, account);
}

static bool is_group(const char *name, const char *namespace)
{
	static const char all[] = "system:serviceaccounts";
	size_t len = strlen(all);

	if (!strcmp(name, "system:authenticated"))
		return true;
	if (strncmp(name, all, len) != 0)
		return false;
	return !name[len] || (name[len] == ':' && !strcmp(name + len + 1, namespace));
}

static bool is_subject(const json_t *subject, const char *namespace, const char *account)
{
	const char *kind = jsonx_text_key(subject, "kind"), *name = jsonx_text_key(subject, "name");

	if (!strcmp(kind, "ServiceAccount"))
		return !strcmp(name, account) &&
		       !strcmp(jsonx_text_key(subject, "namespace"), namespace);
	if (!strcmp(kind, "User"))
		return is_user(name, namespace, account);
	return !strcmp(kind, "Group") && is_group(name, namespace);
}

bool kuberoles_reaches(const json_t *binding, const char *namespace, const char *account)
{
	const json_t *subject;
	size_t i;

	json_array_foreach(json_object_get(binding, "subjects"), i,
		subject) if (is_subject(subject, namespace, account)) return true;
	return false;
}

int kuberoles_path(const json_t *binding, const char *namespace, struct buf *ret)
{
	const char *kind = jsonx_text(binding, "roleRef.kind");
	bool everywhere = !strcmp(kind, "ClusterRole");

	if (!everywhere && (strcmp(kind, "Role") != 0 || !*namespace))
		return -EINVAL;
	buf_adds(ret, "/apis/rbac.authorization.k8s.io/v1/");
	if (!everywhere) {
		buf_adds(ret, "namespaces/");
		if (kubepath_name(ret, namespace) < 0)
			return -EINVAL;
		buf_addc(ret, '/');
	}
	buf_adds(ret, everywhere ? "clusterroles/" : "roles/");
	return kubepath_name(ret, jsonx_text(binding, "roleRef.name"));
}
