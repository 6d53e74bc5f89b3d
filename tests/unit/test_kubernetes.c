/* SPDX-License-Identifier: Apache-2.0 */
/* The dumper against a server on loopback that answers what was recorded from a real one. */
#include "unit.h"

#include "apikit.h"
#include "buf.h"
#include "dirsink.h"
#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "jsonx.h"
#include "kubepass.h"
#include "own.h"
#include "peers.h"
#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct dumper dumper_kubernetes;

static struct apikit api;
static struct dirsink out;
static struct target target;
static const char *missing; /* why there is no server here */

static int start(void **state)
{
	(void)state;
	missing = unit_emulated() ? "clocks under qemu-user" : apikit_start(&api);
	return hash_setup(NULL);
}

static int end(void **state)
{
	(void)state;
	if (!missing)
		apikit_end(&api);
	return 0;
}

static int setup(void **state)
{
	static unsigned number;
	char name[32];
	own_fd int top = missing ? -1 : open(api.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	if (missing)
		return 0;
	snprintf(name, sizeof(name), "out%u", number++);
	assert_int_equal(mkdirat(top, name, 0700), 0);
	dirsink_init(&out, openat(top, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
	memset(&target, 0, sizeof(target));
	snprintf(target.pod_namespace, sizeof(target.pod_namespace), "shop");
	snprintf(target.pod_name, sizeof(target.pod_name), "web-7559bb68dc-cqfj7");
	snprintf(target.pod_uid, sizeof(target.pod_uid), "40236c5b-3b98-4696-81e3-e5ebfb49df3f");
	snprintf(target.id, sizeof(target.id), "c0ffee");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (!missing)
		close(out.dir_fd);
	return 0;
}

/* What another worker hands on: a server's name and the path that all paths are put after. */
static int pass(const char *server, const char *path)
{
	own_free char *ca = apikit_text(&api, "ca.crt");
	char url[128], token[] = "t", ca_from[] = "ca.crt", context[] = "test";
	struct kubeconfig config = {.server = url,
		.ca = ca,
		.ca_from = ca_from,
		.token = token,
		.namespace = context,
		.context = context,
		.root_fd = -1};
	int fd = memfd_create("test", MFD_CLOEXEC);

	snprintf(url, sizeof(url), "https://127.0.0.1:%u%s", apikit_port(&api, server), path);
	assert_int_equal(kubepass_write(fd, &config, NULL, NULL), 0);
	return fd;
}

static void run(int api_fd, int peers_fd)
{
	static const char *const words[] = {"PASS", "TOKEN", NULL};
	static const union option_value options[] = {{.b = true}, {.list = words},
		{.u = 20000000000}, {.u = 500000000}, {.u = 1 << 20}, {.u = 1}, {.u = 1 << 20}};
	own_fd int host_fd = open(api.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int passed = api_fd;
	struct dump d = {.target = &target,
		.options = options,
		.proc_fd = -1,
		.host_fd = host_fd,
		.spool_fd = -1,
		.max_bytes = UINT64_MAX,
		.peers_fd = peers_fd,
		.api_fd = passed};
	struct err e = ERR_INIT;

	if (dumper_kubernetes.run(&d, &out.sink, &e) < 0)
		fail_msg("%s", e.text);
}

static bool has(const char *name, const char *text)
{
	own_buf struct buf b = BUF_INIT(1 << 20);

	return io_read_file(out.dir_fd, name, &b, NULL) == 0 && strstr(buf_str(&b), text);
}

static json_t *member(const char *name)
{
	own_buf struct buf b = BUF_INIT(1 << 20);
	json_t *root;

	assert_int_equal(io_read_file(out.dir_fd, name, &b, NULL), 0);
	root = jsonx_parse(buf_str(&b), b.len, NULL);
	assert_non_null(root);
	return root;
}

static void says(const json_t *root, const char *path, const char *want)
{
	assert_string_equal(jsonx_text(root, path), want);
}

#define NEEDS_SERVER()                      \
	do {                                \
		if (missing)                \
			unit_skip(missing); \
	} while (0)

static void what_surrounds_the_pod(void **state)
{
	own_json json_t *sum = NULL;

	(void)state;
	NEEDS_SERVER();
	run(pass("good", "/recorded"), -1);
	sum = member("kubernetes/summary.json");
	says(sum, "pod.uid", "40236c5b-3b98-4696-81e3-e5ebfb49df3f");
	says(json_array_get(jsonx_get(sum, "owners"), 0), "kind", "ReplicaSet");
	says(json_array_get(jsonx_get(sum, "owners"), 1), "name", "web");
	says(json_array_get(jsonx_get(sum, "services"), 0), "name", "web");
	says(json_array_get(jsonx_get(sum, "events"), 0), "reason", "BackOff");
	says(json_array_get(jsonx_get(sum, "chain"), 4), "name", "web-7559bb68dc-cqfj7");
	assert_true(has("kubernetes/pod.json", "web-7559bb68dc-cqfj7"));
	assert_true(has("kubernetes/logs/httpd.log", "a line"));
	assert_true(has("kubernetes/requests.jsonl", "/api/v1/namespaces/shop/pods/web-"));
	assert_true(has("findings.txt", "may read secrets"));
	assert_false(has("findings.txt", "another one"));
	/* a password in an event */
	assert_false(has("kubernetes/events/pod-web-7559bb68dc-cqfj7.json", "hunter2"));
	assert_false(has("kubernetes/summary.json", "hunter2"));
}

static void another_pod_of_that_name(void **state)
{
	(void)state;
	NEEDS_SERVER();
	snprintf(target.pod_uid, sizeof(target.pod_uid), "0");
	run(pass("good", "/recorded"), -1);
	assert_true(has("findings.txt", "is another one: uid 40236c5b-"));
}

static void one_answer_fails_and_the_rest_goes_on(void **state)
{
	static const struct {
		const char *path, *says;
	} ways[] = {
		{"/recorded-slow", "stalled member=kubernetes/services.json"},
		{"/recorded-busy", "stalled member=kubernetes/services.json"},
		{"/recorded-garbage", "refused member=kubernetes/services.json"},
	};

	(void)state;
	NEEDS_SERVER();
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (i) {
			teardown(NULL);
			setup(NULL);
		}
		run(pass("good", ways[i].path), -1);
		if (!has("gaps.txt", ways[i].says))
			fail_msg("no gap: %s", ways[i].says);
		assert_false(has("kubernetes/services.json", ""));
		assert_true(has("kubernetes/endpointslices.json", "web"));
		assert_true(has("kubernetes/owner/deployment-web.json", "web"));
	}
}

static void a_token_expires(void **state)
{
	(void)state;
	NEEDS_SERVER();
	run(pass("good", "/recorded-expires"), -1);
	assert_true(has("kubernetes/pod.json", "web"));
	assert_true(has("gaps.txt", "unauthorized (401): Unauthorized"));
	assert_true(has("gaps.txt", "the last answer leaves no hope for another"));
	assert_true(has("kubernetes/summary.json", "unauthorized (401)"));
}

static void nobody_is_there(void **state)
{
	(void)state;
	NEEDS_SERVER();
	run(pass("closed", "/recorded"), -1);
	assert_true(has("gaps.txt", "unreachable"));
	assert_int_equal(out.gaps, 2); /* the first request, and all the others at once */
	assert_true(has("kubernetes/summary.json", "\"chain\""));
}

static void a_stranger_is_told_nothing(void **state)
{
	(void)state;
	NEEDS_SERVER();
	run(pass("stranger", "/recorded"), -1);
	assert_true(has("gaps.txt", "tls: "));
	assert_int_equal(out.gaps, 2);
}

static void a_kubeconfig_that_was_refused(void **state)
{
	const struct err why = {.code = ENOTSUP, .text = "passwords are not supported"};
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	NEEDS_SERVER();
	assert_int_equal(kubepass_write(fd, NULL, &why, NULL), 0);
	run(fd, -1);
	assert_true(has("gaps.txt", "passwords are not supported"));
	assert_int_equal(out.members, 0);
	run(memfd_create("test", MFD_CLOEXEC), -1); /* the worker before us died */
	assert_true(has("gaps.txt", "the kubeconfig could not be read"));
}

static void connect_to(int fd, const char *address, uint16_t port)
{
	struct peer p = {.family = AF_INET,
		.state = 1,
		.local_port = 40000,
		.remote_port = port,
		.protocol = "tcp"};

	assert_int_equal(inet_pton(AF_INET, address, p.remote), 1);
	peers_add(fd, &p);
}

static void peers_get_names(void **state)
{
	static const char *const want[] = {"metadata", "pod", "service", "itself"};
	own_fd int fd = peers_new(NULL);
	own_json json_t *service = json_load_file("tests/data/kube/services.json", 0, NULL);
	own_json json_t *pod = json_load_file("tests/data/kube/pod.json", 0, NULL);
	own_json json_t *got = NULL;
	const json_t *rows;

	(void)state;
	NEEDS_SERVER();
	/* it is asked about as another one */
	connect_to(fd, "169.254.169.254", 80);
	connect_to(fd, jsonx_text(pod, "status.podIP"), 8080);
	connect_to(fd,
		jsonx_text(json_array_get(json_object_get(service, "items"), 0), "spec.clusterIP"),
		80);
	connect_to(fd, "127.0.0.1", 5432);
	connect_to(fd, "198.51.100.7", 443);
	snprintf(target.pod_name, sizeof(target.pod_name), "gone");
	run(pass("good", "/recorded"), fd);
	got = member("kubernetes/peers.json");
	rows = json_object_get(got, "peers");
	assert_int_equal(json_array_size(rows), 5);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		says(json_array_get(rows, i), "peer.is", want[i]);
	says(json_array_get(rows, 1), "peer.name", "web-7559bb68dc-cqfj7");
	says(json_array_get(rows, 2), "peer.name", "web");
	assert_true(json_is_null(jsonx_get(json_array_get(rows, 4), "peer")));
	assert_true(has("gaps.txt", "not_present member=kubernetes/pod.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_surrounds_the_pod, setup, teardown),
		cmocka_unit_test_setup_teardown(another_pod_of_that_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_answer_fails_and_the_rest_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_token_expires, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stranger_is_told_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kubeconfig_that_was_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(peers_get_names, setup, teardown),
	};

	return cmocka_run_group_tests(tests, start, end);
}
