/* SPDX-License-Identifier: Apache-2.0 */
/* node - where the runtimes of this host keep their state. */
#include "node.h"
#include "buf.h"
#include "hostfs.h"
#include "io.h"
#include "members.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"
#include "record.h"

#include <stdio.h>
#include <string.h>

enum { CMDLINE_MAX = 64 << 10 };

static void add(struct node_dirs *d, const char *path)
{
	char full[TARGET_PATH];

	path += strspn(path, "/");
	if (!*path || (size_t)snprintf(full, sizeof(full), "/%s", path) >= sizeof(full))
		return;
	for (unsigned i = 0; i < d->n; i++)
		if (!strcmp(d->dir[i], full))
			return;
	if (d->n < NODE_DIRS)
		memcpy(d->dir[d->n++], full, sizeof(full));
}

static void add_below(struct node_dirs *d, const char *parent, const char *tail)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/%s", parent, tail);
	add(d, path);
}

static void add_usual(struct node *n)
{
	/* containerd itself, k3s and rke2, k0s, microk8s, the one that docker starts,
	 * Bottlerocket's */
	static const char *const states[] = {"run/containerd", "run/k3s/containerd",
		"run/k0s/containerd", "var/snap/microk8s/common/run/containerd",
		"run/docker/containerd/daemon", "run/host-containerd"};
	static const char *const data[] = {"var/lib/containerd",
		"var/lib/rancher/k3s/agent/containerd", "var/lib/rancher/rke2/agent/containerd",
		"var/lib/k0s/containerd", "var/snap/microk8s/common/var/lib/containerd"};

	add(&n->docker, "var/lib/docker");
	add(&n->containerd_data, "var/lib/docker/containerd/daemon");
	add(&n->docker, "var/snap/docker/common/var-lib-docker");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		add_below(&n->containerd, states[i], "io.containerd.runtime.v2.task");
		add_below(&n->containerd, states[i], "io.containerd.runtime.v1.linux");
	}
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		add(&n->containerd_data, data[i]);
	add(&n->storage, "var/lib/containers/storage");
	add(&n->storage_run, "run/containers/storage");
}

static int add_home(const char *name, void *arg)
{
	struct node *n = arg;
	char path[TARGET_PATH];

	snprintf(path, sizeof(path), "home/%s/.local/share/containers/storage", name);
	if (hostfs_is_dir(n->host.root_fd, path))
		add(&n->storage, path);
	return 0;
}

static int add_user(const char *uid, void *arg)
{
	struct node *n = arg;
	char path[TARGET_PATH];

	snprintf(path, sizeof(path), "run/user/%s/containers", uid);
	if (hostfs_is_dir(n->host.root_fd, path))
		add(&n->storage_run, path);
	return 0;
}

static void add_configured(struct node *n)
{
	own_json json_t *docker = hostfs_json(n->host.root_fd, "etc/docker/daemon.json", NULL);

	add(&n->docker, jsonx_text(docker, "data-root"));
	add(&n->docker, jsonx_text(docker, "graph"));
}

/* --- processes --- */

struct process {
	struct node *n;
	int fd;
	const char *args; /* NUL-terminated words */
	size_t len;
};

static const char *next_arg(const struct process *p, const char *arg)
{
	const char *next = arg + strlen(arg) + 1;

	return next < p->args + p->len ? next : NULL;
}

/* "--name VALUE" or "--name=VALUE", one dash or two; "" when absent. */
static const char *flag(const struct process *p, const char *name)
{
	size_t len = strlen(name);

	for (const char *a = p->args; a; a = next_arg(p, a)) {
		const char *word = a + strspn(a, "-");

		if (word == a || strncmp(word, name, len) != 0)
			continue;
		if (word[len] == '=')
			return word + len + 1;
		if (!word[len])
			return next_arg(p, a) ? next_arg(p, a) : "";
	}
	return "";
}

static void cut_names(char *path, unsigned n)
{
	for (char *slash; n && (slash = strrchr(path, '/')); n--)
		*slash = '\0';
}

/* DATA/overlay2/LAYER/merged, DATA/btrfs/subvolumes/LAYER ... as docker's containers have it:
 * that DATA is all a dead dockerd leaves of its place. */
static void take_data_root(struct node *n, const char *task)
{
	own_json json_t *spec = NULL;
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/config.json", task);
	spec = hostfs_json(n->host.root_fd, path, NULL);
	if (!RECORD_TEXT(path, jsonx_text(spec, "root.path")) || *path != '/')
		return;
	cut_names(path, 3);
	add(&n->docker, path);
}

/* A shim works in TASKS/NAMESPACE/ID. */
static void look_at_shim(const struct process *p)
{
	char cwd[TARGET_PATH];
	ssize_t len = readlinkat(p->fd, "cwd", cwd, sizeof(cwd) - 1);

	if (len <= 0)
		return;
	cwd[len] = '\0';
	if (strstr(cwd, "/moby/"))
		take_data_root(p->n, cwd);
	cut_names(cwd, 2);
	add(&p->n->containerd, cwd);
}

/* conmon -b STORAGE/overlay-containers/ID/userdata */
static void look_at_conmon(const struct process *p)
{
	char bundle[TARGET_PATH];

	if (!RECORD_TEXT(bundle, flag(p, "b")))
		return;
	cut_names(bundle, 3);
	add(strstr(bundle, "run/") ? &p->n->storage_run : &p->n->storage, bundle);
}

static void look_at_dockerd(const struct process *p)
{
	add(&p->n->docker, flag(p, "data-root"));
	add(&p->n->docker, flag(p, "g"));
}

/* 'root = "/var/lib/containerd"' at the top of its configuration. */
static void take_root_line(struct node *n, char *text)
{
	char *line;

	while ((line = procfs_next_line(&text)) && *line != '[') {
		char *value = line + strspn(line, " \t");

		if (strncmp(value, "root", 4) != 0)
			continue;
		value += 4 + strspn(value + 4, " \t");
		if (*value++ != '=')
			continue;
		value += strspn(value, " \t");
		if (*value != '"' && *value != '\'')
			continue;
		value[1 + strcspn(value + 1, "\"'")] = '\0';
		add(&n->containerd_data, value + 1);
	}
}

static void look_at_containerd(const struct process *p)
{
	own_buf struct buf text = BUF_INIT(1 << 20);
	const char *config = flag(p, "config");
	char path[2 * TARGET_PATH] = "";

	add(&p->n->containerd_data, flag(p, "root"));
	if (!*config)
		config = flag(p, "c");
	if (*config && *config != '/' && readlinkat(p->fd, "cwd", path, TARGET_PATH - 1) < 0)
		return;
	if (strlen(config) >= TARGET_PATH)
		return;
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s",
		*config ? config : "etc/containerd/config.toml");
	own_fd int fd = hostfs_open_file(p->n->host.root_fd, path, NULL);

	if (fd >= 0 && io_read_all(fd, &text, NULL) == 0 && text.len)
		take_root_line(p->n, text.data);
}

static bool is_daemon(const char *comm)
{
	return !strncmp(comm, "containerd-shim", 15) || !strcmp(comm, "conmon") ||
	       !strcmp(comm, "dockerd") || !strcmp(comm, "containerd");
}

static int look_at(const struct proc_row *row, struct node *n)
{
	own_fd int fd = procfs_open_pid(n->host.proc_fd, row->pid, NULL);
	own_buf struct buf text = BUF_INIT(CMDLINE_MAX);
	struct process p = {n, fd, NULL, 0};

	if (fd < 0 || io_read_file(fd, "cmdline", &text, NULL) < 0 || !text.len)
		return 0;
	p.args = text.data;
	p.len = text.len;
	if (!strncmp(row->comm, "containerd-shim", 15))
		look_at_shim(&p);
	else if (!strcmp(row->comm, "conmon"))
		look_at_conmon(&p);
	else if (!strcmp(row->comm, "dockerd"))
		look_at_dockerd(&p);
	else
		look_at_containerd(&p);
	return 0;
}

struct walk {
	struct node *n;
	struct host_namespaces ns;
};

static int consider(pid_t pid, void *arg)
{
	struct walk *w = arg;
	own_fd int fd = procfs_open_pid(w->n->host.proc_fd, pid, NULL);
	struct proc_row row = {.pid = pid};
	struct procfs_stat st;

	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return 0;
	memcpy(row.comm, st.comm, sizeof(row.comm) - 1);
	if (!is_daemon(row.comm))
		return 0;
	/* anybody in a container may carry such a name */
	proctab_namespaces(fd, &row);
	return row.ns_pid && row.ns_pid == w->ns.pid ? look_at(&row, w->n) : 0;
}

int node_scan(const struct target_host *host, struct node *ret, struct err *e)
{
	struct walk w = {.n = ret};
	int rc;

	memset(ret, 0, sizeof(*ret));
	ret->host = *host;
	add_usual(ret);
	add_configured(ret);
	if (hostfs_is_dir(host->root_fd, "root/.local/share/containers/storage"))
		add(&ret->storage, "root/.local/share/containers/storage");
	rc = hostfs_each_name(host->root_fd, "home", add_home, ret, e);
	if (!rc)
		rc = hostfs_each_name(host->root_fd, "run/user", add_user, ret, e);
	members_host_namespaces(host->proc_fd, &w.ns);
	return rc ? rc : procfs_each_number(host->proc_fd, consider, &w, e);
}

void node_find_bundle(
	const struct node *node, const char *id, const char *ns, char ret[TARGET_PATH])
{
	for (unsigned i = 0; i < node->containerd.n; i++) {
		if ((size_t)snprintf(ret, TARGET_PATH, "%s/%s/%s", node->containerd.dir[i], ns,
			    id) < TARGET_PATH &&
			hostfs_is_dir(node->host.root_fd, ret))
			return;
	}
	ret[0] = '\0';
}
