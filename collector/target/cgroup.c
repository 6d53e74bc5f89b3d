/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup - which container a cgroup path belongs to. */
#include "cgroup.h"

#include <string.h>

enum { HEX_ID = 64 };

/* One component of a path. */
struct name {
	const char *p;
	size_t len;
};

static bool is_hex_id(const char *p, size_t len)
{
	if (len != HEX_ID)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789abcdef", p[i]))
			return false;
	return true;
}

static bool cut_head(struct name *n, const char *head)
{
	size_t len = strlen(head);

	if (n->len < len || memcmp(n->p, head, len) != 0)
		return false;
	n->p += len;
	n->len -= len;
	return true;
}

static bool cut_tail(struct name *n, const char *tail)
{
	size_t len = strlen(tail);

	if (n->len < len || memcmp(n->p + n->len - len, tail, len) != 0)
		return false;
	n->len -= len;
	return true;
}

static bool is_name(struct name n, const char *text)
{
	return cut_head(&n, text) && !n.len;
}

static void copy_name(char *dst, size_t size, struct name n)
{
	if (n.len >= size)
		n.len = size - 1;
	memcpy(dst, n.p, n.len);
	dst[n.len] = '\0';
}

struct naming {
	const char *head;
	enum target_runtime runtime;
	bool monitor;
};

/* What stands before the id in "HEAD-ID.scope" and between the colons of "SLICE:HEAD:ID". */
static const struct naming namings[] = {
	{"cri-containerd", RUNTIME_CONTAINERD, false},
	{"nerdctl", RUNTIME_CONTAINERD, false},
	{"crio-conmon", RUNTIME_CRIO, true},
	{"crio", RUNTIME_CRIO, false},
	{"libpod-conmon", RUNTIME_PODMAN, true},
	{"libpod-payload", RUNTIME_PODMAN, false},
	{"libpod", RUNTIME_PODMAN, false},
	{"docker", RUNTIME_DOCKER, false},
	{"", RUNTIME_NONE, false},
};

static bool take_id(struct name id, const struct naming *by, struct cgroup_id *ret)
{
	ret->runtime = by->runtime;
	ret->monitor = by->monitor;
	copy_name(ret->id, sizeof(ret->id), id);
	return true;
}

/* docker-ID.scope, libpod-ID, crio-conmon-ID.scope, ID */
static bool match_dashed(struct name n, struct cgroup_id *ret)
{
	(void)cut_tail(&n, ".scope");
	for (size_t i = 0; i < sizeof(namings) / sizeof(namings[0]); i++) {
		struct name id = n;

		if (!cut_head(&id, namings[i].head) || (namings[i].head[0] && !cut_head(&id, "-")))
			continue;
		if (is_hex_id(id.p, id.len))
			return take_id(id, &namings[i], ret);
	}
	/* a head that nobody knows: the id at the end is still one */
	if (n.len > HEX_ID && n.p[n.len - HEX_ID - 1] == '-' &&
		is_hex_id(n.p + n.len - HEX_ID, HEX_ID))
		return take_id((struct name){n.p + n.len - HEX_ID, HEX_ID}, &namings[8], ret);
	return false;
}

/* kubepods-besteffort-podUID.slice:cri-containerd:ID */
static bool match_colons(struct name n, struct cgroup_id *ret)
{
	const char *last = memrchr(n.p, ':', n.len);
	const char *first = last ? memrchr(n.p, ':', (size_t)(last - n.p)) : NULL;
	struct name id, head;

	if (!first)
		return false;
	id = (struct name){last + 1, (size_t)(n.p + n.len - last - 1)};
	head = (struct name){first + 1, (size_t)(last - first - 1)};
	for (size_t i = 0; id.len && i < sizeof(namings) / sizeof(namings[0]); i++)
		if (is_name(head, namings[i].head))
			return take_id(id, &namings[i], ret);
	return is_hex_id(id.p, id.len) && take_id(id, &namings[8], ret);
}

static bool is_uid_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
}

/* podUID, kubepods-burstable-podUID_WITH_UNDERSCORES.slice, the same before a ':' */
static void note_pod(struct name n, struct cgroup_id *ret)
{
	const char *colon = memchr(n.p, ':', n.len);
	char uid[sizeof(ret->pod_uid)];
	size_t i;

	if (colon)
		n.len = (size_t)(colon - n.p);
	if (cut_tail(&n, ".slice")) {
		const char *pod = memmem(n.p, n.len, "-pod", 4);

		if (!pod)
			return;
		n.len -= (size_t)(pod + 1 - n.p);
		n.p = pod + 1;
	}
	if (!cut_head(&n, "pod") || n.len < 32 || n.len >= sizeof(uid))
		return;
	for (i = 0; i < n.len; i++) {
		uid[i] = (char)(n.p[i] == '_' ? '-' : n.p[i]);
		if (!is_uid_char(uid[i]))
			return;
	}
	uid[i] = '\0';
	memcpy(ret->pod_uid, uid, i + 1);
}

static bool next_name(const char **at, struct name *ret)
{
	*at += strspn(*at, "/");
	ret->p = *at;
	ret->len = strcspn(*at, "/");
	*at += ret->len;
	return ret->len > 0;
}

/* "/default/web" of ctr and nerdctl: two names, neither made by systemd. */
static bool match_pair(const char *path, struct cgroup_id *ret)
{
	static const char *const others[] = {"docker", "kubepods", "libpod_parent", "lxc", "user",
		"system", "machine", "init.scope", "actions_job"};
	struct name ns, id, more;
	const char *at = path;

	if (!next_name(&at, &ns) || !next_name(&at, &id) || next_name(&at, &more))
		return false;
	if (memchr(ns.p, '.', ns.len) && !is_name(ns, "k8s.io"))
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (is_name(ns, others[i]))
			return false;
	if (ns.len >= TARGET_ID || id.len >= TARGET_ID)
		return false;
	ret->runtime = RUNTIME_CONTAINERD;
	ret->weak = true;
	copy_name(ret->runtime_namespace, sizeof(ret->runtime_namespace), ns);
	copy_name(ret->id, sizeof(ret->id), id);
	ret->own_len = strlen(path);
	return true;
}

bool cgroup_identify(const char *path, struct cgroup_id *ret)
{
	struct cgroup_id found = {.runtime = RUNTIME_NONE};
	struct name n, before = {"", 0};
	const char *at = path;
	bool hit = false;

	while (!hit && next_name(&at, &n)) {
		note_pod(n, &found);
		hit = match_colons(n, &found) || match_dashed(n, &found);
		if (hit && found.runtime == RUNTIME_NONE && is_name(before, "docker"))
			found.runtime = RUNTIME_DOCKER;
		/* the namespaces of containerd with ids like docker's: /moby/ID, /k8s.io/ID */
		if (hit && (is_name(before, "moby") || is_name(before, "k8s.io")))
			copy_name(found.runtime_namespace, sizeof(found.runtime_namespace), before);
		before = n;
	}
	if (hit)
		found.own_len = (size_t)(at - path);
	else
		hit = match_pair(path, &found);
	if (hit)
		*ret = found;
	return hit;
}

/* A reader in a cgroup namespace sees others as "/../../NAME". */
static const char *skip_up(const char *path)
{
	while (!strncmp(path, "/..", 3) && (path[3] == '/' || !path[3]))
		path += 3;
	return path;
}

const char *cgroup_next(const char *text, struct cgroup_line *ret)
{
	size_t len = strcspn(text, "\n"), n;
	const char *controllers = memchr(text, ':', len);
	const char *path =
		controllers ? memchr(controllers + 1, ':', (size_t)(text + len - controllers - 1))
			    : NULL;

	if (!*text)
		return NULL;
	*ret = (struct cgroup_line){0};
	if (path) {
		struct name list = {controllers + 1, (size_t)(path - controllers - 1)};

		ret->unified = !list.len && text[0] == '0';
		ret->freezer = memmem(list.p, list.len, "freezer", 7) != NULL;
		n = (size_t)(text + len - path - 1);
		if (n < sizeof(ret->path)) {
			const char *below;

			memcpy(ret->path, path + 1, n);
			ret->path[n] = '\0';
			below = skip_up(ret->path);
			memmove(ret->path, below, strlen(below) + 1);
		}
	}
	return text + len + (text[len] == '\n');
}

bool cgroup_is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	while (len && top[len - 1] == '/')
		len--;
	return len && !strncmp(path, top, len) && (path[len] == '/' || !path[len]);
}
