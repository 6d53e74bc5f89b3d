/* SPDX-License-Identifier: Apache-2.0 */
/* kuberoles - which bindings of roles reach a service account, and what they allow. */
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

/* ---- what a rule allows */

static void join(struct buf *ret, const json_t *list, const char *before)
{
	const json_t *at;
	size_t i;

	json_array_foreach(list, i, at)
	{
		buf_adds(ret, i ? ", " : before);
		buf_adds(ret, json_is_string(at) ? json_string_value(at) : "?");
	}
}

void kuberoles_line(const json_t *rule, struct buf *ret)
{
	const json_t *groups = json_object_get(rule, "apiGroups");
	const char *first = json_string_value(json_array_get(groups, 0));

	join(ret, json_object_get(rule, "verbs"), "");
	join(ret, json_object_get(rule, "resources"), " ");
	join(ret, json_object_get(rule, "nonResourceURLs"), " ");
	/* "" is the core group: nobody writes it */
	if (json_array_size(groups) > 1 || (first && *first))
		join(ret, groups, " of ");
	join(ret, json_object_get(rule, "resourceNames"), " named ");
}

static bool holds(const json_t *list, const char *words)
{
	const json_t *at;
	size_t i;

	json_array_foreach(list, i, at)
	{
		const char *s = json_is_string(at) ? json_string_value(at) : "";
		const char *found = *s ? strstr(words, s) : NULL;
		size_t n = strlen(s);

		if (!strcmp(s, "*"))
			return true;
		for (; found; found = strstr(found + 1, s))
			if ((found == words || found[-1] == ' ') && (!found[n] || found[n] == ' '))
				return true;
	}
	return false;
}

const char *kuberoles_power(const json_t *rule, size_t *at)
{
	static const struct {
		const char *verbs, *resources, *says;
	} powers[] = {
		{"get list watch", "secrets", "read secrets"},
		{"create", "pods/exec pods/attach", "run programs in containers"},
		{"create update patch",
			"pods deployments daemonsets statefulsets replicasets jobs cronjobs",
			"run containers of its own"},
		{"update patch", "pods/ephemeralcontainers", "add containers to pods"},
		{"escalate bind", "roles clusterroles", "give itself rights"},
		{"create update patch", "rolebindings clusterrolebindings", "bind roles"},
		{"impersonate", "users groups serviceaccounts", "act as others"},
		{"create", "serviceaccounts/token", "make tokens of service accounts"},
		{"get create", "nodes/proxy", "command kubelets"},
		{"create update patch",
			"mutatingwebhookconfigurations validatingwebhookconfigurations",
			"change what others send to the API"},
	};
	const json_t *verbs = json_object_get(rule, "verbs");
	const json_t *resources = json_object_get(rule, "resources");

	while (*at < sizeof(powers) / sizeof(powers[0])) {
		size_t i = (*at)++;

		if (holds(verbs, powers[i].verbs) && holds(resources, powers[i].resources))
			return powers[i].says;
	}
	return NULL;
}
