/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_containerd - containers of containerd in any namespace: task directories of those
 * that run, directories of its CRI plugin for those that ended. */
#include "buf.h"
#include "ctrdb.h"
#include "hostfs.h"
#include "io.h"
#include "node.h"
#include "own.h"
#include "podnames.h"
#include "record.h"
#include "runtime.h"
#include "spec.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CRI_CONTAINERS "io.containerd.grpc.v1.cri/containers"

struct walk {
	const struct node *node;
	struct container_ref like;
	const char *tasks;
	runtime_each *each;
	void *arg;
};

static int each_namespace(const char *name, void *arg)
{
	struct walk *w = arg;

	if (!runtime_id_is_sane(name) || !RECORD_TEXT(w->like.runtime_namespace, name) ||
		(size_t)snprintf(w->like.dir, sizeof(w->like.dir), "%s/%s", w->tasks, name) >=
			sizeof(w->like.dir))
		return 0;
	return runtime_list_dir(&w->node->host, &w->like, w->each, w->arg, NULL);
}

static int list(const struct node *node, runtime_each *each, void *arg, struct err *e)
{
	struct walk w = {node, {.runtime = &runtime_containerd}, NULL, each, arg};
	int rc = 0;

	for (unsigned i = 0; !rc && i < node->containerd.n; i++) {
		w.tasks = node->containerd.dir[i];
		rc = hostfs_each_name(node->host.root_fd, w.tasks, each_namespace, &w, e);
	}
	for (unsigned i = 0; !rc && i < node->containerd_data.n; i++)
		rc = ctrdb_list(node, node->containerd_data.dir[i], &w.like, each, arg, e);
	(void)RECORD_TEXT(w.like.runtime_namespace, "k8s.io");
	for (unsigned i = 0; !rc && i < node->containerd_data.n; i++) {
		if ((size_t)snprintf(w.like.dir, sizeof(w.like.dir), "%s/%s",
			    node->containerd_data.dir[i], CRI_CONTAINERS) < sizeof(w.like.dir))
			rc = runtime_list_dir(&node->host, &w.like, each, arg, e);
	}
	return rc;
}

static bool read_line(const struct node *node, const struct container *c, const char *name,
	char *ret, size_t size)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s", c->ref.dir, name);
	return hostfs_line(node->host.root_fd, path, ret, size, NULL) == 0;
}

/* A task directory: config.json, init.pid, rootfs. */
static void load_task(const struct node *node, json_t *spec, struct container *c)
{
	char text[32];
	uint64_t pid;

	spec_describe(spec, c);
	(void)RECORD_TEXT(c->bundle, c->ref.dir);
	(void)read_line(node, c, "runtime", c->oci_runtime, sizeof(c->oci_runtime));
	if (snprintf(c->rootfs, sizeof(c->rootfs), "%s/rootfs", c->ref.dir) >= TARGET_PATH)
		c->rootfs[0] = '\0';
	if (read_line(node, c, "init.pid", text, sizeof(text)) &&
		text_parse_u64(text, INT32_MAX, &pid) == 0)
		c->pid = (pid_t)pid;
	c->running = c->pid > 0;
	(void)RECORD_TEXT(c->state_text, c->running ? "running" : "created");
}

static int take_link(const char *name, void *arg)
{
	struct container *c = arg;
	struct podname n;

	if (!podnames_link(name, &n) || strcmp(n.id, c->ref.id) != 0)
		return 0;
	(void)RECORD_TEXT(c->pod_name, n.pod);
	(void)RECORD_TEXT(c->pod_namespace, n.pod_namespace);
	(void)RECORD_TEXT(c->pod_container, n.container);
	(void)RECORD_TEXT(c->name, n.container);
	return 1;
}

/* A directory of the CRI plugin: 'status' is a JSON text; there is no task any more. */
static void load_ended(const struct node *node, struct container *c)
{
	char path[2 * TARGET_PATH];
	const char *finished;

	snprintf(path, sizeof(path), "%s/status", c->ref.dir);
	own_json json_t *status = hostfs_json(node->host.root_fd, path, NULL);

	finished = jsonx_text(status, "FinishedAt");
	if (!finished[0]) {
		json_int_t at = json_integer_value(jsonx_get(status, "FinishedAt"));

		(void)RECORD_TEXT(c->state_text, at ? "exited" : "unknown");
	} else {
		(void)RECORD_TEXT(c->state_text, "exited");
	}
	if (hostfs_each_name(node->host.root_fd, "var/log/containers", take_link, c, NULL) < 0)
		c->pod_name[0] = '\0';
}

static bool is_data_root(const struct node *node, const char *dir)
{
	for (unsigned i = 0; i < node->containerd_data.n; i++)
		if (!strcmp(node->containerd_data.dir[i], dir))
			return true;
	return false;
}

static int load(const struct node *node, struct container *ret, struct err *e)
{
	struct err why = ERR_INIT;
	own_json json_t *spec = NULL;
	bool known = false;

	if (!is_data_root(node, ret->ref.dir))
		spec = spec_read(&node->host, ret->ref.dir, &why);
	if (spec)
		load_task(node, spec, ret);
	for (unsigned i = 0; !known && i < node->containerd_data.n; i++)
		known = ctrdb_describe(node, node->containerd_data.dir[i], ret);
	if (!spec && strstr(ret->ref.dir, CRI_CONTAINERS))
		load_ended(node, ret);
	else if (!spec && !known)
		return err_set(e, why.code ? why.code : ENOENT, "%s", why.text);
	else if (!spec)
		(void)RECORD_TEXT(ret->state_text, "exited");
	if (!strcmp(ret->ref.runtime_namespace, "moby"))
		ret->kind = RUNTIME_DOCKER;
	return 0;
}

struct logs {
	struct target *t;
	const char *dir;
};

/* N.log; what was rotated lies beside it with a suffix. */
static int add_cri_log(const char *name, void *arg)
{
	struct logs *l = arg;
	size_t digits = strspn(name, "0123456789");
	char path[2 * TARGET_PATH];

	if (!digits || strcmp(name + digits, ".log") != 0)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", l->dir, name);
	record_log(l->t, "cri", path);
	return 0;
}

struct pod_logs {
	const struct target_host *host;
	const struct container *c;
	struct target *t;
};

/* var/log/pods/NAMESPACE_POD_UID/CONTAINER */
static int add_pod_logs(const char *name, void *arg)
{
	struct pod_logs *p = arg;
	const struct container *c = p->c;
	char head[2 * TARGET_ID + 4], dir[TARGET_PATH];
	struct logs l = {p->t, dir};

	snprintf(head, sizeof(head), "%s_%s_", c->pod_namespace, c->pod_name);
	if (strncmp(name, head, strlen(head)) != 0)
		return 0;
	if (c->pod_uid[0] && strcmp(name + strlen(head), c->pod_uid) != 0)
		return 0;
	snprintf(dir, sizeof(dir), "var/log/pods/%s/%s", name, c->pod_container);
	return hostfs_each_name(p->host->root_fd, dir, add_cri_log, &l, NULL);
}

static int fill(const struct node *node, const struct container *c, struct target *t, struct err *e)
{
	static const char *const files[] = {"config.json", "init.pid", "options.json", "runtime",
		"shim-binary-path", "address", "bootstrap.json", "log.json", "status"};
	struct pod_logs logs = {&node->host, c, t};
	own_json json_t *spec = NULL;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[2 * TARGET_PATH];

		snprintf(path, sizeof(path), "%s/%s", c->ref.dir, files[i]);
		if (hostfs_is_file(node->host.root_fd, path))
			record_state(t, files[i], path);
	}
	for (unsigned i = 0; !c->bundle[0] && !spec && i < node->containerd_data.n; i++)
		spec = ctrdb_spec(node, node->containerd_data.dir[i], c);
	spec_mounts(spec, "", t);
	if (!runtime_id_is_sane(c->pod_name) || !runtime_id_is_sane(c->pod_container))
		return 0;
	return hostfs_each_name(node->host.root_fd, "var/log/pods", add_pod_logs, &logs, e);
}

const struct runtime runtime_containerd = {RUNTIME_CONTAINERD, list, load, fill};
