/* SPDX-License-Identifier: Apache-2.0 */
/* resolve - from what the user named to one struct target. */
#include "resolve.h"
#include "attach.h"
#include "buf.h"
#include "cgroup.h"
#include "find.h"
#include "io.h"
#include "members.h"
#include "mounts.h"
#include "node.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"
#include "record.h"
#include "rootfs.h"
#include "runtime.h"
#include "select.h"
#include "spec.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolve {
	const struct target_host *host;
	const struct node *node;
	struct target *t;
	struct container *c;	/* ref.runtime NULL: no state was found */
	struct buf *candidates; /* may be NULL */
	pid_t asked;		/* the process the user named, 0 none */
};

/* --- what the state says, into the target --- */

static void take_state(struct resolve *r)
{
	const struct container *c = r->c;
	struct target *t = r->t;

	t->runtime = c->kind;
	RECORD_FIELD(t, t->id, c->ref.id);
	RECORD_FIELD(t, t->runtime_namespace, c->ref.runtime_namespace);
	RECORD_FIELD(t, t->name, c->name);
	RECORD_FIELD(t, t->oci_runtime, c->oci_runtime);
	RECORD_FIELD(t, t->image, c->image);
	RECORD_FIELD(t, t->image_digest, c->image_digest);
	RECORD_FIELD(t, t->state_text, c->state_text);
	RECORD_FIELD(t, t->pod_namespace, c->pod_namespace);
	RECORD_FIELD(t, t->pod_name, c->pod_name);
	RECORD_FIELD(t, t->pod_uid, c->pod_uid);
	RECORD_FIELD(t, t->pod_container, c->pod_container);
	RECORD_FIELD(t, t->sandbox_id, c->sandbox_id);
}

static void take_files(struct resolve *r)
{
	const struct container *c = r->c;
	struct err why = ERR_INIT;
	char path[2 * TARGET_PATH], uid[64];

	if (c->ref.runtime && c->ref.runtime->fill &&
		c->ref.runtime->fill(r->node, c, r->t, &why) < 0)
		record_finding(r->t, "the runtime's state is incomplete: %s", why.text);
	if (!c->bundle[0])
		return;
	own_json json_t *spec = spec_read(r->host, c->bundle, &why);

	if (!spec) {
		record_finding(r->t, "the container's specification cannot be read: %s", why.text);
		return;
	}
	snprintf(path, sizeof(path), "%s/config.json", c->bundle);
	record_state(r->t, "config.json", path);
	spec_mounted_pod(spec, uid);
	if (uid[0] && strcmp(uid, r->t->pod_uid) != 0)
		record_finding(r->t, "the container's mounts are of pod %s, its annotations say %s",
			uid, r->t->pod_uid);
	spec_mounts(spec, c->bundle, r->t);
}

/* --- the init process --- */

/*
 * A state without a start time may name a process that has ended and whose number is
 * another's by now: its cgroup must agree.
 */
static int attach_declared(struct resolve *r, struct err *e)
{
	const struct container *c = r->c;
	own_buf struct buf text = BUF_INIT(64 << 10);
	int rc;

	if (c->pid <= 0)
		return err_set(e, ESRCH, "no process in its state");
	rc = attach_process(r->host, r->t, c->pid, c->start_ticks, e);
	if (rc < 0 || c->start_ticks)
		return rc;
	rc = attach_read(r->t, "cgroup", &text, e);
	if (!rc && find_agrees(c, buf_str(&text)))
		return 0;
	attach_close(r->t);
	r->t->pid = 0;
	return err_set(e, ESRCH, "process %d is not in its cgroup", (int)c->pid);
}

static int attach_init(struct resolve *r, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = attach_declared(r, &why);
	pid_t found;

	if (rc == 0)
		return 0;
	if (rc != -ESRCH)
		return err_set(e, -rc, "%s", why.text);
	found = find_init(r->host, r->c);
	if (!found && r->asked)
		found = r->asked;
	if (!found)
		return -ESRCH;
	if (r->c->pid > 0)
		record_finding(r->t,
			"the state names process %d, which is not the container's (%s); "
			"its cgroup holds process %d",
			(int)r->c->pid, why.text, (int)found);
	return attach_process(r->host, r->t, found, 0, e);
}

/* --- everything that follows from the init process --- */

static int finish_running(struct resolve *r, struct err *e)
{
	own_buf struct buf table = BUF_INIT(4 << 20);
	const struct container *c = r->c->ref.runtime ? r->c : NULL;
	struct target *t = r->t;
	int rc;

	t->running = true;
	rc = attach_cgroup(t, c, e);
	if (rc < 0)
		return rc;
	rc = rootfs_resolve(r->host, c, t, e);
	if (rc < 0)
		return rc;
	rc = attach_read(t, "mountinfo", &table, e);
	if (rc == -EFBIG)
		t->truncated = true;
	else if (rc < 0)
		return err_wrap(e, rc, "mount table");
	if (table.len)
		rc = mounts_join(t, table.data, e);
	return rc < 0 && rc != -EFBIG ? rc : members_collect(r->host, t, e);
}

static int finish(struct resolve *r, struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	take_state(r);
	rc = attach_init(r, &why);
	if (rc < 0 && rc != -ESRCH)
		return err_set(e, -rc, "%s", why.text);
	take_files(r);
	if (rc == 0)
		return finish_running(r, e);
	if (r->c->running) {
		record_finding(r->t, "the runtime says %s, but no process of the container is left",
			r->t->state_text);
		RECORD_FIELD(r->t, r->t->state_text, "dead");
	}
	return rootfs_resolve(r->host, r->c, r->t, e);
}

/* --- the selectors --- */

/* The process is in the container's cgroup by name: is it in its namespaces, too? */
static void compare_namespaces(struct resolve *r)
{
	const struct target *t = r->t;

	for (unsigned i = 0; i < t->members; i++)
		if (t->member[i].pid == r->asked &&
			(t->member[i].why & (MEMBER_INIT | MEMBER_PIDNS | MEMBER_MNTNS)))
			return;
	if (!t->host_namespaces)
		record_finding(r->t,
			"process %d is in the container's cgroup but in none of its namespaces",
			(int)r->asked);
}

/* The container whose cgroup the text names; 0, -ENOENT or a failure. *ret_id tells of an id
 * without state. */
static int container_of(const struct node *node, const char *text, struct container *ret,
	struct cgroup_id *ret_id, struct err *e)
{
	struct cgroup_line line;
	int rc = -ENOENT;

	while (rc == -ENOENT && (text = cgroup_next(text, &line))) {
		struct cgroup_id id;

		if (cgroup_identify(line.path, &id) && !id.monitor) {
			if (!id.weak && !ret_id->id[0])
				*ret_id = id;
			rc = select_by_id(node, id.id, id.runtime_namespace, ret, e);
		}
		if (rc == -ENOENT)
			rc = select_by_cgroup(node, line.path, ret, e);
	}
	return rc;
}

/* No state: what the cgroup's name tells, and the process itself. */
static int resolve_bare(struct resolve *r, pid_t pid, const struct cgroup_id *id, struct err *e)
{
	struct target *t = r->t;
	int rc = attach_process(r->host, t, pid, 0, e);

	if (rc < 0)
		return rc == -ESRCH ? err_set(e, ENOENT, "no process %d", (int)pid) : rc;
	if (id->id[0]) {
		t->runtime = id->runtime;
		RECORD_FIELD(t, t->id, id->id);
		RECORD_FIELD(t, t->runtime_namespace, id->runtime_namespace);
		RECORD_FIELD(t, t->pod_uid, id->pod_uid);
		record_finding(t,
			"its cgroup names container %.64s, of which no runtime's state is "
			"here",
			id->id);
	}
	RECORD_FIELD(t, t->state_text, "running");
	return finish_running(r, e);
}

static int read_cgroup(const struct target_host *host, pid_t pid, struct buf *b,
	struct proc_row *row, struct err *e)
{
	own_fd int fd = procfs_open_pid(host->proc_fd, pid, e);

	if (fd < 0)
		return err_set(e, ENOENT, "no process %d", (int)pid);
	*row = (struct proc_row){.pid = pid};
	proctab_namespaces(fd, row);
	return io_read_file(fd, "cgroup", b, e);
}

/*
 * A cgroup is left by writing a number to a file, a namespace is not: where both name a
 * container and disagree, the namespace is believed.
 */
static int container_of_process(struct resolve *r, const char *cgroup, const struct proc_row *row,
	struct cgroup_id *ret_id, struct err *e)
{
	own_free struct container *other = calloc(1, sizeof(*other));
	int rc = container_of(r->node, cgroup, r->c, ret_id, e), by_ns;

	if (!other)
		return err_set(e, ENOMEM, "no memory");
	if ((rc < 0 && rc != -ENOENT) || (rc == 0 && select_shares(r->node, r->c, row)))
		return rc;
	by_ns = select_by_namespaces(r->node, row, other, e);
	if (by_ns < 0)
		return by_ns == -ENOENT ? rc : by_ns;
	if (rc == 0 || ret_id->id[0])
		record_finding(r->t,
			"process %d is in the namespaces of container %.64s, its cgroup names "
			"%.64s",
			(int)row->pid, other->ref.id, rc == 0 ? r->c->ref.id : ret_id->id);
	memcpy(r->c, other, sizeof(*other));
	return 0;
}

static int resolve_pid(struct resolve *r, const char *text, struct err *e)
{
	own_buf struct buf cgroup = BUF_INIT(64 << 10);
	struct cgroup_id id = {0};
	struct proc_row row = {0};
	uint64_t pid;
	int rc;

	if (text_parse_u64(text, INT32_MAX, &pid) < 0 || !pid)
		return err_set(e, EINVAL, "'%s' is not a process id", text);
	rc = read_cgroup(r->host, (pid_t)pid, &cgroup, &row, e);
	if (rc < 0)
		return rc;
	rc = container_of_process(r, buf_str(&cgroup), &row, &id, e);
	if (rc == -ENOENT) {
		memset(r->c, 0, sizeof(*r->c));
		return resolve_bare(r, (pid_t)pid, &id, e);
	}
	if (rc < 0)
		return rc;
	r->asked = (pid_t)pid;
	rc = finish(r, e);
	if (rc == 0 && r->t->running)
		compare_namespaces(r);
	return rc;
}

/* "/sys/fs/cgroup[/CONTROLLER]/x" is taken as "/x". */
static const char *below_hierarchy(const struct target_host *host, const char *path)
{
	static const char root[] = "/sys/fs/cgroup/";
	own_fd int v2 = -1;

	if (strncmp(path, root, sizeof(root) - 1) != 0)
		return path;
	path += sizeof(root) - 2;
	v2 = io_open_in(host->root_fd, "sys/fs/cgroup/cgroup.controllers", O_PATH, NULL);
	if (v2 >= 0)
		return path;
	return path + 1 + strcspn(path + 1, "/");
}

static int resolve_cgroup(struct resolve *r, const char *path, struct err *e)
{
	own_proctab struct proctab tab = {0};
	struct find_below s = {below_hierarchy(r->host, path), .candidates = r->candidates};
	struct cgroup_id id = {0};
	char line[TARGET_PATH + 8];
	int rc;

	if (path[0] != '/' || !s.path[strspn(s.path, "/")] ||
		(size_t)snprintf(line, sizeof(line), "0::%s\n", s.path) >= sizeof(line))
		return err_set(
			e, EINVAL, "'%s' is not the path of a cgroup below its hierarchy", path);
	rc = container_of(r->node, line, r->c, &id, e);
	if (rc != -ENOENT)
		return rc < 0 ? rc : finish(r, e);
	memset(r->c, 0, sizeof(*r->c));
	rc = proctab_scan(r->host->proc_fd, &tab, e);
	if (rc < 0)
		return rc;
	find_below(&s, &tab);
	if (!s.oldest)
		return err_set(e, ENOENT, "no process in cgroup %s", s.path);
	if (s.containers > 1)
		return err_set(e, ENOTUNIQ, "cgroup %s holds several containers: name one", s.path);
	if (s.containers == 1 && !id.id[0]) {
		rc = select_by_id(r->node, s.found.id, s.found.runtime_namespace, r->c, e);
		if (rc != -ENOENT)
			return rc < 0 ? rc : finish(r, e);
	}
	memset(r->c, 0, sizeof(*r->c));
	if (!id.id[0]) {
		RECORD_FIELD(r->t, r->t->cgroup_v2, s.path);
		RECORD_FIELD(r->t, r->t->cgroup_v1, s.path);
	}
	return resolve_bare(r, s.oldest->pid, &id, e);
}

static int resolve_text(struct resolve *r, const char *text, struct err *e)
{
	own_proctab struct proctab tab = {0};
	struct cgroup_id id = {0};
	struct err scan = ERR_INIT;
	pid_t pid;
	int rc;

	if (!*text)
		return err_set(e, EINVAL, "the container's name is empty");
	rc = select_by_text(r->node, text, r->c, r->candidates, e);
	if (rc != -ENOENT)
		return rc < 0 ? rc : finish(r, e);
	if (proctab_scan(r->host->proc_fd, &tab, &scan) < 0)
		return err_set(e, scan.code, "%s", scan.text);
	pid = find_by_name(&tab, text, &id);
	memset(r->c, 0, sizeof(*r->c));
	return pid ? resolve_bare(r, pid, &id, e) : -ENOENT;
}

int resolve_target(const struct target_host *host, const struct target_selector *sel,
	struct target *ret, struct buf *candidates, struct err *e)
{
	own_free struct container *c = calloc(1, sizeof(*c));
	own_free struct node *node = malloc(sizeof(*node));
	struct resolve r = {host, node, ret, c, candidates, 0};
	int rc;

	attach_reset(ret);
	if (!c || !node)
		return err_set(e, ENOMEM, "no memory");
	rc = node_scan(host, node, e);
	if (rc < 0)
		return rc;
	if (sel->kind == SELECT_PID)
		rc = resolve_pid(&r, sel->text, e);
	else if (sel->kind == SELECT_CGROUP)
		rc = resolve_cgroup(&r, sel->text, e);
	else
		rc = resolve_text(&r, sel->text, e);
	if (rc < 0)
		attach_close(ret);
	return rc;
}
