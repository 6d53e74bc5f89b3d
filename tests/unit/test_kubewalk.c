/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "jsonx.h"
#include "kubeowner.h"
#include "kuberoles.h"
#include "kubeselect.h"
#include "kubewalk.h"
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DATA "tests/data/kube/"

/* What was asked: each path in a line. */
static struct buf asked;

static json_t *text(const char *s)
{
	struct err e = ERR_INIT;
	json_t *j = jsonx_parse(s, strlen(s), &e);

	if (!j)
		print_message("# %s\n", e.text);
	assert_non_null(j);
	return j;
}

static json_t *recorded(const char *name)
{
	char path[128];
	json_t *j;

	snprintf(path, sizeof(path), DATA "%s.json", name);
	j = json_load_file(path, 0, NULL);
	assert_non_null(j);
	return j;
}

/* A server that has what was recorded: the end of a path, the file. */
static const char *const server[][2] = {
	{"/apis", "apis"},
	{"/version", "version"},
	{"/apis/taphos.test/v1alpha1", "discovery"},
	{"/rollouts/canary", "rollout"},
	{"/deployments/web", "deployment"},
	{"/cronjobs/report", "cronjob"},
	{"/daemonsets/agent", "daemonset"},
	{"/clusterrolebindings", "clusterrolebindings"},
	{"/namespaces/recorded/rolebindings", "rolebindings"},
};

static json_t *answer_of(const struct kubeask *ask, const char *pod)
{
	size_t len = strlen(ask->path), n;

	if (ask->kind == ASK_POD)
		return recorded(pod);
	if (strstr(ask->path, "/replicasets/"))
		return recorded("replicaset");
	if (strstr(ask->path, "/jobs/"))
		return recorded("job");
	for (size_t i = 0; i < sizeof(server) / sizeof(server[0]); i++) {
		n = strlen(server[i][0]);
		if (len >= n && !strcmp(ask->path + len - n, server[i][0]))
			return recorded(server[i][1]);
	}
	return NULL;
}

/* Walks all of it; the number of paths dropped. */
static size_t walk(const char *namespace, const char *name, const char *pod)
{
	own_kubewalk struct kubewalk *w = NULL;
	struct kubeask *ask;
	const char *why;

	buf_done(&asked);
	asked = BUF_INIT(1 << 20);
	assert_int_equal(kubewalk_new(namespace, name, &w, NULL), 0);
	while ((ask = kubewalk_next(w))) {
		own_json json_t *document = answer_of(ask, pod);

		assert_int_equal(kubepath_check(ask->path, NULL), 0);
		buf_addf(&asked, "%s %s\n", ask->name, ask->path);
		kubewalk_answer(w, ask, document);
		assert_false(ask->other);
		if (ask->kind == ASK_POD)
			kubewalk_add_logs(w, NULL, NULL);
	}
	return kubewalk_dropped(w, &why);
}

static void was_asked(const char *line)
{
	if (!strstr(buf_str(&asked), line))
		print_message("# no %s in\n%s", line, buf_str(&asked));
	assert_non_null(strstr(buf_str(&asked), line));
}

static void a_deployments_pod(void **state)
{
	(void)state;
	assert_int_equal(walk("shop", "web-7559bb68dc-cqfj7", "pod"), 0);
	was_asked("pod /api/v1/namespaces/shop/pods/web-7559bb68dc-cqfj7\n");
	was_asked("owner/replicaset-web-7559bb68dc ");
	was_asked("owner/deployment-web");
	was_asked(" /apis/apps/v1/namespaces/shop/replicasets/web-7559bb68dc\n");
	was_asked(" /apis/apps/v1/namespaces/shop/deployments/web\n");
	was_asked("/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb\n");
	was_asked("/api/v1/namespaces/shop/pods?labelSelector=app%3Dweb%2Cpod-template-hash%3D");
	was_asked("node /api/v1/nodes/kbench-node1\n");
	was_asked("namespace /api/v1/namespaces/shop\n");
	was_asked("serviceaccount /api/v1/namespaces/shop/serviceaccounts/");
	was_asked("rolebindings /apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings\n");
	was_asked("roles/clusterrole-system_discovery_");
	was_asked("networkpolicies /apis/networking.k8s.io/v1/namespaces/shop/networkpolicies\n");
	was_asked("services /api/v1/namespaces/shop/services\n");
	/* what this server has */
	was_asked("endpointslices /apis/discovery.k8s.io/v1beta1/namespaces/shop/endpointslices\n");
	was_asked("fieldSelector=involvedObject.kind%3DPod%2CinvolvedObject.name%3Dweb-7559");
	was_asked("fieldSelector=involvedObject.kind%3DDeployment%2CinvolvedObject.name%3Dweb\n");
	was_asked("/api/v1/events?fieldSelector=involvedObject.kind%3DNode%2C");
	was_asked("/log?timestamps=true&container=httpd\n");
	assert_null(strstr(buf_str(&asked), "secret"));
	assert_null(strstr(buf_str(&asked), "previous"));
}

static void pods_of_other_owners(void **state)
{
	(void)state;
	assert_int_equal(walk("shop", "report", "pod-job"), 0);
	was_asked("/apis/batch/v1/namespaces/shop/jobs/report-");
	was_asked("/apis/batch/v1beta1/namespaces/shop/cronjobs/report\n");
	was_asked("labelSelector=controller-uid%3D");
	assert_int_equal(walk("kube-system", "agent", "pod-daemon"), 0);
	was_asked("/apis/apps/v1/namespaces/kube-system/daemonsets/agent\n");
	/* a static pod's owner is its node, which was asked for already */
	assert_int_equal(walk("kube-system", "static-web-kbench-node1", "pod-static"), 0);
	assert_null(strstr(buf_str(&asked), "owner/"));
	was_asked("node /api/v1/nodes/kbench-node1\n");
	assert_int_equal(walk("shop", "crasher", "pod-crasher"), 0);
	was_asked("&previous=true\n");
}

static void a_pod_that_is_gone(void **state)
{
	own_kubewalk struct kubewalk *w = NULL;
	struct kubeask *ask;
	bool events = false, services = false;

	(void)state;
	assert_int_equal(kubewalk_new("shop", "gone", &w, NULL), 0);
	while ((ask = kubewalk_next(w))) {
		own_json json_t *document = ask->kind == ASK_POD ? NULL : answer_of(ask, "pod");

		events |= ask->kind == ASK_EVENTS;
		services |= ask->kind == ASK_SERVICES;
		assert_int_not_equal(ask->kind, ASK_ROLE);
		kubewalk_answer(w, ask, document);
	}
	assert_null(kubewalk_pod(w));
	kubewalk_add_logs(w, NULL, NULL);
	assert_null(kubewalk_next(w));
	assert_true(events && services);
}

/* The walk up to the pod, whose text this is. */
static struct kubewalk *walk_with(const char *pod)
{
	struct kubewalk *w = NULL;
	struct kubeask *ask;

	assert_int_equal(kubewalk_new("recorded", "p", &w, NULL), 0);
	while ((ask = kubewalk_next(w)) && ask->kind != ASK_POD)
		;
	assert_non_null(ask);
	{
		own_json json_t *j = text(pod);

		kubewalk_answer(w, ask, j);
	}
	return w;
}

static struct kubeask *next_of(struct kubewalk *w, enum kubeask_kind kind)
{
	struct kubeask *ask;

	while ((ask = kubewalk_next(w)) && ask->kind != kind)
		;
	return ask;
}

static void custom_owners_by_discovery(void **state)
{
	own_kubewalk struct kubewalk *w = walk_with(
		"{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"taphos.test/v1alpha1\","
		"\"kind\":\"Rollout\",\"name\":\"canary\",\"uid\":\"u1\"},{\"apiVersion\":"
		"\"taphos.test/v1alpha1\",\"kind\":\"Nothing\",\"name\":\"x\"}]}}");
	struct kubeask *ask = next_of(w, ASK_DISCOVERY);
	own_json json_t *resources = recorded("discovery"), *rollout = recorded("rollout");
	const char *why;

	(void)state;
	assert_string_equal(ask->path, "/apis/taphos.test/v1alpha1");
	assert_int_equal(kubewalk_dropped(w, &why), 0);
	kubewalk_answer(w, ask, resources);
	assert_int_equal(kubewalk_dropped(w, &why), 1); /* Nothing */
	ask = next_of(w, ASK_OWNER);
	assert_string_equal(
		ask->path, "/apis/taphos.test/v1alpha1/namespaces/recorded/rollouts/canary");
	/* the recorded one is not the one the pod meant */
	kubewalk_answer(w, ask, rollout);
	assert_true(ask->other);
	assert_null(next_of(w, ASK_PODS));
}

static void hostile_owners_are_bounded(void **state)
{
	own_kubewalk struct kubewalk *w = walk_with(
		"{\"metadata\":{\"ownerReferences\":["
		"{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"name\":\"s\"},"
		"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"../../secrets/x\"},"
		"{\"apiVersion\":\"apps/../../api/v1\",\"kind\":\"../../x\",\"name\":\"y\"},"
		"{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"a,b=c\"},"
		"{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"loop\"},7,{}]},"
		"\"status\":{\"containerStatuses\":[{\"name\":\"../../../etc/"
		"x\"},{\"name\":\"..\"}]}}");
	own_json json_t *secrets = text("{\"resources\":[{\"kind\":\"Secret\",\"name\":\"secrets\","
					"\"namespaced\":true}]}");
	own_json json_t *loop =
		text("{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
		     "\"kind\":\"ReplicaSet\",\"name\":\"loop\"}]},\"spec\":"
		     "{\"selector\":{\"matchLabels\":{\"a\":\"b,c!=d\"}}}}");
	struct kubeask *ask;
	const char *why;
	size_t owners = 0;

	(void)state;
	kubewalk_add_logs(w, NULL, NULL);
	while ((ask = kubewalk_next(w))) {
		assert_null(strstr(ask->path, "secrets"));
		assert_null(strstr(ask->name, "/."));
		if (ask->kind == ASK_DISCOVERY)
			kubewalk_answer(w, ask, secrets);
		if (ask->kind == ASK_OWNER)
			kubewalk_answer(w, ask, loop);
		owners += ask->kind == ASK_OWNER;
	}
	assert_int_equal(owners, 2); /* a,b=c and loop, once */
	assert_true(kubewalk_dropped(w, &why) >= 5);
}

static void no_name_of_a_pod(void **state)
{
	static const char *const bad[] = {"", "..", "a/b", "a?b", "a%2fb", "a b"};
	struct kubewalk *w = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(kubewalk_new("ns", bad[i], &w, NULL), -EINVAL);
		assert_int_equal(kubewalk_new(bad[i], "pod", &w, NULL), -EINVAL);
	}
}

static void selectors_match_as_the_api_says(void **state)
{
	static const struct {
		const char *selector;
		bool matches;
	} rows[] = {
		{"{}", true},
		{"{\"matchLabels\":{\"app\":\"web\"}}", true},
		{"{\"matchLabels\":{\"app\":\"web\",\"x\":\"y\"}}", false},
		{"{\"matchLabels\":{\"empty\":\"\"}}", true},
		{"{\"matchLabels\":{\"none\":\"\"}}", false},
		{"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"In\",\"values\":[\"a\","
		 "\"web\"]}]}",
			true},
		{"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"NotIn\",\"values\":["
		 "\"web\"]}]}",
			false},
		{"{\"matchExpressions\":[{\"key\":\"no\",\"operator\":\"NotIn\",\"values\":["
		 "\"web\"]}]}",
			true},
		{"{\"matchExpressions\":[{\"key\":\"no\",\"operator\":\"In\",\"values\":[\"\"]}]}",
			false},
		{"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Exists\"}]}", true},
		{"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"DoesNotExist\"}]}", false},
		{"{\"matchExpressions\":[{\"key\":\"no\",\"operator\":\"DoesNotExist\"}]}", true},
		{"{\"matchExpressions\":[{\"key\":\"app\",\"operator\":\"Like\"}]}", false},
		{"[]", false},
	};
	own_json json_t *labels = text("{\"app\":\"web\",\"empty\":\"\",\"n\":7}");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		own_json json_t *selector = text(rows[i].selector);

		assert_int_equal(kubeselect_matches(selector, labels), rows[i].matches);
	}
	assert_false(kubeselect_matches(NULL, labels));
	assert_false(kubeselect_map(NULL, labels));
}

static void selectors_become_queries(void **state)
{
	static const struct {
		const char *selector, *query;
	} rows[] = {
		{"{\"app\":\"web\"}", "app=web"},
		{"{\"matchLabels\":{\"a/"
		 "b\":\"\"},\"matchExpressions\":[{\"key\":\"c\",\"operator\":\"In\","
		 "\"values\":[\"d\",\"e\"]},{\"key\":\"f\",\"operator\":\"DoesNotExist\"}]}",
			"a/b=,c in (d,e),!f"},
		{"{\"a\":\"b,c\"}", NULL},
		{"{\"a=b\":\"c\"}", NULL},
		{"{}", NULL},
		{"{\"matchExpressions\":[{\"key\":\"c\",\"operator\":\"In\",\"values\":[]}]}",
			NULL},
		{"7", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		own_json json_t *selector = json_loads(rows[i].selector, JSON_DECODE_ANY, NULL);
		own_buf struct buf b = BUF_INIT(1024);

		assert_int_equal(kubeselect_query(selector, &b), rows[i].query ? 0 : -EINVAL);
		if (rows[i].query)
			assert_string_equal(buf_str(&b), rows[i].query);
	}
}

static size_t count(
	const char *file, bool (*selects)(const json_t *, const json_t *), const json_t *pod)
{
	own_json json_t *list = recorded(file);
	const json_t *item;
	size_t i, n = 0;

	json_array_foreach(json_object_get(list, "items"), i, item) n += selects(item, pod);
	return n;
}

static void finds_what_points_at_a_pod(void **state)
{
	own_json json_t *pod = recorded("pod"), *job = recorded("pod-job");

	(void)state;
	assert_int_equal(count("services", kubeselect_service, pod), 1);
	assert_int_equal(count("services", kubeselect_service, job), 0);
	assert_int_equal(count("endpointslices", kubeselect_slice, pod), 1);
	assert_int_equal(count("endpointslices", kubeselect_slice, job), 0);
	/* the policies are another namespace's */
	assert_int_equal(count("networkpolicies", kubeselect_policy, pod), 0);
	json_object_set_new(json_object_get(pod, "metadata"), "namespace", json_string("recorded"));
	assert_int_equal(count("networkpolicies", kubeselect_policy, pod), 2);
}

static void finds_the_bindings_that_reach_it(void **state)
{
	own_json json_t *list = recorded("rolebindings");
	own_buf struct buf paths = BUF_INIT(4096);
	const json_t *item;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(list, "items"), i, item)
	{
		if (!kuberoles_reaches(item, "recorded", "app"))
			continue;
		assert_int_equal(kuberoles_path(item, "recorded", &paths), 0);
		buf_addc(&paths, '\n');
	}
	assert_string_equal(buf_str(&paths),
		"/apis/rbac.authorization.k8s.io/v1/clusterroles/view\n"
		"/apis/rbac.authorization.k8s.io/v1/namespaces/recorded/roles/reader:x\n");
}

static void users_and_groups_are_subjects_too(void **state)
{
	static const struct {
		const char *kind, *name;
		bool reaches;
	} rows[] = {
		{"User", "system:serviceaccount:ns:app", true},
		{"User", "system:serviceaccount:ns:app2", false},
		{"User", "system:serviceaccount:n:app", false},
		{"User", "system:serviceaccount:ns-app", false},
		{"Group", "system:serviceaccounts", true},
		{"Group", "system:serviceaccounts:ns", true},
		{"Group", "system:serviceaccounts:ns2", false},
		{"Group", "system:serviceaccounts-ns", false},
		{"Group", "system:authenticated", true},
		{"Group", "system:masters", false},
		{"Robot", "app", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		own_json json_t *binding = json_pack(
			"{s:[{s:s,s:s}]}", "subjects", "kind", rows[i].kind, "name", rows[i].name);

		assert_int_equal(kuberoles_reaches(binding, "ns", "app"), rows[i].reaches);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deployments_pod),
		cmocka_unit_test(pods_of_other_owners),
		cmocka_unit_test(a_pod_that_is_gone),
		cmocka_unit_test(custom_owners_by_discovery),
		cmocka_unit_test(hostile_owners_are_bounded),
		cmocka_unit_test(no_name_of_a_pod),
		cmocka_unit_test(selectors_match_as_the_api_says),
		cmocka_unit_test(selectors_become_queries),
		cmocka_unit_test(finds_what_points_at_a_pod),
		cmocka_unit_test(finds_the_bindings_that_reach_it),
		cmocka_unit_test(users_and_groups_are_subjects_too),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	buf_done(&asked);
	return failed;
}
