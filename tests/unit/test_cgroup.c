/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "cgroup.h"

#include <string.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
#define UID "1a2b3c4d-0000-1111-2222-333344445555"
#define UID_ "1a2b3c4d_0000_1111_2222_333344445555"
#define STATIC_UID "00112233445566778899aabbccddeeff"

struct row {
	const char *path;
	const char *id; /* NULL: no container */
	enum target_runtime runtime;
	const char *own;
	const char *pod_uid;
	bool monitor;
};

static const struct row rows[] = {
	/* cgroupfs driver */
	{"/kubepods/pod" UID "/" ID, ID, RUNTIME_NONE, "/kubepods/pod" UID "/" ID, UID, false},
	{"/kubepods/burstable/pod" UID "/" ID, ID, RUNTIME_NONE, NULL, UID, false},
	{"/kubepods/besteffort/pod" STATIC_UID "/" ID, ID, RUNTIME_NONE, NULL, STATIC_UID, false},
	{"/docker/" ID, ID, RUNTIME_DOCKER, NULL, "", false},
	{"/docker/" ID "/system.slice/x.service", ID, RUNTIME_DOCKER, "/docker/" ID, "", false},
	{"/libpod_parent/libpod-" ID, ID, RUNTIME_PODMAN, NULL, "", false},
	{"/libpod-" ID, ID, RUNTIME_PODMAN, NULL, "", false},
	/* systemd driver */
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
	 ".slice/cri-containerd-" ID ".scope",
		ID, RUNTIME_CONTAINERD, NULL, UID, false},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", ID, RUNTIME_CRIO, NULL,
		UID, false},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope/container", ID, RUNTIME_CRIO,
		"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope", UID, false},
	{"/kubepods.slice/kubepods-pod" UID_ ".slice/crio-conmon-" ID ".scope", ID, RUNTIME_CRIO,
		NULL, UID, true},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	 ".slice/docker-" ID ".scope",
		ID, RUNTIME_DOCKER, NULL, UID, false},
	{"/system.slice/docker-" ID ".scope", ID, RUNTIME_DOCKER, NULL, "", false},
	{"/system.slice/nerdctl-" ID ".scope", ID, RUNTIME_CONTAINERD, NULL, "", false},
	{"/machine.slice/libpod-" ID ".scope", ID, RUNTIME_PODMAN, NULL, "", false},
	{"/machine.slice/libpod-" ID ".scope/container", ID, RUNTIME_PODMAN,
		"/machine.slice/libpod-" ID ".scope", "", false},
	{"/machine.slice/libpod-conmon-" ID ".scope", ID, RUNTIME_PODMAN, NULL, "", true},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope", ID,
		RUNTIME_PODMAN, NULL, "", false},
	{"/system.slice/new-engine-" ID ".scope", ID, RUNTIME_NONE, NULL, "", false},
	/* kubelet with systemd, containerd without */
	{"/system.slice/containerd.service/kubepods-burstable-pod" UID_ ".slice:cri-containerd:" ID,
		ID, RUNTIME_CONTAINERD, NULL, UID, false},
	{"/kubepods-pod" UID_ ".slice:cri-containerd:short-name", "short-name", RUNTIME_CONTAINERD,
		NULL, UID, false},
	{"/system.slice:docker:" ID, ID, RUNTIME_DOCKER, NULL, "", false},
	/* ctr, nerdctl, containerd's namespaces */
	{"/default/web", "web", RUNTIME_CONTAINERD, "/default/web", "", false},
	{"/k8s.io/" ID, ID, RUNTIME_NONE, NULL, "", false},
	{"/moby/" ID, ID, RUNTIME_NONE, NULL, "", false},
	/* nested: the outermost */
	{"/docker/" ID "/docker/" ID2, ID, RUNTIME_DOCKER, "/docker/" ID, "", false},
	{"/kubepods/pod" UID "/" ID "/docker/" ID2, ID, RUNTIME_NONE, "/kubepods/pod" UID "/" ID,
		UID, false},
	{"/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/cri-containerd-" ID2 ".scope", ID,
		RUNTIME_DOCKER, "/docker/" ID, "", false},
	/* hosted runners, ECS */
	{"/ecs/some-task/" ID, ID, RUNTIME_NONE, NULL, "", false},
	/* none */
	{"/", NULL, 0, NULL, "", false},
	{"", NULL, 0, NULL, "", false},
	{"/user.slice/user-0.slice/session-1.scope", NULL, 0, NULL, "", false},
	{"/system.slice/ssh.service", NULL, 0, NULL, "", false},
	{"/init.scope", NULL, 0, NULL, "", false},
	{"/kubepods/pod" UID, NULL, 0, NULL, "", false},
	{"/docker/0123456789abcdef", NULL, 0, NULL, "", false},
	{"/docker/" ID "0", NULL, 0, NULL, "", false},
	{"/r1", NULL, 0, NULL, "", false},
	{"/x:y", NULL, 0, NULL, "", false},
	{"/::", NULL, 0, NULL, "", false},
};

static void finds_the_container_of_each_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct cgroup_id id = {0};
		bool hit = cgroup_identify(r->path, &id);

		if (hit != (r->id != NULL))
			fail_msg("%s: %s", r->path, hit ? id.id : "nothing found");
		if (!hit)
			continue;
		assert_string_equal(id.id, r->id);
		assert_int_equal(id.runtime, r->runtime);
		assert_string_equal(id.pod_uid, r->pod_uid);
		assert_int_equal(id.monitor, r->monitor);
		assert_int_equal(id.own_len, strlen(r->own ? r->own : r->path));
	}
}

static void tells_a_pair_of_names_from_an_id(void **state)
{
	struct cgroup_id id;

	(void)state;
	assert_true(cgroup_identify("/default/web", &id));
	assert_true(id.weak);
	assert_string_equal(id.runtime_namespace, "default");
	assert_true(cgroup_identify("/moby/" ID, &id));
	assert_false(id.weak);
	assert_string_equal(id.runtime_namespace, "moby");
}

static void reads_lines_of_v1_and_v2(void **state)
{
	const char *at =
		"9:name=systemd:/a\n6:freezer:/b\n1:cpu,cpuacct:/c:d\nnonsense\n0::/../../e";
	struct cgroup_line line;

	(void)state;
	at = cgroup_next(at, &line);
	assert_string_equal(line.path, "/a");
	assert_false(line.unified);
	at = cgroup_next(at, &line);
	assert_true(line.freezer);
	at = cgroup_next(at, &line);
	assert_string_equal(line.path, "/c:d");
	at = cgroup_next(at, &line);
	assert_string_equal(line.path, "");
	at = cgroup_next(at, &line);
	assert_true(line.unified);
	assert_string_equal(line.path, "/e");
	assert_null(cgroup_next(at, &line));
}

static void below_means_the_same_or_deeper(void **state)
{
	(void)state;
	assert_true(cgroup_is_below("/a/b", "/a/b"));
	assert_true(cgroup_is_below("/a/b/c", "/a/b/"));
	assert_false(cgroup_is_below("/a/bc", "/a/b"));
	assert_false(cgroup_is_below("/a", "/"));
	assert_false(cgroup_is_below("/a", ""));
}

static void survives_long_names(void **state)
{
	static char path[3 * TARGET_PATH];
	struct cgroup_line line;
	struct cgroup_id id;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	memcpy(path, "0::/x/", 6);
	assert_non_null(cgroup_next(path, &line));
	assert_string_equal(line.path, "");
	assert_false(cgroup_identify(path + 3, &id));
	memcpy(path, "/p.slice:cri-containerd:", 24);
	assert_true(cgroup_identify(path, &id));
	assert_int_equal(strlen(id.id), TARGET_ID - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_container_of_each_form),
		cmocka_unit_test(tells_a_pair_of_names_from_an_id),
		cmocka_unit_test(reads_lines_of_v1_and_v2),
		cmocka_unit_test(below_means_the_same_or_deeper),
		cmocka_unit_test(survives_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
