/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of the server's answers: powers of roles, risks of pods, names of peers. */
#include "unit.h"

#include "buf.h"
#include "jsonx.h"
#include "kubelogs.h"
#include "kubepeers.h"
#include "kubepod.h"
#include "kuberoles.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static json_t *text(const char *s)
{
	json_t *j = jsonx_parse(s, strlen(s), NULL);

	assert_non_null(j);
	return j;
}

/* ---- roles */

static void allows(const char *rule, const char *want_powers, const char *want_line)
{
	own_json json_t *j = text(rule);
	own_buf struct buf powers = BUF_INIT(1024), line = BUF_INIT(1024);
	const char *power;
	size_t at = 0;

	while ((power = kuberoles_power(j, &at)))
		buf_addf(&powers, "%s%s", powers.len ? "; " : "", power);
	kuberoles_line(j, &line);
	assert_string_equal(buf_str(&powers), want_powers);
	assert_string_equal(buf_str(&line), want_line);
}

static void powers_of_roles(void **state)
{
	(void)state;
	allows("{\"verbs\":[\"get\"],\"apiGroups\":[\"\"],\"resources\":[\"pods\",\"secrets\"]}",
		"read secrets", "get pods, secrets");
	allows("{\"verbs\":[\"get\"],\"resources\":[\"secret\",\"pods/exec\",\"ecrets\"]}", "",
		"get secret, pods/exec, ecrets");
	allows("{\"verbs\":[\"create\"],\"resources\":[\"pods/exec\"],\"resourceNames\":[\"a\"]}",
		"run programs in containers", "create pods/exec named a");
	allows("{\"verbs\":[\"patch\"],\"apiGroups\":[\"apps\"],\"resources\":[\"daemonsets\"]}",
		"run containers of its own", "patch daemonsets of apps");
	allows("{\"verbs\":[\"impersonate\"],\"resources\":[\"users\"]}", "act as others",
		"impersonate users");
	allows("{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/healthz\"]}", "", "get /healthz");
	allows("{\"verbs\":[1,null],\"resources\":\"secrets\"}", "", "?, ?");
	allows("{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}",
		"read secrets; run programs in containers; run containers of its own; add "
		"containers to pods; give itself rights; bind roles; act as others; make tokens of "
		"service accounts; command kubelets; change what others send to the API",
		"* * of *");
}

/* ---- pods */

static void risks_of_pods(void **state)
{
	own_json json_t *pod =
		text("{\"spec\":{\"hostPID\":true,\"hostIPC\":false,\"volumes\":[{\"name\":\"v\","
		     "\"hostPath\":{\"path\":\"/etc\"}},{\"name\":\"w\",\"emptyDir\":{}}],"
		     "\"containers\":[{\"name\":\"c\",\"securityContext\":{\"privileged\":true,"
		     "\"capabilities\":{\"add\":[\"SYS_ADMIN\",7]}}}],"
		     "\"ephemeralContainers\":[{\"name\":\"d\"}]},"
		     "\"status\":{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":2}]}}");
	own_json json_t *risks = kubepod_risks(pod), *all = kubepod_containers(pod);
	own_json json_t *want =
		text("[\"the pod is in the node's process namespace\","
		     "\"volume v is /etc of the node\",\"container c is privileged\","
		     "\"container c has the capability SYS_ADMIN\","
		     "\"container d was added to the running pod\"]");

	(void)state;
	assert_true(json_equal(risks, want));
	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(jsonx_text(json_array_get(all, 0), "name"), "c");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(all, 0), "restartCount")), 2);
	assert_string_equal(jsonx_text(json_array_get(all, 1), "type"), "ephemeral");
}

/* ---- peers */

static struct peer peer_at(const char *address, uint16_t port)
{
	struct peer p = {.family = strchr(address, ':') ? AF_INET6 : AF_INET,
		.state = 1,
		.remote_port = port,
		.protocol = "tcp"};

	assert_int_equal(inet_pton(p.family, address, p.remote), 1);
	return p;
}

static void answer(struct kubepeers *p, enum kubeask_kind kind, const char *document)
{
	own_json json_t *j = text(document);
	const struct kubeask ask = {.kind = kind};

	kubepeers_take(p, &ask, j);
}

static void names_of_peers(void **state)
{
	static const char *const want[][2] = {{"api-server", "kubernetes"},
		{"api-server", "kubernetes"}, {"service", "web"}, {"pod", "db"}, {"node", "n1"},
		{"node-port", "web"}, {"itself", ""}, {"metadata", ""}, {"pod", "six"}, {"", ""}};
	const struct peer list[] = {
		peer_at("10.96.0.1", 443),
		peer_at("192.0.2.1", 6443), /* a node's address, and the server's */
		peer_at("10.96.7.7", 80), peer_at("::ffff:10.244.0.9", 5432),
		peer_at("192.0.2.1", 22), peer_at("192.0.2.1", 30080),
		peer_at("10.244.0.1", 1), /* the pod's own */
		peer_at("169.254.169.254", 80), peer_at("2001:db8:0:0:0:0:0:6", 1),
		peer_at("198.51.100.1", 30080), /* nobody's, on the number of a node port */
	};
	enum { N = sizeof(list) / sizeof(list[0]) };
	own_json json_t *pod = text("{\"status\":{\"podIPs\":[{\"ip\":\"10.244.0.1\"}]}}");
	own_kubepeers struct kubepeers *p = NULL;
	own_json json_t *rows = NULL;
	size_t at = 0, asked = 0;

	(void)state;
	assert_int_equal(kubepeers_new(list, N, pod, &p, NULL), 0);
	while (kubepeers_next(p, &at))
		asked++;
	assert_int_equal(asked, N - 2 - 2); /* not two known ones, one address once */
	answer(p, ASK_PEER_PODS,
		"{\"items\":[{\"metadata\":{\"name\":\"db\"},\"status\":{\"podIPs\":[{\"ip\":"
		"\"10.244.0.9\"}]}},{\"metadata\":{\"name\":\"six\"},\"status\":{\"podIPs\":[{"
		"\"ip\":\"2001:db8::6\"}]}},{\"metadata\":{\"name\":\"agent\"},\"spec\":{"
		"\"hostNetwork\":true},\"status\":{\"podIPs\":[{\"ip\":\"192.0.2.1\"}]}}]}");
	answer(p, ASK_PEER_NODES,
		"{\"items\":[{\"metadata\":{\"name\":\"n1\"},\"status\":{\"addresses\":[{"
		"\"type\":\"InternalIP\",\"address\":\"192.0.2.1\"}]}}]}");
	answer(p, ASK_PEER_SERVICES,
		"{\"items\":[{\"metadata\":{\"name\":\"kubernetes\",\"namespace\":\"default\"},"
		"\"spec\":{\"clusterIP\":\"10.96.0.1\"}},{\"metadata\":{\"name\":\"web\"},\"spec\":"
		"{\"clusterIPs\":[\"10.96.7.7\"],\"ports\":[{\"port\":80,\"nodePort\":30080}]}}]}");
	answer(p, ASK_PEER_SERVER,
		"{\"metadata\":{\"name\":\"kubernetes\"},\"subsets\":[{\"addresses\":[{\"ip\":"
		"\"192.0.2.1\"}],\"ports\":[{\"port\":6443}]}]}");
	rows = kubepeers_render(p);
	assert_int_equal(json_array_size(rows), N);
	for (size_t i = 0; i < N; i++) {
		const json_t *row = json_array_get(rows, i);

		assert_string_equal(jsonx_text(row, "peer.is"), want[i][0]);
		assert_string_equal(jsonx_text(row, "peer.name"), want[i][1]);
	}
}

/* ---- logs */

static void files_of_logs(void **state)
{
	static struct target t = {
		.pod_namespace = "shop", .pod_name = "web", .pod_uid = "u", .pod_container = "c"};
	char root[] = "/tmp/test_kubesum.XXXXXX";
	static const char *const parts[] = {"var", "var/log", "var/log/pods",
		"var/log/pods/shop_web_u", "var/log/pods/shop_web_u/c",
		"var/log/pods/shop_web_hash", "var/log/pods/shop_web_hash/c"};
	enum { N = sizeof(parts) / sizeof(parts[0]) };
	int fd;

	(void)state;
	assert_non_null(mkdtemp(root));
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(mkdirat(fd, parts[i], 0700), 0);
	close(openat(fd, "var/log/pods/shop_web_u/c/0.log", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(openat(
		fd, "var/log/pods/shop_web_hash/c/3.log", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_true(kubelogs_is_there(&t, fd, "c", 0));
	assert_false(kubelogs_is_there(&t, fd, "c", 1));
	assert_false(kubelogs_is_there(&t, fd, "../shop_web_u/c", 0));
	/* a static pod's folder bears another uid: it is that of the target's own log */
	t.logs = 1;
	snprintf(t.log[0].path, sizeof(t.log[0].path), "var/log/pods/shop_web_hash/c/3.log");
	assert_true(kubelogs_is_there(&t, fd, "c", 3));
	assert_false(kubelogs_is_there(&t, fd, "c", 0));
	(void)unlinkat(fd, "var/log/pods/shop_web_u/c/0.log", 0);
	(void)unlinkat(fd, "var/log/pods/shop_web_hash/c/3.log", 0);
	for (size_t i = N; i-- > 0;)
		(void)unlinkat(fd, parts[i], AT_REMOVEDIR);
	close(fd);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(powers_of_roles),
		cmocka_unit_test(risks_of_pods),
		cmocka_unit_test(names_of_peers),
		cmocka_unit_test(files_of_logs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
