/* SPDX-License-Identifier: Apache-2.0 */
/* spec - the OCI runtime specification of a container. */
#include "spec.h"
#include "hostfs.h"
#include "mounts.h"
#include "record.h"
#include "runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

json_t *spec_read(const struct target_host *host, const char *bundle, struct err *e)
{
	char path[TARGET_PATH];

	if (!*bundle) {
		err_set(e, ENOENT, "no bundle");
		return NULL;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/config.json", bundle) >= sizeof(path)) {
		err_set(e, ENAMETOOLONG, "bundle path too long");
		return NULL;
	}
	return hostfs_json(host->root_fd, path, e);
}

const char *spec_annotation(const json_t *spec, const char *key)
{
	return jsonx_text_key(jsonx_get(spec, "annotations"), key);
}

struct annotation {
	const char *key;
	size_t offset, size;
};

#define ROW(key, field)                                                                        \
	{                                                                                      \
		key, offsetof(struct container, field), sizeof(((struct container *)0)->field) \
	}

/* The first that is there wins. containerd's CRI, CRI-O, kubelet's labels, nerdctl. */
static const struct annotation annotations[] = {
	ROW("io.kubernetes.cri.sandbox-namespace", pod_namespace),
	ROW("io.kubernetes.cri.sandbox-name", pod_name),
	ROW("io.kubernetes.cri.sandbox-uid", pod_uid),
	ROW("io.kubernetes.cri.container-name", pod_container),
	ROW("io.kubernetes.cri.sandbox-id", sandbox_id),
	ROW("io.kubernetes.cri.container-type", pod_part),
	ROW("io.kubernetes.cri.image-name", image),
	ROW("io.kubernetes.cri-o.SandboxID", sandbox_id),
	ROW("io.kubernetes.cri-o.ContainerType", pod_part),
	ROW("io.kubernetes.cri-o.ImageName", image),
	ROW("io.kubernetes.cri-o.ImageRef", image_digest),
	ROW("io.kubernetes.cri-o.Image", image),
	ROW("io.kubernetes.cri-o.Name", name),
	ROW("io.kubernetes.pod.namespace", pod_namespace),
	ROW("io.kubernetes.pod.name", pod_name),
	ROW("io.kubernetes.pod.uid", pod_uid),
	ROW("io.kubernetes.container.name", pod_container),
	ROW("nerdctl/name", name),
	ROW("org.opencontainers.image.ref.name", image),
};

void spec_mounted_pod(const json_t *spec, char ret[64])
{
	static const char pods[] = "/kubelet/pods/";
	const json_t *mount;
	size_t i;

	ret[0] = '\0';
	json_array_foreach(jsonx_get(spec, "mounts"), i, mount)
	{
		const char *uid = strstr(jsonx_text(mount, "source"), pods);
		size_t len = uid ? strcspn(uid + sizeof(pods) - 1, "/") : 0;

		if (len < 32 || len > 36)
			continue;
		snprintf(ret, 64, "%.*s", (int)len, uid + sizeof(pods) - 1);
		return;
	}
}

void spec_describe(const json_t *spec, struct container *c)
{
	for (size_t i = 0; i < sizeof(annotations) / sizeof(annotations[0]); i++) {
		char *field = (char *)c + annotations[i].offset;

		if (!*field)
			(void)record_text(field, annotations[i].size,
				spec_annotation(spec, annotations[i].key));
	}
	if (!*c->name)
		(void)RECORD_TEXT(c->name, c->pod_container);
	if (!*c->pod_uid)
		spec_mounted_pod(spec, c->pod_uid);
	if (!*c->cgroup)
		(void)RECORD_TEXT(c->cgroup, jsonx_text(spec, "linux.cgroupsPath"));
}

enum target_runtime spec_engine(const json_t *spec)
{
	if (!strcmp(spec_annotation(spec, "io.container.manager"), "cri-o") ||
		*spec_annotation(spec, "io.kubernetes.cri-o.ContainerType"))
		return RUNTIME_CRIO;
	if (!strcmp(spec_annotation(spec, "io.container.manager"), "libpod"))
		return RUNTIME_PODMAN;
	if (*spec_annotation(spec, "io.kubernetes.cri.container-type"))
		return RUNTIME_CONTAINERD;
	return RUNTIME_NONE;
}

static bool is_bind(const json_t *mount)
{
	const json_t *option;
	size_t i;

	if (!strcmp(jsonx_text(mount, "type"), "bind"))
		return true;
	json_array_foreach(jsonx_get(mount, "options"), i, option)
	{
		const char *s = json_string_value(option);

		if (s && (!strcmp(s, "bind") || !strcmp(s, "rbind")))
			return true;
	}
	return false;
}

void spec_mounts(const json_t *spec, const char *bundle, struct target *t)
{
	const json_t *mount;
	size_t i;

	json_array_foreach(jsonx_get(spec, "mounts"), i, mount)
	{
		const char *source = jsonx_text(mount, "source");
		char absolute[2 * TARGET_PATH];

		if (!is_bind(mount))
			source = "";
		snprintf(absolute, sizeof(absolute), "%s%s%s",
			*source && *source != '/' ? bundle : "",
			*source && *source != '/' ? "/" : "", source);
		mounts_add_declared(t, jsonx_text(mount, "destination"), absolute,
			is_bind(mount) ? "bind" : jsonx_text(mount, "type"));
	}
}
