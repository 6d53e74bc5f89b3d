/* SPDX-License-Identifier: Apache-2.0 */
/* kubesum - what the answers of a walk come to, for a person to read. */
#include "kubesum.h"

#include "jsonx.h"
#include "kubechain.h"
#include "kubepod.h"
#include "kuberoles.h"
#include "kubeselect.h"
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROLE_RULES = 128, ROLE_LINE = 1024 };

/* In the order in which they are shown. */
enum part {
	PART_OWNERS,
	PART_NODE,
	PART_NAMESPACE,
	PART_ACCOUNT,
	PART_BINDINGS,
	PART_POLICIES,
	PART_SERVICES,
	PART_SLICES,
	PART_EVENTS,
	PART_PODS,
	PART_LOGS,
	PART_SERVER,
	PART_MISSES,
	PARTS
};

static const char *const part_names[PARTS] = {"owners", "node", "namespace", "service_account",
	"role_bindings", "network_policies", "services", "endpoint_slices", "events", "other_pods",
	"logs", "server", "not_answered"};

/* What of an object is shown, and under which name. */
struct pick {
	const char *name, *path;
};

#define PICK_NAME                       \
	{                               \
		"name", "metadata.name" \
	}

static const struct pick owner_picks[] = {{"api", "apiVersion"}, {"kind", "kind"}, PICK_NAME,
	{"uid", "metadata.uid"}, {"created", "metadata.creationTimestamp"},
	{"deleted", "metadata.deletionTimestamp"}, {"replicas", "spec.replicas"},
	{"schedule", "spec.schedule"}, {0}};
static const struct pick node_picks[] = {PICK_NAME, {"created", "metadata.creationTimestamp"},
	{"addresses", "status.addresses"}, {"system", "status.nodeInfo"}, {"taints", "spec.taints"},
	{"unschedulable", "spec.unschedulable"}, {0}};
static const struct pick space_picks[] = {PICK_NAME, {"labels", "metadata.labels"},
	{"created", "metadata.creationTimestamp"}, {"phase", "status.phase"}, {0}};
static const struct pick account_picks[] = {PICK_NAME, {"uid", "metadata.uid"},
	{"created", "metadata.creationTimestamp"}, {"automount", "automountServiceAccountToken"},
	{0}};
static const struct pick binding_picks[] = {PICK_NAME, {"namespace", "metadata.namespace"},
	{"role_kind", "roleRef.kind"}, {"role", "roleRef.name"}, {"subjects", "subjects"}, {0}};
static const struct pick policy_picks[] = {PICK_NAME, {"types", "spec.policyTypes"},
	{"ingress", "spec.ingress"}, {"egress", "spec.egress"}, {0}};
static const struct pick service_picks[] = {PICK_NAME, {"type", "spec.type"},
	{"cluster_ip", "spec.clusterIP"}, {"external_ips", "spec.externalIPs"},
	{"load_balancer", "status.loadBalancer.ingress"}, {"ports", "spec.ports"}, {0}};
static const struct pick slice_picks[] = {
	PICK_NAME, {"address_type", "addressType"}, {"ports", "ports"}, {0}};
static const struct pick event_picks[] = {{"type", "type"}, {"reason", "reason"},
	{"kind", "involvedObject.kind"}, {"name", "involvedObject.name"}, {"count", "count"},
	{"message", "message"}, {0}};
static const struct pick pod_picks[] = {PICK_NAME, {"uid", "metadata.uid"},
	{"node", "spec.nodeName"}, {"phase", "status.phase"}, {"ip", "status.podIP"},
	{"created", "metadata.creationTimestamp"}, {0}};
static const struct pick version_picks[] = {
	{"version", "gitVersion"}, {"platform", "platform"}, {"built", "buildDate"}, {0}};
static const struct pick self_picks[] = {{"namespace", "metadata.namespace"}, PICK_NAME,
	{"uid", "metadata.uid"}, {"created", "metadata.creationTimestamp"},
	{"deleted", "metadata.deletionTimestamp"}, {"labels", "metadata.labels"},
	{"phase", "status.phase"}, {"reason", "status.reason"}, {"message", "status.message"},
	{"qos", "status.qosClass"}, {"node", "spec.nodeName"}, {"ips", "status.podIPs"},
	{"host_ip", "status.hostIP"}, {"service_account", "spec.serviceAccountName"}, {0}};

struct kubesum {
	json_t *part[PARTS]; /* arrays */
	json_t *roles;	     /* their rules, by path */
	json_t *left_out;    /* counts, by part */
};

/* ---- making */

static json_t *picked(const json_t *object, const struct pick *p)
{
	json_t *to = json_object();

	for (; p->name; p++) {
		json_t *v = jsonx_get(object, p->path);

		if (v && !json_is_null(v))
			(void)json_object_set(to, p->name, v);
	}
	return to;
}

/* Takes v over. */
static void put(struct kubesum *s, enum part part, json_t *v)
{
	const char *name = part_names[part];

	if (json_array_size(s->part[part]) < KUBESUM_EACH) {
		(void)json_array_append_new(s->part[part], v);
		return;
	}
	json_decref(v);
	(void)json_object_set_new(s->left_out, name,
		json_integer(json_integer_value(json_object_get(s->left_out, name)) + 1));
}

static void put_object(struct kubesum *s, enum part part, const struct pick *p,
	const json_t *object, const char *member)
{
	json_t *v = picked(object, p);

	kubechain_text(v, "member", member);
	put(s, part, v);
}

/* ---- lists */

static void take_events(struct kubesum *s, const json_t *items)
{
	static const char *const times[] = {
		"lastTimestamp", "eventTime", "firstTimestamp", "metadata.creationTimestamp"};
	const json_t *at;
	size_t i;

	json_array_foreach(items, i, at)
	{
		json_t *v = json_object();

		for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++)
			if (!json_object_get(v, "time"))
				kubechain_text(v, "time", jsonx_text(at, times[t]));
		json_t *rest = picked(at, event_picks);

		(void)json_object_update(v, rest);
		json_decref(rest);
		put(s, PART_EVENTS, v);
	}
}

static bool is_there(const json_t *list, const char *uid)
{
	const json_t *at;
	size_t i;

	json_array_foreach(list, i, at)
	{
		if (!strcmp(jsonx_text_key(at, "uid"), uid))
			return true;
	}
	return false;
}

static void take_pods(struct kubesum *s, const json_t *items, const json_t *pod, const char *member)
{
	const char *self = jsonx_text(pod, "metadata.uid");
	const json_t *at;
	size_t i;

	json_array_foreach(items, i, at)
	{
		const char *uid = jsonx_text(at, "metadata.uid");

		/* a Deployment's are its ReplicaSet's once more */
		if (strcmp(uid, self) != 0 && !is_there(s->part[PART_PODS], uid))
			put_object(s, PART_PODS, pod_picks, at, member);
	}
}

static void take_bindings(struct kubesum *s, const json_t *items, const json_t *pod)
{
	const char *space = jsonx_text(pod, "metadata.namespace");
	/* a static pod has none: it has no token to ask with */
	const char *account = jsonx_text(pod, "spec.serviceAccountName");
	const json_t *at;
	size_t i;

	json_array_foreach(*account ? items : NULL, i, at)
	{
		own_buf struct buf path = BUF_INIT(KUBEPATH_MAX);
		json_t *v;

		if (!kuberoles_reaches(at, space, account))
			continue;
		v = picked(at, binding_picks);
		if (kuberoles_path(at, jsonx_text(at, "metadata.namespace"), &path) == 0)
			kubechain_text(v, "path", buf_str(&path));
		put(s, PART_BINDINGS, v);
	}
}

static void take_selecting(struct kubesum *s, const struct kubeask *ask, const json_t *items,
	const json_t *pod, const char *member)
{
	static const struct {
		enum kubeask_kind kind;
		enum part part;
		bool (*selects)(const json_t *object, const json_t *pod);
		const struct pick *picks;
	} kinds[] = {
		{ASK_POLICIES, PART_POLICIES, kubeselect_policy, policy_picks},
		{ASK_SERVICES, PART_SERVICES, kubeselect_service, service_picks},
		{ASK_SLICES, PART_SLICES, kubeselect_slice, slice_picks},
	};
	const json_t *at;
	size_t i;

	for (size_t k = 0; pod && k < sizeof(kinds) / sizeof(kinds[0]); k++)
		json_array_foreach(ask->kind == kinds[k].kind ? items : NULL, i, at)
		{
			if (kinds[k].selects(at, pod))
				put_object(s, kinds[k].part, kinds[k].picks, at, member);
		}
}

/* ---- single objects */

static void take_owner(
	struct kubesum *s, const struct kubeask *ask, const char *member, const json_t *document)
{
	json_t *v = picked(document, owner_picks);

	(void)json_object_set_new(v, "level", json_integer(ask->level));
	if (ask->other)
		kubechain_text(v, "note", "another object of that name: the owner itself is gone");
	kubechain_text(v, "member", member);
	put(s, PART_OWNERS, v);
}

static void take_role(struct kubesum *s, const struct kubeask *ask, const json_t *document)
{
	json_t *role = json_object(), *lines = json_array(), *powers = json_object();
	const json_t *rule;
	const char *power;
	size_t i;

	json_array_foreach(json_object_get(document, "rules"), i, rule)
	{
		own_buf struct buf line = BUF_INIT(ROLE_LINE);
		size_t at = 0;

		kuberoles_line(rule, &line);
		if (i < ROLE_RULES)
			(void)json_array_append_new(lines, json_string(buf_str(&line)));
		while ((power = kuberoles_power(rule, &at)))
			(void)json_object_set_new(powers, power, json_true());
	}
	(void)json_object_set_new(role, "allows", lines);
	(void)json_object_set_new(role, "powers", powers);
	(void)json_object_set_new(s->roles, ask->path, role);
}

static void take_one(
	struct kubesum *s, const struct kubeask *ask, const char *member, const json_t *document)
{
	static const struct {
		enum kubeask_kind kind;
		enum part part;
		const struct pick *picks;
	} kinds[] = {
		{ASK_NODE, PART_NODE, node_picks},
		{ASK_NAMESPACE, PART_NAMESPACE, space_picks},
		{ASK_ACCOUNT, PART_ACCOUNT, account_picks},
		{ASK_VERSION, PART_SERVER, version_picks},
	};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (ask->kind == kinds[k].kind)
			put_object(s, kinds[k].part, kinds[k].picks, document, member);
}

void kubesum_take(struct kubesum *s, const struct kubewalk *w, const struct kubeask *ask,
	const char *member, const json_t *document)
{
	const json_t *items = json_object_get(document, "items"), *pod = kubewalk_pod(w);
	json_t *log;

	switch (ask->kind) {
	case ASK_OWNER:
		take_owner(s, ask, member, document);
		break;
	case ASK_ROLE:
		take_role(s, ask, document);
		break;
	case ASK_EVENTS:
		take_events(s, items);
		break;
	case ASK_PODS:
		take_pods(s, items, pod, member);
		break;
	case ASK_BINDINGS:
		take_bindings(s, items, pod);
		break;
	case ASK_LOG:
		log = json_object();
		kubechain_text(log, "member", member);
		put(s, PART_LOGS, log);
		break;
	default:
		take_one(s, ask, member, document);
		take_selecting(s, ask, items, pod, member);
	}
}

void kubesum_miss(struct kubesum *s, const struct kubeask *ask, const char *why)
{
	json_t *v = json_object();

	kubechain_text(v, "path", ask->path);
	kubechain_text(v, "why", why);
	put(s, PART_MISSES, v);
}

/* ---- the whole */

/* What their roles allow becomes a part of the bindings, and lines of what stands out. */
static void join_roles(struct kubesum *s, json_t *lines)
{
	json_t *binding, *role, *v;
	const char *power;
	char text[512];
	size_t i;

	json_array_foreach(s->part[PART_BINDINGS], i, binding)
	{
		role = json_object_get(s->roles, jsonx_text_key(binding, "path"));
		(void)json_object_set(binding, "allows", json_object_get(role, "allows"));
		json_object_foreach(json_object_get(role, "powers"), power, v)
		{
			snprintf(text, sizeof(text),
				"the pod's service account may %s (%.100s %.100s)", power,
				jsonx_text_key(binding, "role_kind"),
				jsonx_text_key(binding, "role"));
			(void)json_array_append_new(lines, json_string(text));
		}
	}
}

static int by_time(const void *a, const void *b)
{
	return strcmp(jsonx_text_key(*(json_t *const *)a, "time"),
		jsonx_text_key(*(json_t *const *)b, "time"));
}

/* Oldest first. */
static json_t *sorted(const json_t *list)
{
	size_t n = json_array_size(list);
	own_free json_t **v = calloc(n + 1, sizeof(*v));
	json_t *to = json_array();

	for (size_t i = 0; v && i < n; i++)
		v[i] = json_array_get(list, i);
	if (v)
		qsort(v, n, sizeof(*v), by_time);
	for (size_t i = 0; v && i < n; i++)
		(void)json_array_append(to, v[i]);
	return to;
}

json_t *kubesum_render(struct kubesum *s, const struct kubewalk *w, const struct target *t)
{
	const json_t *pod = kubewalk_pod(w);
	json_t *root = json_object(), *lines = kubepod_risks(pod), *self = picked(pod, self_picks);

	join_roles(s, lines);
	(void)json_object_set_new(self, "containers", kubepod_containers(pod));
	(void)json_object_set_new(
		root, "chain", kubechain_make(t, pod, s->part[PART_OWNERS], s->part[PART_NODE]));
	(void)json_object_set_new(root, "stands_out", lines);
	(void)json_object_set_new(root, "pod", self);
	for (int i = 0; i < PARTS; i++) {
		if (i == PART_EVENTS)
			(void)json_object_set_new(root, part_names[i], sorted(s->part[i]));
		else if (i == PART_NODE || i == PART_NAMESPACE || i == PART_ACCOUNT ||
			 i == PART_SERVER)
			(void)json_object_set(root, part_names[i], json_array_get(s->part[i], 0));
		else
			(void)json_object_set(root, part_names[i], s->part[i]);
	}
	(void)json_object_set(root, "left_out", s->left_out);
	return root;
}

int kubesum_new(struct kubesum **ret, struct err *e)
{
	own_kubesum struct kubesum *s = calloc(1, sizeof(*s));
	bool ok = s != NULL;

	for (int i = 0; ok && i < PARTS; i++)
		ok = (s->part[i] = json_array()) != NULL;
	ok = ok && (s->roles = json_object()) && (s->left_out = json_object());
	if (!ok)
		return err_set(e, ENOMEM, "out of memory");
	*ret = take_ptr(s);
	return 0;
}

void kubesum_free(struct kubesum *s)
{
	if (!s)
		return;
	for (int i = 0; i < PARTS; i++)
		json_decref(s->part[i]);
	json_decref(s->roles);
	json_decref(s->left_out);
	free(s);
}
