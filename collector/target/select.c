/* SPDX-License-Identifier: Apache-2.0 */
/* select - which container of which runtime the user means. */
#include "select.h"
#include "buf.h"
#include "cgroup.h"
#include "hostfs.h"
#include "members.h"
#include "node.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"
#include "record.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REFS_MAX = 16384, ID_HEX = 64, ID_SHORT = 12 };

struct refs {
	const struct runtime *runtime;
	struct short_ref {
		const struct runtime *runtime;
		char *id, *ns, *dir;
	} * ref;
	size_t n, cap;
};

#define own_refs __attribute__((cleanup(refs_done)))
static void refs_done(struct refs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->ref[i].id);
		free(r->ref[i].ns);
		free(r->ref[i].dir);
	}
	free(r->ref);
}

static bool is_known(const struct refs *r, const struct container_ref *ref)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct short_ref *s = &r->ref[i];

		if (!strcmp(s->id, ref->id) && (!*s->ns || !*ref->runtime_namespace ||
						       !strcmp(s->ns, ref->runtime_namespace)))
			return true;
	}
	return false;
}

static int add_ref(const struct container_ref *ref, void *arg)
{
	struct refs *r = arg;
	struct short_ref *s;

	if (is_known(r, ref))
		return 0;
	if (r->n == REFS_MAX)
		return -E2BIG;
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;

		s = reallocarray(r->ref, cap, sizeof(*s));
		if (!s)
			return -ENOMEM;
		r->ref = s;
		r->cap = cap;
	}
	s = &r->ref[r->n];
	*s = (struct short_ref){
		ref->runtime, strdup(ref->id), strdup(ref->runtime_namespace), strdup(ref->dir)};
	r->n++;
	return s->id && s->ns && s->dir ? 0 : -ENOMEM;
}

static int collect(const struct node *node, struct refs *ret, struct err *e)
{
	for (const struct runtime *const *r = runtime_table; *r; r++) {
		int rc = (*r)->list(node, add_ref, ret, e);

		if (rc == -E2BIG || rc == -ENOMEM)
			return err_set(e, -rc, "more containers than fit: %s",
				target_runtime_names[(*r)->kind]);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int load(
	const struct node *node, const struct short_ref *s, struct container *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	ret->ref.runtime = s->runtime;
	ret->kind = s->runtime->kind;
	(void)RECORD_TEXT(ret->ref.id, s->id);
	(void)RECORD_TEXT(ret->ref.runtime_namespace, s->ns);
	(void)RECORD_TEXT(ret->ref.dir, s->dir);
	ret->owner = hostfs_owner(node->host.root_fd, s->dir);
	return s->runtime->load(node, ret, e);
}

/* NAME, POD/CONTAINER, NAMESPACE/POD/CONTAINER */
static bool name_fits(const struct container *c, const char *text)
{
	char full[4 * TARGET_ID];

	text += *text == '/';
	if (!strcmp(c->name, text))
		return true;
	if (!c->pod_name[0])
		return false;
	snprintf(full, sizeof(full), "%s/%s/%s", c->pod_namespace, c->pod_name, c->pod_container);
	return !strcmp(full, text) || !strcmp(full + strlen(c->pod_namespace) + 1, text);
}

bool select_is_alive(const struct target_host *host, const struct container *c)
{
	own_fd int fd = c->pid > 0 ? procfs_open_pid(host->proc_fd, c->pid, NULL) : -1;
	struct procfs_stat st;

	return fd >= 0 && procfs_read_stat(fd, &st, NULL) == 0 &&
	       (!c->start_ticks || st.start_ticks == c->start_ticks);
}

const char *select_state(const struct target_host *host, const struct container *c)
{
	return c->running && !select_is_alive(host, c) ? "dead" : c->state_text;
}

enum pass { PASS_ID, PASS_NAME, PASS_PREFIX, PASSES };

struct choice {
	const struct node *node;
	const char *text;
	struct container *now, *ret;
	struct buf *candidates;
	unsigned hits;
};

static void add_candidate(const struct choice *o)
{
	const struct container *c = o->now;
	const char *state = select_state(&o->node->host, c);
	own_buf struct buf line = BUF_INIT(4096);
	size_t shown = strlen(c->ref.id), typed = strlen(o->text);

	/* what was typed fits several: more than it has to be shown */
	if (shown == ID_HEX)
		shown = typed < ID_SHORT ? ID_SHORT : typed + ID_SHORT;
	buf_addf(&line, "%.*s  %s  %s  %s  %s%s%s", (int)shown, c->ref.id, *c->name ? c->name : "-",
		target_runtime_names[c->kind], *state ? state : "-",
		*c->pod_name ? c->pod_namespace : "-", *c->pod_name ? "/" : "", c->pod_name);
	text_escape(o->candidates, buf_str(&line), line.len);
	buf_addc(o->candidates, '\n');
}

static int try_ref(struct choice *c, const struct short_ref *s, enum pass pass)
{
	size_t len = strlen(c->text);
	struct err e = ERR_INIT;

	if (pass == PASS_ID && strcmp(s->id, c->text) != 0)
		return 0;
	if (pass == PASS_PREFIX && (len < SELECT_PREFIX_MIN || strncmp(s->id, c->text, len) != 0))
		return 0;
	if (load(c->node, s, c->now, &e) < 0 && pass == PASS_NAME)
		return 0;
	if (pass == PASS_NAME && !name_fits(c->now, c->text))
		return 0;
	if (!c->hits++)
		memcpy(c->ret, c->now, sizeof(*c->ret));
	if (c->candidates)
		add_candidate(c);
	return 0;
}

int select_by_text(const struct node *node, const char *text, struct container *ret,
	struct buf *candidates, struct err *e)
{
	own_refs struct refs refs = {0};
	own_free struct container *now = malloc(sizeof(*now));
	struct choice c = {node, text, now, ret, candidates, 0};
	int rc = now ? collect(node, &refs, e) : err_set(e, ENOMEM, "no memory");

	if (rc < 0)
		return rc;
	for (int pass = PASS_ID; pass < PASSES && !c.hits; pass++)
		for (size_t i = 0; i < refs.n; i++)
			(void)try_ref(&c, &refs.ref[i], (enum pass)pass);
	if (!c.hits)
		return err_set(
			e, ENOENT, "no container '%s': 'taphos list' shows what is here", text);
	if (c.hits > 1)
		return err_set(
			e, ENOTUNIQ, "'%s' fits %u containers: give more of the id", text, c.hits);
	if (candidates)
		buf_clear(candidates);
	return 0;
}

int select_by_id(const struct node *node, const char *id, const char *runtime_namespace,
	struct container *ret, struct err *e)
{
	own_refs struct refs refs = {0};
	int rc = collect(node, &refs, e);

	for (size_t i = 0; !rc && i < refs.n; i++) {
		const struct short_ref *s = &refs.ref[i];

		if (!strcmp(s->id, id) &&
			(!*runtime_namespace || !*s->ns || !strcmp(s->ns, runtime_namespace)))
			return load(node, s, ret, e);
	}
	return rc ? rc : -ENOENT;
}

int select_each(const struct node *node, int (*each)(const struct container *c, void *arg),
	void *arg, struct err *e)
{
	own_refs struct refs refs = {0};
	own_free struct container *c = malloc(sizeof(*c));
	int rc = c ? collect(node, &refs, e) : err_set(e, ENOMEM, "no memory");

	for (size_t i = 0; !rc && i < refs.n; i++)
		if (load(node, &refs.ref[i], c, NULL) == 0)
			rc = each(c, arg);
	return rc;
}

struct by_cgroup {
	const char *path;
	struct container *ret;
};

static int cgroup_fits(const struct container *c, void *arg)
{
	struct by_cgroup *b = arg;

	if (c->cgroup[0] != '/' || !cgroup_is_below(b->path, c->cgroup))
		return 0;
	memcpy(b->ret, c, sizeof(*b->ret));
	return 1;
}

int select_by_cgroup(
	const struct node *node, const char *path, struct container *ret, struct err *e)
{
	struct by_cgroup b = {path, ret};
	int rc = select_each(node, cgroup_fits, &b, e);

	return rc == 1 ? 0 : rc ? rc : -ENOENT;
}

bool select_shares(const struct node *node, const struct container *c, const struct proc_row *row)
{
	own_fd int fd = c->pid > 0 ? procfs_open_pid(node->host.proc_fd, c->pid, NULL) : -1;
	struct host_namespaces host;
	struct proc_row init = {0};
	struct procfs_stat st;

	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0 ||
		(c->start_ticks && c->start_ticks != st.start_ticks))
		return false;
	members_host_namespaces(node->host.proc_fd, &host);
	proctab_namespaces(fd, &init);
	return (row->ns_mnt && row->ns_mnt == init.ns_mnt && row->ns_mnt != host.mnt) ||
	       (row->ns_pid && row->ns_pid == init.ns_pid && row->ns_pid != host.pid);
}

struct by_namespaces {
	const struct node *node;
	const struct proc_row *row;
	struct container *ret;
};

static int namespaces_fit(const struct container *c, void *arg)
{
	struct by_namespaces *b = arg;

	if (!select_shares(b->node, c, b->row))
		return 0;
	memcpy(b->ret, c, sizeof(*b->ret));
	return 1;
}

int select_by_namespaces(
	const struct node *node, const struct proc_row *row, struct container *ret, struct err *e)
{
	struct by_namespaces b = {node, row, ret};
	int rc = select_each(node, namespaces_fit, &b, e);

	return rc == 1 ? 0 : rc ? rc : -ENOENT;
}
