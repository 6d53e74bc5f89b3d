/* SPDX-License-Identifier: Apache-2.0 */
/* kubewalk - what to ask an API server about one pod: JSON in, paths out. */
#include "kubewalk.h"

#include "jsonx.h"
#include "kubeowner.h"
#include "kuberoles.h"
#include "kubeselect.h"
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_K8S = 253 };

struct waiting {
	struct kubeowner owner;
	unsigned level;
	char discovery[512]; /* the path that tells where its kind is */
};

struct kubewalk {
	char namespace[NAME_MAX_K8S + 1], pod_name[NAME_MAX_K8S + 1];
	struct kubeasks asks;
	struct waiting *waiting[KUBEWALK_OWNERS];
	size_t n_waiting;
	json_t *pod, *apis;
	json_t *resources; /* discovery's answers by their path */
};

static void drop(struct kubewalk *w, const char *why)
{
	kubeask_drop(&w->asks, why);
}

/* ---- one more to ask */

static struct kubeask *add(struct kubewalk *w, enum kubeask_kind kind, const char *name,
	const struct buf *path, int made)
{
	return kubeask_add(&w->asks, kind, name, path, made);
}

/* An object of a collection, NULL: the collection. */
static struct kubeask *add_object(struct kubewalk *w, enum kubeask_kind kind, const char *name,
	const char *collection, const char *object)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1);
	int rc = 0;

	buf_adds(&path, collection);
	if (object) {
		buf_addc(&path, '/');
		rc = kubepath_name(&path, object);
	}
	return add(w, kind, name, &path, rc);
}

/* A list of the pod's namespace. */
static void add_list(
	struct kubewalk *w, enum kubeask_kind kind, const char *api, const char *resource)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1);
	struct kubeask *a;
	int rc;

	buf_addf(&path, "%s/namespaces/", api);
	rc = kubepath_name(&path, w->namespace);
	buf_addf(&path, "/%s", resource);
	a = add(w, kind, resource, &path, rc);
	if (a)
		a->list = true;
}

/* ---- events and pods */

static void add_events(struct kubewalk *w, const char *kind, const char *name, bool namespaced)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1), fields = BUF_INIT(1024);
	char file[512];
	struct kubeask *a;
	int rc = 0;

	/* in a field selector these are syntax */
	if (strpbrk(kind, ",=\\!") || strpbrk(name, ",=\\!")) {
		drop(w, "a name that cannot be selected by");
		return;
	}
	buf_adds(&path, "/api/v1/");
	if (namespaced) {
		buf_adds(&path, "namespaces/");
		rc = kubepath_name(&path, w->namespace);
		buf_addc(&path, '/');
	}
	/* by name: the kubelet puts other uids than the API's into events of nodes and static pods
	 */
	buf_addf(&fields, "involvedObject.kind=%s,involvedObject.name=%s", kind, name);
	buf_adds(&path, "events?fieldSelector=");
	kubepath_value(&path, buf_str(&fields));
	snprintf(file, sizeof(file), "events/%s-%s", kind, name);
	a = add(w, ASK_EVENTS, file, &path, rc);
	if (a)
		a->list = true;
}

static void add_pods_of(struct kubewalk *w, const json_t *owner)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1), labels = BUF_INIT(KUBEPATH_MAX);
	const json_t *selector = jsonx_get(owner, "spec.selector");
	char file[512];
	struct kubeask *a;
	int rc;

	if (!selector)
		return; /* a CronJob, a custom owner: pods are found through what they own */
	if (kubeselect_query(selector, &labels) < 0) {
		drop(w, "a selector of no labels");
		return;
	}
	buf_adds(&path, "/api/v1/namespaces/");
	rc = kubepath_name(&path, w->namespace);
	buf_adds(&path, "/pods?labelSelector=");
	kubepath_value(&path, buf_str(&labels));
	snprintf(file, sizeof(file), "pods/%s-%s", jsonx_text(owner, "kind"),
		jsonx_text(owner, "metadata.name"));
	a = add(w, ASK_PODS, file, &path, rc);
	if (a)
		a->list = true;
}

/* ---- owners */

static void ask_owner(struct kubewalk *w, const struct kubeowner *o, unsigned level)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1);
	int rc = kubeowner_path(o, w->namespace, &path);
	struct kubeask *a;
	char file[512];

	snprintf(file, sizeof(file), "owner/%s-%s", o->kind, o->name);
	a = add(w, ASK_OWNER, file, &path, rc);
	if (!a)
		return;
	a->level = level;
	snprintf(a->uid, sizeof(a->uid), "%s", o->uid);
	add_events(w, o->kind, o->name, o->namespaced);
}

/* The server must say first what its kind is called in a path. */
static void ask_discovery(struct kubewalk *w, const struct kubeowner *o, unsigned level)
{
	own_buf struct buf path = BUF_INIT(sizeof(w->waiting[0]->discovery) - 1);
	int rc = kubeowner_discovery(o, &path);
	struct waiting *later;
	char file[512];

	if (w->n_waiting == KUBEWALK_OWNERS || !(later = calloc(1, sizeof(*later)))) {
		drop(w, "too many kinds of owners");
		return;
	}
	w->waiting[w->n_waiting++] = later;
	later->owner = *o;
	later->level = level;
	snprintf(later->discovery, sizeof(later->discovery), "%s", buf_str(&path));
	snprintf(file, sizeof(file), "discovery/%s-%s", o->group, o->version);
	add(w, ASK_DISCOVERY, file, &path, rc);
}

static void add_owner(struct kubewalk *w, struct kubeowner *o, unsigned level)
{
	own_buf struct buf path = BUF_INIT(1024);
	const json_t *resources = NULL;

	if (!o->resource[0] && kubeowner_discovery(o, &path) == 0)
		resources = json_object_get(w->resources, buf_str(&path));
	if (resources && kubeowner_resolve(o, resources) < 0)
		drop(w, "an owner of a kind that the server does not know");
	else if (o->resource[0])
		ask_owner(w, o, level);
	else
		ask_discovery(w, o, level);
}

static void add_owners(struct kubewalk *w, const json_t *object, unsigned level)
{
	const json_t *list = jsonx_get(object, "metadata.ownerReferences"), *reference;
	struct kubeowner o;
	size_t i;

	json_array_foreach(list, i, reference)
	{
		if (i == KUBEWALK_OWNERS || level > KUBEWALK_HEIGHT)
			return drop(w, "more owners than are followed");
		if (kubeowner_read(reference, &o) < 0)
			drop(w, "a reference to no owner");
		else
			add_owner(w, &o, level);
	}
}

static void answer_discovery(struct kubewalk *w, const struct kubeask *ask, const json_t *document)
{
	size_t kept = 0;

	if (!document)
		return;
	if (json_object_set(w->resources, ask->path, (json_t *)document) < 0)
		return drop(w, "out of memory");
	for (size_t i = 0; i < w->n_waiting; i++) {
		struct waiting *at = w->waiting[i];

		if (strcmp(at->discovery, ask->path) != 0) {
			w->waiting[kept++] = at;
			continue;
		}
		add_owner(w, &at->owner, at->level);
		free(at);
	}
	w->n_waiting = kept;
}

/* ---- what follows from an answer */

/* The group's version to ask for: v1 where the server has it. */
static const char *version_of(const struct kubewalk *w, const char *group)
{
	const json_t *at, *version;
	const char *best = "v1";
	size_t i, k;

	json_array_foreach(json_object_get(w->apis, "groups"), i, at)
	{
		if (strcmp(jsonx_text_key(at, "name"), group) != 0)
			continue;
		best = jsonx_text(at, "preferredVersion.version");
		json_array_foreach(json_object_get(at, "versions"), k,
			version) if (!strcmp(jsonx_text_key(version, "version"), "v1")) return "v1";
	}
	return *best && !strpbrk(best, "/%?&") ? best : "v1";
}

static void add_surroundings(struct kubewalk *w)
{
	static const char rbac[] = "/apis/rbac.authorization.k8s.io/v1";
	char slices[128], accounts[512];
	struct kubeask *a;

	snprintf(slices, sizeof(slices), "/apis/discovery.k8s.io/%.40s",
		version_of(w, "discovery.k8s.io"));
	snprintf(accounts, sizeof(accounts), "/api/v1/namespaces/%s/serviceaccounts", w->namespace);
	add_object(w, ASK_NAMESPACE, "namespace", "/api/v1/namespaces", w->namespace);
	if (*jsonx_text(w->pod, "spec.serviceAccountName"))
		add_object(w, ASK_ACCOUNT, "serviceaccount", accounts,
			jsonx_text(w->pod, "spec.serviceAccountName"));
	add_list(w, ASK_BINDINGS, rbac, "rolebindings");
	a = add_object(w, ASK_BINDINGS, "clusterrolebindings",
		"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", NULL);
	if (a)
		a->list = true;
	add_list(w, ASK_POLICIES, "/apis/networking.k8s.io/v1", "networkpolicies");
	add_list(w, ASK_SERVICES, "/api/v1", "services");
	add_list(w, ASK_SLICES, slices, "endpointslices");
}

static void answer_pod(struct kubewalk *w, const json_t *pod)
{
	const char *node = jsonx_text(pod, "spec.nodeName");

	if (w->pod)
		return;
	w->pod = json_incref((json_t *)pod);
	/* a pod that is gone, or may not be seen, has had events and surroundings all the same */
	add_events(w, "Pod", w->pod_name, true);
	if (*node) {
		/* before the owners: a static pod's is its node */
		add_object(w, ASK_NODE, "node", "/api/v1/nodes", node);
		add_events(w, "Node", node, false);
	}
	add_owners(w, pod, 1);
	add_surroundings(w);
}

static void answer_owner(struct kubewalk *w, struct kubeask *ask, const json_t *document)
{
	const char *uid = jsonx_text(document, "metadata.uid");

	/* deleted and made anew under the same name: its owners are not the pod's */
	ask->other = *ask->uid && *uid && strcmp(ask->uid, uid) != 0;
	if (ask->other)
		return;
	add_owners(w, document, ask->level + 1);
	add_pods_of(w, document);
}

static void answer_bindings(struct kubewalk *w, const json_t *document)
{
	const char *account = jsonx_text(w->pod, "spec.serviceAccountName");
	const json_t *binding;
	char file[512];
	size_t i;

	if (!w->pod)
		return; /* whose account it has nobody knows */
	json_array_foreach(json_object_get(document, "items"), i, binding)
	{
		own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1);
		const char *space = jsonx_text(binding, "metadata.namespace");
		int rc;

		if (!kuberoles_reaches(binding, w->namespace, *account ? account : "default"))
			continue;
		rc = kuberoles_path(binding, space, &path);
		snprintf(file, sizeof(file), "roles/%s-%s", jsonx_text(binding, "roleRef.kind"),
			jsonx_text(binding, "roleRef.name"));
		add(w, ASK_ROLE, file, &path, rc);
	}
}

void kubewalk_answer(struct kubewalk *w, struct kubeask *ask, const json_t *document)
{
	switch (ask->kind) {
	case ASK_APIS:
		if (!w->apis && document)
			w->apis = json_incref((json_t *)document);
		return;
	case ASK_POD:
		return answer_pod(w, document);
	case ASK_OWNER:
		return answer_owner(w, ask, document);
	case ASK_DISCOVERY:
		return answer_discovery(w, ask, document);
	case ASK_BINDINGS:
		return answer_bindings(w, document);
	default:
		return;
	}
}

/* ---- logs */

static void add_log(struct kubewalk *w, const char *container, bool previous)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1);
	char file[512];
	int rc;

	buf_adds(&path, "/api/v1/namespaces/");
	rc = kubepath_name(&path, w->namespace);
	buf_adds(&path, "/pods/");
	if (rc == 0)
		rc = kubepath_name(&path, w->pod_name);
	buf_adds(&path, "/log?timestamps=true&container=");
	kubepath_value(&path, container);
	if (previous)
		buf_adds(&path, "&previous=true");
	snprintf(file, sizeof(file), "logs/%s%s", container, previous ? ".previous" : "");
	add(w, ASK_LOG, file, &path, rc);
}

void kubewalk_add_logs(struct kubewalk *w,
	bool (*wanted)(const char *container, uint64_t restart, void *arg), void *arg)
{
	static const char *const lists[] = {"status.initContainerStatuses",
		"status.containerStatuses", "status.ephemeralContainerStatuses"};
	const json_t *status;
	const char *name;
	uint64_t restart;
	size_t k;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_array_foreach(jsonx_get(w->pod, lists[i]), k, status)
		{
			/* never started: it has no log */
			if (jsonx_get(status, "state.waiting") &&
				!*jsonx_text(status, "containerID"))
				continue;
			name = jsonx_text_key(status, "name");
			if (jsonx_u64(status, "restartCount", &restart) < 0)
				restart = 0;
			if (!wanted || wanted(name, restart, arg))
				add_log(w, name, false);
			if (jsonx_get(status, "lastState.terminated") &&
				(!wanted || wanted(name, restart ? restart - 1 : 0, arg)))
				add_log(w, name, true);
		}
}

/* ---- peers */

void kubewalk_add_peer(struct kubewalk *w, const char *address)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX - 1), field = BUF_INIT(128);
	char file[128];
	struct kubeask *a;

	buf_addf(&field, "status.podIP=%s", address);
	buf_adds(&path, "/api/v1/pods?fieldSelector=");
	kubepath_value(&path, buf_str(&field));
	snprintf(file, sizeof(file), "peers/pod-%s", address);
	a = add(w, ASK_PEER_PODS, file, &path, 0);
	if (a)
		a->list = true;
}

void kubewalk_add_peers(struct kubewalk *w)
{
	struct kubeask *lists[] = {
		/* nodes before services: a port is a node's only where the address is */
		add_object(w, ASK_PEER_NODES, "peers/nodes", "/api/v1/nodes", NULL),
		add_object(w, ASK_PEER_SERVICES, "peers/services", "/api/v1/services", NULL),
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i])
			lists[i]->list = true;
	add_object(w, ASK_PEER_SERVER, "peers/api-server", "/api/v1/namespaces/default/endpoints",
		"kubernetes");
}

/* ---- the walk */

static bool copy_name(char *to, const char *name)
{
	own_buf struct buf b = BUF_INIT(4 * NAME_MAX_K8S);

	if (strlen(name) > NAME_MAX_K8S || kubepath_name(&b, name) < 0)
		return false;
	/* what these are made of needs no escape, so a path may hold them as they are */
	if (strcmp(buf_str(&b), name) != 0)
		return false;
	memcpy(to, name, strlen(name) + 1);
	return true;
}

int kubewalk_new(const char *namespace, const char *pod, struct kubewalk **ret, struct err *e)
{
	own_kubewalk struct kubewalk *w = calloc(1, sizeof(*w));
	char pods[512];

	if (!w || !(w->resources = json_object()))
		return err_set(e, ENOMEM, "out of memory");
	if (!copy_name(w->namespace, namespace) || !copy_name(w->pod_name, pod))
		return err_set(e, EINVAL, "%.100s/%.100s: not the name of a pod", namespace, pod);
	snprintf(pods, sizeof(pods), "/api/v1/namespaces/%s/pods", w->namespace);
	if (!add_object(w, ASK_APIS, "apis", "/apis", NULL) ||
		!add_object(w, ASK_POD, "pod", pods, w->pod_name) ||
		!add_object(w, ASK_VERSION, "version", "/version", NULL))
		return err_set(e, ENOMEM, "out of memory");
	*ret = take_ptr(w);
	return 0;
}

struct kubeask *kubewalk_next(struct kubewalk *w)
{
	return w->asks.next < w->asks.n ? w->asks.v[w->asks.next++] : NULL;
}

size_t kubewalk_dropped(const struct kubewalk *w, const char **ret_why)
{
	*ret_why = w->asks.why;
	return w->asks.dropped;
}

const json_t *kubewalk_pod(const struct kubewalk *w)
{
	return w->pod;
}

void kubewalk_free(struct kubewalk *w)
{
	if (!w)
		return;
	kubeask_done(&w->asks);
	for (size_t i = 0; i < w->n_waiting; i++)
		free(w->waiting[i]);
	json_decref(w->pod);
	json_decref(w->apis);
	json_decref(w->resources);
	free(w);
}
