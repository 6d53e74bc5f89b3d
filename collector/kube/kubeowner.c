/* SPDX-License-Identifier: Apache-2.0 */
/* kubeowner - from a reference to an owner to the path of that object. */
#include "kubeowner.h"

#include "jsonx.h"
#include "kubepath.h"

#include <errno.h>
#include <string.h>

/* group, kind, resource; of all served versions. A mirror pod's owner is its node. */
static const struct {
	const char *group, *kind, *resource;
	bool namespaced;
} known[] = {
	{"apps", "ReplicaSet", "replicasets", true},
	{"apps", "Deployment", "deployments", true},
	{"apps", "DaemonSet", "daemonsets", true},
	{"apps", "StatefulSet", "statefulsets", true},
	{"batch", "Job", "jobs", true},
	{"batch", "CronJob", "cronjobs", true},
	{"", "ReplicationController", "replicationcontrollers", true},
	{"", "Node", "nodes", false},
};

/* false: it is not there, or does not fit. */
static bool copy(char *to, size_t size, const char *text, size_t len)
{
	if (!len || len >= size)
		return false;
	memcpy(to, text, len);
	to[len] = '\0';
	return true;
}

static bool copy_key(const json_t *in, const char *key, char *to, size_t size)
{
	const char *text = jsonx_text_key(in, key);

	return copy(to, size, text, strlen(text));
}

int kubeowner_read(const json_t *reference, struct kubeowner *ret)
{
	const char *api = jsonx_text_key(reference, "apiVersion"), *slash = strchr(api, '/');
	const char *version = slash ? slash + 1 : api;

	*ret = (struct kubeowner){.namespaced = false};
	if (slash && !copy(ret->group, sizeof(ret->group), api, (size_t)(slash - api)))
		return -EINVAL;
	if (!copy(ret->version, sizeof(ret->version), version, strlen(version)) ||
		!copy_key(reference, "kind", ret->kind, sizeof(ret->kind)) ||
		!copy_key(reference, "name", ret->name, sizeof(ret->name)))
		return -EINVAL;
	(void)copy_key(reference, "uid", ret->uid, sizeof(ret->uid));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].group, ret->group) != 0 ||
			strcmp(known[i].kind, ret->kind) != 0)
			continue;
		(void)copy(ret->resource, sizeof(ret->resource), known[i].resource,
			strlen(known[i].resource));
		ret->namespaced = known[i].namespaced;
	}
	return 0;
}

int kubeowner_discovery(const struct kubeowner *o, struct buf *ret)
{
	buf_adds(ret, o->group[0] ? "/apis/" : "/api/");
	if (o->group[0]) {
		if (kubepath_name(ret, o->group) < 0)
			return -EINVAL;
		buf_addc(ret, '/');
	}
	return kubepath_name(ret, o->version);
}

int kubeowner_resolve(struct kubeowner *o, const json_t *resources)
{
	const json_t *at;
	size_t i;

	json_array_foreach(json_object_get(resources, "resources"), i, at)
	{
		/* "rollouts/status" has the kind too */
		if (strcmp(jsonx_text_key(at, "kind"), o->kind) != 0 ||
			strchr(jsonx_text_key(at, "name"), '/'))
			continue;
		if (!copy_key(at, "name", o->resource, sizeof(o->resource)))
			continue;
		o->namespaced = jsonx_bool(at, "namespaced");
		return 0;
	}
	return -ENOENT;
}

int kubeowner_path(const struct kubeowner *o, const char *namespace, struct buf *ret)
{
	int rc = kubeowner_discovery(o, ret);

	if (rc == 0 && o->namespaced) {
		buf_adds(ret, "/namespaces/");
		rc = kubepath_name(ret, namespace);
	}
	buf_addc(ret, '/');
	if (rc == 0)
		rc = kubepath_name(ret, o->resource);
	buf_addc(ret, '/');
	return rc == 0 ? kubepath_name(ret, o->name) : rc;
}
