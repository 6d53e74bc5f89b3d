/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_oci - containers of bare runc and crun, by the state directory each keeps. */
#include "runtime.h"
#include "hostfs.h"
#include "node.h"
#include "record.h"
#include "spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* runc --root: its own default, docker's, containerd's (a directory per namespace below). */
static const char *const runc_roots[] = {
	"run/runc", "run/docker/runtime-runc/moby", "run/docker/runtime-runc", NULL};
static const char *const runc_parents[] = {"run/containerd/runc", "run/k3s/containerd/runc",
	"run/k0s/containerd/runc", "var/snap/microk8s/common/run/containerd/runc",
	"run/docker/containerd/daemon/runc", NULL};
static const char *const crun_roots[] = {"run/crun", NULL};

struct walk {
	const struct target_host *host;
	struct container_ref like;
	const char *parent, *tail;
	runtime_each *each;
	void *arg;
};

static int each_root(const char *name, void *arg)
{
	struct walk *w = arg;
	struct err gone = ERR_INIT;
	int rc;

	if (!runtime_id_is_sane(name))
		return 0;
	(void)RECORD_TEXT(w->like.runtime_namespace, w->tail ? "" : name);
	snprintf(w->like.dir, sizeof(w->like.dir), "%s/%s%s", w->parent, name,
		w->tail ? w->tail : "");
	rc = runtime_list_dir(w->host, &w->like, w->each, w->arg, &gone);
	return rc > 0 ? rc : 0;
}

static int list_roots(struct walk *w, const char *const *roots, struct err *e)
{
	int rc = 0;

	for (; !rc && *roots; roots++) {
		(void)RECORD_TEXT(w->like.dir, *roots);
		rc = runtime_list_dir(w->host, &w->like, w->each, w->arg, e);
	}
	return rc;
}

static int list_parents(struct walk *w, const char *const *parents, struct err *e)
{
	int rc = 0;

	for (; !rc && *parents; parents++) {
		w->parent = *parents;
		rc = hostfs_each_name(w->host->root_fd, *parents, each_root, w, e);
	}
	return rc;
}

static int list_runc(const struct node *node, runtime_each *each, void *arg, struct err *e)
{
	static const char *const users[] = {"run/user", NULL};
	struct walk w = {
		.host = &node->host, .like.runtime = &runtime_oci_runc, .each = each, .arg = arg};
	int rc = list_roots(&w, runc_roots, e);

	if (!rc)
		rc = list_parents(&w, runc_parents, e);
	w.tail = "/runc";
	return rc ? rc : list_parents(&w, users, e);
}

static int list_crun(const struct node *node, runtime_each *each, void *arg, struct err *e)
{
	static const char *const users[] = {"run/user", NULL};
	struct walk w = {
		.host = &node->host, .like.runtime = &runtime_oci_crun, .each = each, .arg = arg};
	int rc = list_roots(&w, crun_roots, e);

	w.tail = "/crun";
	return rc ? rc : list_parents(&w, users, e);
}

static json_t *read_state(const struct target_host *host, const struct container_ref *ref,
	const char *file, struct err *e)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s", ref->dir, file);
	return hostfs_json(host->root_fd, path, e);
}

static void describe(const struct target_host *host, struct container *c, const char *oci)
{
	own_json json_t *spec = spec_read(host, c->bundle, NULL);

	if (spec)
		spec_describe(spec, c);
	(void)RECORD_TEXT(c->oci_runtime, oci);
	c->running = c->pid > 0;
	(void)RECORD_TEXT(c->state_text, c->running ? "running" : "stopped");
}

/* "/sys/fs/cgroup/freezer/r1" to "/r1", whatever the mount point of the hierarchy. */
static const char *below_mount(const char *path)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified",
		"/sys/fs/cgroup/pids", "/sys/fs/cgroup", NULL};

	for (const char *const *m = mounts; *m; m++) {
		size_t len = strlen(*m);

		if (!strncmp(path, *m, len) && path[len] == '/')
			return path + len;
	}
	return path;
}

static int load_runc(const struct node *node, struct container *ret, struct err *e)
{
	own_json json_t *state = read_state(&node->host, &ret->ref, "state.json", e);
	static const char bundle[] = "bundle=";
	const json_t *label;
	const char *cgroup;
	uint64_t pid = 0;
	size_t i;

	if (!state)
		return e ? -e->code : -ENOENT;
	(void)jsonx_u64(state, "init_process_pid", &pid);
	(void)jsonx_u64(state, "init_process_start", &ret->start_ticks);
	ret->pid = pid <= INT32_MAX ? (pid_t)pid : 0;
	json_array_foreach(jsonx_get(state, "config.labels"), i, label)
	{
		const char *s = json_string_value(label);

		if (s && !strncmp(s, bundle, sizeof(bundle) - 1))
			(void)RECORD_TEXT(ret->bundle, s + sizeof(bundle) - 1);
	}
	(void)RECORD_TEXT(ret->rootfs, jsonx_text(state, "config.rootfs"));
	cgroup = jsonx_str(state, "cgroup_paths.freezer");
	if (!cgroup)
		cgroup = json_string_value(json_object_get(jsonx_get(state, "cgroup_paths"), ""));
	(void)RECORD_TEXT(ret->cgroup, cgroup ? below_mount(cgroup) : "");
	describe(&node->host, ret, "runc");
	return 0;
}

static int load_crun(const struct node *node, struct container *ret, struct err *e)
{
	own_json json_t *state = read_state(&node->host, &ret->ref, "status", e);
	const char *rootfs;
	uint64_t pid = 0;

	if (!state)
		return e ? -e->code : -ENOENT;
	(void)jsonx_u64(state, "pid", &pid);
	(void)jsonx_u64(state, "process-start-time", &ret->start_ticks);
	ret->pid = pid <= INT32_MAX ? (pid_t)pid : 0;
	(void)RECORD_TEXT(ret->bundle, jsonx_text(state, "bundle"));
	(void)RECORD_TEXT(ret->cgroup, jsonx_text(state, "cgroup-path"));
	rootfs = jsonx_text(state, "rootfs");
	if ((size_t)snprintf(ret->rootfs, sizeof(ret->rootfs), "%s%s%s",
		    rootfs[0] == '/' ? "" : ret->bundle, rootfs[0] == '/' ? "" : "/",
		    rootfs) >= sizeof(ret->rootfs))
		ret->rootfs[0] = '\0';
	describe(&node->host, ret, "crun");
	return 0;
}

static void add_state(struct target *t, const struct container *c, const char *file)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s", c->ref.dir, file);
	record_state(t, file, path);
}

static int fill_runc(
	const struct node *node, const struct container *c, struct target *t, struct err *e)
{
	(void)node;
	(void)e;
	add_state(t, c, "state.json");
	return 0;
}

static int fill_crun(
	const struct node *node, const struct container *c, struct target *t, struct err *e)
{
	(void)node;
	(void)e;
	add_state(t, c, "status");
	add_state(t, c, "config.json");
	return 0;
}

const struct runtime runtime_oci_runc = {RUNTIME_RUNC, list_runc, load_runc, fill_runc};
const struct runtime runtime_oci_crun = {RUNTIME_CRUN, list_crun, load_crun, fill_crun};
