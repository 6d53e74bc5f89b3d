/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_storage - containers of podman and CRI-O, which share one storage library: its
 * containers.json, layers, and a userdata directory for each container. */
#include "hostfs.h"
#include "node.h"
#include "own.h"
#include "procfs.h"
#include "record.h"
#include "runtime.h"
#include "spec.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const drivers[] = {"overlay", "vfs", "btrfs", NULL};

static bool is_own_file(const char *name)
{
	return strstr(name, ".json") || strstr(name, ".lock");
}

struct walk {
	runtime_each *each;
	void *arg;
};

/* Beside the containers' directories lie the library's own files. */
static int each_container(const struct container_ref *ref, void *arg)
{
	struct walk *w = arg;

	return is_own_file(ref->id) ? 0 : w->each(ref, w->arg);
}

static int list(const struct node *node, runtime_each *each, void *arg, struct err *e)
{
	struct container_ref like = {.runtime = &runtime_storage};
	struct walk w = {each, arg};
	int rc = 0;

	for (unsigned i = 0; !rc && i < node->storage.n; i++) {
		for (const char *const *d = drivers; !rc && *d; d++) {
			if ((size_t)snprintf(like.dir, sizeof(like.dir), "%s/%s-containers",
				    node->storage.dir[i], *d) < sizeof(like.dir))
				rc = runtime_list_dir(&node->host, &like, each_container, &w, e);
		}
	}
	return rc;
}

/* STORAGE/DRIVER-containers/ID -> STORAGE and DRIVER */
static bool split_dir(const struct container *c, char root[TARGET_PATH], char driver[32])
{
	char *at;
	size_t len;

	memcpy(root, c->ref.dir, TARGET_PATH);
	at = strrchr(root, '/');
	if (!at)
		return false;
	*at = '\0';
	at = strrchr(root, '/');
	if (!at || strlen(at + 1) >= 32)
		return false;
	*at = '\0';
	len = strlen(at + 1);
	if (len <= 11 || strcmp(at + 1 + len - 11, "-containers") != 0)
		return false;
	snprintf(driver, 32, "%.*s", (int)(len - 11), at + 1);
	return true;
}

static const json_t *find_row(const json_t *rows, const char *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) if (!strcmp(jsonx_text(row, "id"), id)) return row;
	return NULL;
}

/* The layers below 'layer', topmost first, by layers.json. */
static void take_lowers(
	const json_t *layers, const char *root, const char *layer, struct container *c)
{
	size_t used = 0;

	for (int depth = 0; depth < TARGET_LOWERS; depth++) {
		const json_t *row = find_row(layers, layer);
		int n;

		layer = jsonx_text(row, "parent");
		if (!runtime_id_is_sane(layer))
			return;
		n = snprintf(c->lower + used, sizeof(c->lower) - used, "%s/%s/overlay/%s/diff",
			used ? ":" : "", root, layer);
		if (n < 0 || (size_t)n >= sizeof(c->lower) - used) {
			c->lower[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}

static json_t *read_table(
	const struct node *node, const char *root, const char *driver, const char *table)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s-%s/%s.json", root, driver, table, table);
	return hostfs_json(node->host.root_fd, path, NULL);
}

static void take_layer(
	const struct node *node, const char *root, const char *layer, struct container *c)
{
	char path[2 * TARGET_PATH];
	bool overlay = !strcmp(c->driver, "overlay");

	if (!runtime_id_is_sane(layer))
		return;
	if (!overlay) {
		snprintf(path, sizeof(path), "%s/%s/%s/%s", root, c->driver,
			strcmp(c->driver, "vfs") ? "subvolumes" : "dir", layer);
		(void)RECORD_TEXT(c->rootfs, path);
		return;
	}
	own_json json_t *layers = read_table(node, root, c->driver, "layers");

	snprintf(path, sizeof(path), "%s/overlay/%s/merged", root, layer);
	(void)RECORD_TEXT(c->rootfs, path);
	snprintf(path, sizeof(path), "%s/overlay/%s/diff", root, layer);
	if (!RECORD_TEXT(c->upper, path))
		c->upper[0] = '\0';
	take_lowers(layers, root, layer, c);
}

static void take_row(
	const struct node *node, const char *root, const json_t *row, struct container *c)
{
	const char *text = jsonx_text(row, "metadata");
	own_json json_t *meta = jsonx_parse(text, strlen(text), NULL);
	const char *name = json_string_value(json_array_get(jsonx_get(row, "names"), 0));

	(void)RECORD_TEXT(c->name, name ? name : jsonx_text(meta, "name"));
	(void)RECORD_TEXT(c->image, jsonx_text(meta, "image-name"));
	(void)RECORD_TEXT(c->image_digest, jsonx_text(row, "image"));
	(void)RECORD_TEXT(c->sandbox_id, jsonx_text(meta, "pod-id"));
	if (jsonx_get(meta, "pod-id"))
		c->kind = RUNTIME_CRIO;
	take_layer(node, root, jsonx_text(row, "layer"), c);
}

static void take_table(const struct node *node, const char *root, struct container *c)
{
	static const char *const tables[] = {"containers", "volatile-containers"};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		char path[2 * TARGET_PATH];
		const json_t *row;

		snprintf(
			path, sizeof(path), "%s/%s-containers/%s.json", root, c->driver, tables[i]);
		own_json json_t *rows = hostfs_json(node->host.root_fd, path, NULL);

		row = find_row(rows, c->ref.id);
		if (row) {
			take_row(node, root, row, c);
			return;
		}
	}
}

/* userdata lies in the storage itself and in its run directory: whatever is there first. */
static bool find_userdata(const struct node *node, const struct container *c, const char *root,
	const char *file, char ret[TARGET_PATH])
{
	const char *where = root;

	for (unsigned i = 0; i <= node->storage_run.n; i++) {
		char path[3 * TARGET_PATH];

		snprintf(path, sizeof(path), "%s/%s-containers/%s/userdata/%s", where, c->driver,
			c->ref.id, file);
		if (RECORD_TEXT(*(char(*)[TARGET_PATH])ret, path) &&
			hostfs_is_file(node->host.root_fd, ret))
			return true;
		if (i < node->storage_run.n)
			where = node->storage_run.dir[i];
	}
	return false;
}

static bool is_there(const struct node *node, pid_t pid)
{
	own_fd int fd = procfs_open_pid(node->host.proc_fd, pid, NULL);

	return fd >= 0;
}

static void take_process(const struct node *node, const char *root, struct container *c)
{
	char path[TARGET_PATH], text[32];
	uint64_t pid;

	if (find_userdata(node, c, root, "state.json", path)) { /* CRI-O's */
		own_json json_t *state = hostfs_json(node->host.root_fd, path, NULL);
		const char *start = jsonx_text(state, "initStartTime");

		(void)RECORD_TEXT(c->state_text, jsonx_text(state, "status"));
		if (jsonx_u64(state, "initPid", &pid) == 0 && pid <= INT32_MAX)
			c->pid = (pid_t)pid;
		if (text_parse_u64(start, UINT64_MAX, &c->start_ticks) < 0)
			c->start_ticks = 0;
	}
	if (!c->pid && find_userdata(node, c, root, "pidfile", path) &&
		hostfs_line(node->host.root_fd, path, text, sizeof(text), NULL) == 0 &&
		text_parse_u64(text, INT32_MAX, &pid) == 0)
		c->pid = (pid_t)pid;
	/* podman's pidfile outlives its process: it claims nothing */
	c->running = c->pid > 0 && (c->state_text[0] ? !strcmp(c->state_text, "running")
						     : is_there(node, c->pid));
	if (!c->state_text[0])
		(void)RECORD_TEXT(c->state_text, c->running ? "running"
						 : c->pid   ? "exited"
							    : "created");
}

static int load(const struct node *node, struct container *ret, struct err *e)
{
	char root[TARGET_PATH], path[TARGET_PATH];
	enum target_runtime engine;

	if (!split_dir(ret, root, ret->driver))
		return err_set(e, EINVAL, "%s: not a container's directory", ret->ref.dir);
	ret->kind = RUNTIME_PODMAN;
	take_table(node, root, ret);
	take_process(node, root, ret);
	if (find_userdata(node, ret, root, "config.json", path)) {
		*strrchr(path, '/') = '\0';
		(void)RECORD_TEXT(ret->bundle, path);
	}
	own_json json_t *spec = spec_read(&node->host, ret->bundle, NULL);

	if (!spec)
		return 0;
	engine = spec_engine(spec);
	if (engine == RUNTIME_CRIO || engine == RUNTIME_PODMAN)
		ret->kind = engine;
	spec_describe(spec, ret);
	return 0;
}

static int fill(const struct node *node, const struct container *c, struct target *t, struct err *e)
{
	static const char *const states[] = {
		"state.json", "pidfile", "conmon-pidfile", "conmon.pid", "artifacts/create-config"};
	char root[TARGET_PATH], driver[32], path[TARGET_PATH];
	own_json json_t *spec = spec_read(&node->host, c->bundle, NULL);

	if (!split_dir(c, root, driver))
		return err_set(e, EINVAL, "%s: not a container's directory", c->ref.dir);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (find_userdata(node, c, root, states[i], path))
			record_state(t, states[i], path);
	if (find_userdata(node, c, root, "ctr.log", path))
		record_log(t, "k8s-file", path);
	record_log(t, "cri", spec_annotation(spec, "io.kubernetes.cri-o.LogPath"));
	return 0;
}

const struct runtime runtime_storage = {RUNTIME_PODMAN, list, load, fill};
