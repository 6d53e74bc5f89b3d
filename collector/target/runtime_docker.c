/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_docker - containers of dockerd, by its data root. */
#include "hostfs.h"
#include "mounts.h"
#include "node.h"
#include "record.h"
#include "runtime.h"
#include "spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int list(const struct node *node, runtime_each *each, void *arg, struct err *e)
{
	struct container_ref like = {.runtime = &runtime_docker};
	int rc = 0;

	(void)RECORD_TEXT(like.runtime_namespace, "moby");
	for (unsigned i = 0; !rc && i < node->docker.n; i++) {
		if ((size_t)snprintf(like.dir, sizeof(like.dir), "%s/containers",
			    node->docker.dir[i]) < sizeof(like.dir))
			rc = runtime_list_dir(&node->host, &like, each, arg, e);
	}
	return rc;
}

static const char *state_text(const json_t *root)
{
	static const struct {
		const char *flag, *text;
	} states[] = {
		{"State.Restarting", "restarting"},
		{"State.Paused", "paused"},
		{"State.Running", "running"},
		{"State.Dead", "dead"},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (jsonx_bool(root, states[i].flag))
			return states[i].text;
	return jsonx_bool(root, "HasBeenStartedBefore") ? "exited" : "created";
}

static void take_labels(const json_t *labels, struct container *c)
{
	const struct {
		const char *key;
		char *field;
		size_t size;
	} rows[] = {
		{"io.kubernetes.pod.name", c->pod_name, sizeof(c->pod_name)},
		{"io.kubernetes.pod.namespace", c->pod_namespace, sizeof(c->pod_namespace)},
		{"io.kubernetes.pod.uid", c->pod_uid, sizeof(c->pod_uid)},
		{"io.kubernetes.container.name", c->pod_container, sizeof(c->pod_container)},
		{"io.kubernetes.docker.type", c->pod_part, sizeof(c->pod_part)},
		{"io.kubernetes.sandbox.id", c->sandbox_id, sizeof(c->sandbox_id)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		(void)record_text(rows[i].field, rows[i].size, jsonx_text_key(labels, rows[i].key));
}

/* DATA/containers/ID -> DATA */
static void data_root(const struct container *c, char ret[TARGET_PATH])
{
	char *at;

	memcpy(ret, c->ref.dir, sizeof(c->ref.dir));
	at = strstr(ret, "/containers/");
	for (char *next = at; next; next = strstr(next + 1, "/containers/"))
		at = next;
	if (at)
		*at = '\0';
}

/* A driver without layers: the root is a copy of all that lies below it, which ID-init is. */
static void take_copy(struct container *c, const char *root, const char *dirs, const char *id)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s/%s", root, dirs, id);
	if (!RECORD_TEXT(c->rootfs, path))
		c->rootfs[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s-init", root, dirs, id);
	if (!RECORD_TEXT(c->lower, path))
		c->lower[0] = '\0';
}

/* Where the storage driver keeps the writable layer MOUNT_ID. */
static void take_layer(const struct target_host *host, struct container *c)
{
	char root[TARGET_PATH], path[3 * TARGET_PATH], id[TARGET_ID + 8];

	data_root(c, root);
	snprintf(path, sizeof(path), "%s/image/%s/layerdb/mounts/%s/mount-id", root, c->driver,
		c->ref.id);
	if (hostfs_line(host->root_fd, path, id, sizeof(id), NULL) < 0 || !runtime_id_is_sane(id))
		return;
	if (!strcmp(c->driver, "vfs")) {
		take_copy(c, root, "vfs/dir", id);
		return;
	}
	if (!strcmp(c->driver, "btrfs")) {
		take_copy(c, root, "btrfs/subvolumes", id);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s/%s/merged", root, c->driver, id);
	(void)RECORD_TEXT(c->rootfs, path);
	if (strcmp(c->driver, "overlay2") != 0 && strcmp(c->driver, "fuse-overlayfs") != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", root, c->driver);
	(void)RECORD_TEXT(c->layers, path);
	snprintf(path, sizeof(path), "%s/%s/%s/diff", root, c->driver, id);
	if (!RECORD_TEXT(c->upper, path))
		c->upper[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s/lower", root, c->driver, id);
	if (hostfs_line(host->root_fd, path, c->lower, sizeof(c->lower), NULL) < 0)
		c->lower[0] = '\0';
}

static json_t *read_file(
	const struct target_host *host, const struct container *c, const char *name, struct err *e)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s", c->ref.dir, name);
	return hostfs_json(host->root_fd, path, e);
}

static int load(const struct node *node, struct container *ret, struct err *e)
{
	own_json json_t *root = read_file(&node->host, ret, "config.v2.json", e);
	own_json json_t *host = read_file(&node->host, ret, "hostconfig.json", NULL);
	const char *name;
	uint64_t pid = 0;

	if (!root)
		return e ? -e->code : -EINVAL;
	if (strcmp(jsonx_text(root, "ID"), ret->ref.id) != 0)
		return err_set(e, EINVAL, "%.12s: its state is of another container", ret->ref.id);
	name = jsonx_text(root, "Name");
	(void)RECORD_TEXT(ret->name, name + (*name == '/'));
	(void)RECORD_TEXT(ret->image, jsonx_text(root, "Config.Image"));
	(void)RECORD_TEXT(ret->image_digest, jsonx_text(root, "Image"));
	(void)RECORD_TEXT(ret->driver, jsonx_text(root, "Driver"));
	(void)RECORD_TEXT(ret->oci_runtime, jsonx_text(host, "Runtime"));
	(void)RECORD_TEXT(ret->state_text, state_text(root));
	take_labels(jsonx_get(root, "Config.Labels"), ret);
	ret->running = jsonx_bool(root, "State.Running");
	if (ret->running && jsonx_u64(root, "State.Pid", &pid) == 0 && pid <= INT32_MAX)
		ret->pid = (pid_t)pid;
	node_find_bundle(node, ret->ref.id, ret->ref.runtime_namespace, ret->bundle);
	if (runtime_id_is_sane(ret->driver))
		take_layer(&node->host, ret);
	return 0;
}

static void add_state(const struct container *c, struct target *t, const char *name)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s", c->ref.dir, name);
	record_state(t, name, path);
}

static void add_mounts(const json_t *root, const json_t *host, struct target *t)
{
	const json_t *m;
	const char *point;

	json_object_foreach(jsonx_get(root, "MountPoints"), point, m)
		mounts_add_declared(t, point, jsonx_text(m, "Source"), jsonx_text(m, "Type"));
	json_object_foreach(jsonx_get(host, "Tmpfs"), point, m)
		mounts_add_declared(t, point, "", "tmpfs");
}

static void add_log(
	const struct container *c, const json_t *root, const char *driver, struct target *t)
{
	char path[2 * TARGET_PATH];

	if (jsonx_text(root, "LogPath")[0])
		record_log(t, *driver ? driver : "json-file", jsonx_text(root, "LogPath"));
	if (strcmp(driver, "local") != 0)
		return;
	snprintf(path, sizeof(path), "%s/local-logs/container.log", c->ref.dir);
	record_log(t, "local", path);
}

static int fill(const struct node *node, const struct container *c, struct target *t, struct err *e)
{
	own_json json_t *root = read_file(&node->host, c, "config.v2.json", e);
	own_json json_t *host = read_file(&node->host, c, "hostconfig.json", e);

	if (!root || !host)
		return e ? -e->code : -EINVAL;
	add_state(c, t, "config.v2.json");
	add_state(c, t, "hostconfig.json");
	add_mounts(root, host, t);
	add_log(c, root, jsonx_text(host, "LogConfig.Type"), t);
	return 0;
}

const struct runtime runtime_docker = {RUNTIME_DOCKER, list, load, fill};
