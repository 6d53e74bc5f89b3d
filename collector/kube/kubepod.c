/* SPDX-License-Identifier: Apache-2.0 */
/* kubepod - a pod's containers, and what of it reaches the node. */
#include "kubepod.h"

#include "jsonx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINES_MAX = 256, LINE = 512 };

static const struct {
	const char *type, *specs, *statuses;
} lists[] = {
	{"init", "spec.initContainers", "status.initContainerStatuses"},
	{"container", "spec.containers", "status.containerStatuses"},
	{"ephemeral", "spec.ephemeralContainers", "status.ephemeralContainerStatuses"},
};

enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

static json_t *by_name(const json_t *list, const char *name)
{
	json_t *at;
	size_t i;

	json_array_foreach(list, i, at)
	{
		if (!strcmp(jsonx_text_key(at, "name"), name))
			return at;
	}
	return NULL;
}

static void share(json_t *to, const json_t *from, const char *key)
{
	(void)json_object_set(to, key, json_object_get(from, key));
}

json_t *kubepod_containers(const json_t *pod)
{
	static const char *const keys[] = {
		"containerID", "imageID", "restartCount", "ready", "started", "state", "lastState"};
	json_t *all = json_array(), *spec;
	size_t i;

	for (size_t l = 0; l < LISTS; l++)
		json_array_foreach(jsonx_get(pod, lists[l].specs), i, spec)
		{
			const json_t *status = by_name(
				jsonx_get(pod, lists[l].statuses), jsonx_text_key(spec, "name"));
			json_t *one = json_object();

			share(one, spec, "name");
			(void)json_object_set_new(one, "type", json_string(lists[l].type));
			share(one, spec, "image");
			for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
				share(one, status, keys[k]);
			(void)json_array_append_new(all, one);
		}
	return all;
}

/* ---- what reaches the node */

static void line(json_t *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void line(json_t *to, const char *fmt, ...)
{
	char text[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (json_array_size(to) < LINES_MAX)
		(void)json_array_append_new(to, json_string(text));
}

static void volumes(json_t *to, const json_t *pod)
{
	const json_t *at;
	size_t i;

	json_array_foreach(jsonx_get(pod, "spec.volumes"), i, at)
	{
		if (json_object_get(at, "hostPath"))
			line(to, "volume %.100s is %.200s of the node", jsonx_text_key(at, "name"),
				jsonx_text(at, "hostPath.path"));
	}
}

static void container(json_t *to, const char *type, const json_t *spec)
{
	const char *name = jsonx_text_key(spec, "name");
	const json_t *cap;
	size_t i;

	if (!strcmp(type, "ephemeral"))
		line(to, "container %.100s was added to the running pod", name);
	if (jsonx_bool(spec, "securityContext.privileged"))
		line(to, "container %.100s is privileged", name);
	json_array_foreach(jsonx_get(spec, "securityContext.capabilities.add"), i, cap)
	{
		if (json_is_string(cap))
			line(to, "container %.100s has the capability %.40s", name,
				json_string_value(cap));
	}
}

json_t *kubepod_risks(const json_t *pod)
{
	static const char *const shared[][2] = {{"spec.hostPID", "process"},
		{"spec.hostNetwork", "network"}, {"spec.hostIPC", "IPC"}};
	json_t *to = json_array(), *spec;
	size_t k;

	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (jsonx_bool(pod, shared[i][0]))
			line(to, "the pod is in the node's %s namespace", shared[i][1]);
	volumes(to, pod);
	for (size_t l = 0; l < LISTS; l++)
		json_array_foreach(jsonx_get(pod, lists[l].specs), k, spec)
		{
			container(to, lists[l].type, spec);
		}
	return to;
}
