/* SPDX-License-Identifier: Apache-2.0 */
/* test_resolve - the state of each runtime, from tests/data/target, under a /proc made here. */
#include "unit.h"

#include "buf.h"
#include "fakeproc.h"
#include "own.h"
#include "resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WEB "aba54bfd90189340c9e9dcac138c0d4bff2cc88e17e429d4d7014bea1f00a7b5"
#define WEB_LAYER "203f05f0dfd8408780f64bb3ad2556191743fea15ad4d4e7b19203fee0e3a4c7"
#define LOCAL "e46fc7a81ff9b4655e421fc08be0ec5082c8813e23ee4231fd8482a5506c12db"
#define PWEB "f18e5353556f569d7831fbad71db1e59c5e89c910aa8b4b8e6d985536fb87633"
#define C4(x) x x x x
#define C32(x) C4(C4(x)) C4(C4(x))
#define CRIO C32("c1")
#define POD_UID "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
#define POD_SLICE "kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice"
#define K3S C32("a7")
#define ENDED C32("e9")

struct fixture {
	struct target_host host;
	struct fakeproc proc;
	char root[PATH_MAX];
	struct target *t;
	struct buf candidates;
	struct err e;
};

static void open_fixture(struct fixture *f, const char *name)
{
	const char *top = getenv("TOP");

	memset(f, 0, sizeof(*f));
	snprintf(f->root, sizeof(f->root), "%s/tests/data/target/%s", top ? top : ".", name);
	if (f->root[0] != '/' && !realpath(f->root, (char[PATH_MAX]){0}))
		fail_msg("run it from the top of the tree");
	f->host.root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->host.root_fd >= 0);
	fakeproc_init(&f->proc);
	f->host.proc_fd = f->proc.fd;
	fakeproc_add(&f->proc, &(struct fakeproc_row){1, 0, 1, "host", "0::/\n", NULL, NULL});
	f->t = calloc(1, sizeof(*f->t));
	assert_non_null(f->t);
	f->candidates = BUF_INIT(1 << 16);
}

static void close_fixture(struct fixture *f)
{
	for (unsigned i = 0; i < TARGET_FDS; i++)
		if (f->t->fd[i] >= 0)
			close(f->t->fd[i]);
	free(f->t);
	buf_done(&f->candidates);
	fakeproc_done(&f->proc);
	close(f->host.root_fd);
}

static int resolve(struct fixture *f, enum selector_kind kind, const char *text)
{
	struct target_selector sel = {kind, text};

	memset(f->t, 0, sizeof(*f->t));
	buf_clear(&f->candidates);
	return resolve_target(&f->host, &sel, f->t, &f->candidates, &f->e);
}

/* A process whose root is a layer of the fixture. */
static void add_process(struct fixture *f, pid_t pid, uint64_t start, const char *ns,
	const char *cgroup, const char *layer)
{
	char root[2 * PATH_MAX], absolute[PATH_MAX];

	snprintf(root, sizeof(root), "%s/%s", f->root, layer);
	assert_non_null(realpath(root, absolute));
	fakeproc_add(&f->proc, &(struct fakeproc_row){pid, 1, start, ns, cgroup, absolute, NULL});
}

static void assert_mount(const struct target *t, const char *point, enum mount_kind kind)
{
	for (unsigned i = 0; i < t->mounts; i++) {
		if (strcmp(t->mount[i].point, point) != 0)
			continue;
		if (t->mount[i].kind != kind)
			fail_msg("%s: kind %d", point, (int)t->mount[i].kind);
		return;
	}
	fail_msg("no mount at %s", point);
}

static void assert_log(const struct target *t, const char *label, const char *end)
{
	for (unsigned i = 0; i < t->logs; i++) {
		size_t len = strlen(t->log[i].path);

		if (!strcmp(t->log[i].label, label) && len >= strlen(end) &&
			!strcmp(t->log[i].path + len - strlen(end), end))
			return;
	}
	fail_msg("no log %s of %s", end, label);
}

static void assert_finding(const struct target *t, const char *words)
{
	for (unsigned i = 0; i < t->findings; i++)
		if (strstr(t->finding[i], words))
			return;
	fail_msg("no finding '%s' among %u", words, t->findings);
}

static void assert_no_finding(const struct target *t)
{
	if (t->findings)
		fail_msg("finding: %s", t->finding[0]);
}

static void docker_running(void **state)
{
	struct fixture f;

	(void)state;
	if (unit_emulated())
		unit_skip("without openat2 (before Linux 5.6) links on the way are refused");
	open_fixture(&f, "docker");
	add_process(&f, 4101, 500, "web", "6:freezer:/docker/" WEB "\n0::/docker/" WEB "\n",
		"var/lib/docker/overlay2/" WEB_LAYER "/diff");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "web"), 0);
	assert_int_equal(f.t->runtime, RUNTIME_DOCKER);
	assert_true(f.t->running);
	assert_int_equal(f.t->pid, 4101);
	assert_int_equal(f.t->start_ticks, 500);
	assert_string_equal(f.t->id, WEB);
	assert_string_equal(f.t->image, "tgt:1");
	assert_string_equal(f.t->oci_runtime, "runc");
	assert_string_equal(f.t->pod_name, "p1");
	assert_string_equal(f.t->cgroup_v1, "/docker/" WEB);
	assert_string_equal(f.t->upper_path, "/var/lib/docker/overlay2/" WEB_LAYER "/diff");
	assert_int_equal(f.t->rootfs, ROOTFS_OVERLAY);
	assert_int_equal(f.t->lowers, 2);
	assert_true(f.t->lowers_complete);
	assert_mount(f.t, "/vol", MOUNT_VOLUME);
	assert_mount(f.t, "/hostdir", MOUNT_BIND);
	assert_mount(f.t, "/scratch", MOUNT_TMPFS);
	assert_mount(f.t, "/etc/hosts", MOUNT_CONFIG);
	assert_log(f.t, "json-file", WEB "-json.log");
	assert_int_equal(f.t->members, 1);
	assert_no_finding(f.t);
	close_fixture(&f);
}

static void docker_exited(void **state)
{
	struct fixture f;

	(void)state;
	if (unit_emulated())
		unit_skip("without openat2 (before Linux 5.6) links on the way are refused");
	open_fixture(&f, "docker");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "/done"), 0);
	assert_false(f.t->running);
	assert_string_equal(f.t->state_text, "exited");
	assert_true(f.t->fd[TFD_UPPER] >= 0);
	assert_true(f.t->fd[TFD_LOWER0 + 1] >= 0);
	assert_int_equal(f.t->fd[TFD_PROC], -1);
	assert_no_finding(f.t);
	close_fixture(&f);
}

static void docker_process_is_another(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "docker");
	add_process(&f, 4201, 900, "other", "0::/system.slice/ssh.service\n", "var");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "local"), 0);
	assert_false(f.t->running);
	assert_string_equal(f.t->state_text, "dead");
	assert_int_equal(f.t->fd[TFD_ROOT], -1);
	assert_finding(f.t, "no process of the container is left");
	assert_log(f.t, "local", "local-logs/container.log");
	close_fixture(&f);
}

static void init_found_by_its_cgroup(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "docker");
	add_process(&f, 4201, 900, "other", "0::/system.slice/ssh.service\n", "var");
	add_process(&f, 4999, 950, "local", "0::/docker/" LOCAL "\n", "var");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, LOCAL), 0);
	assert_int_equal(f.t->pid, 4999);
	assert_finding(f.t, "names process 4201");
	assert_finding(f.t, "has another root by now");
	close_fixture(&f);
}

static void crio_by_pod_name(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "crio");
	add_process(&f, 4501, 123456, "app",
		"0::/kubepods.slice/kubepods-burstable.slice/" POD_SLICE "/crio-" CRIO ".scope\n",
		"var/lib/containers/storage/overlay/" C32("1a") "/diff");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "shop/web-0/app"), 0);
	assert_int_equal(f.t->runtime, RUNTIME_CRIO);
	assert_true(f.t->running);
	assert_string_equal(f.t->pod_namespace, "shop");
	assert_string_equal(f.t->pod_name, "web-0");
	assert_string_equal(f.t->pod_uid, POD_UID);
	assert_string_equal(f.t->pod_container, "app");
	assert_string_equal(f.t->sandbox_id, C32("5b"));
	assert_string_equal(f.t->image, "registry.example/shop/app:1.2");
	assert_int_equal(f.t->rootfs, ROOTFS_OVERLAY);
	assert_int_equal(f.t->lowers, 1);
	assert_mount(f.t, "/dev/shm", MOUNT_SHM);
	assert_mount(f.t, "/etc/resolv.conf", MOUNT_CONFIG);
	assert_mount(f.t, "/etc/hosts", MOUNT_CONFIG);
	assert_mount(f.t, "/dev/termination-log", MOUNT_CONFIG);
	assert_mount(f.t, "/var/run/secrets/kubernetes.io/serviceaccount", MOUNT_SECRET);
	assert_mount(f.t, "/pw", MOUNT_SECRET);
	assert_mount(f.t, "/etc/app", MOUNT_CONFIG);
	assert_mount(f.t, "/cache", MOUNT_VOLUME);
	assert_mount(f.t, "/host", MOUNT_BIND);
	assert_log(f.t, "cri", "app/0.log");
	assert_no_finding(f.t);
	close_fixture(&f);
}

static void crio_start_time_counts(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "crio");
	add_process(&f, 4501, 123457, "app", "0::/other\n", "var");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, CRIO), 0);
	assert_false(f.t->running);
	close_fixture(&f);
}

static void pods_that_disagree(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "crio");
	add_process(&f, 4501, 123456, "app",
		"0::/kubepods/pod11111111-2222-3333-4444-555555555555/" CRIO "\n", "var");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "c1c1"), 0);
	assert_finding(f.t, "cgroup is of pod 11111111");
	close_fixture(&f);
}

static void containerd_namespaces_and_logs(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "containerd");
	add_process(&f, 4301, 10, "ctr", "0::/default/ctrweb\n", "run");
	add_process(&f, 4601, 20, "k3s", "0::/kubepods/burstable/pod" POD_UID "/" K3S "\n", "run");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "ctrweb"), 0);
	assert_int_equal(f.t->runtime, RUNTIME_CONTAINERD);
	assert_string_equal(f.t->runtime_namespace, "default");
	assert_int_equal(resolve(&f, SELECT_PID, "4601"), 0);
	assert_string_equal(f.t->id, K3S);
	assert_string_equal(f.t->runtime_namespace, "k8s.io");
	assert_string_equal(f.t->oci_runtime, "io.containerd.runc.v2");
	assert_log(f.t, "cri", "app/0.log");
	assert_log(f.t, "cri", "app/1.log");
	close_fixture(&f);
}

/* Its task is gone: containerd's databases alone know it. */
static void containerd_ended(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "containerd");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "shop"), 0);
	assert_string_equal(f.t->id, "ended");
	assert_string_equal(f.t->runtime_namespace, "default");
	assert_string_equal(f.t->state_text, "exited");
	assert_string_equal(f.t->image, "docker.io/library/tgt:1");
	assert_int_equal(strlen(f.t->image_digest), 71);
	assert_string_equal(f.t->upper_path,
		"/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs");
	assert_true(f.t->fd[TFD_UPPER] >= 0);
	assert_int_equal(f.t->lowers, 1);
	assert_true(f.t->lowers_complete);
	assert_mount(f.t, "/data", MOUNT_BIND);
	assert_no_finding(f.t);
	close_fixture(&f);
}

static void names_may_be_ambiguous(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "containerd");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "app"), -ENOTUNIQ);
	assert_non_null(strstr(buf_str(&f.candidates), "a7a7a7a7a7a7  app  containerd"));
	assert_non_null(strstr(buf_str(&f.candidates), "e9e9e9e9e9e9  app  containerd  exited"));
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "e9e9e9"), 0);
	assert_false(f.t->running);
	assert_string_equal(f.t->pod_name, "web-0");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "e9e"), -ENOENT);
	assert_int_equal(resolve(&f, SELECT_CONTAINER, ""), -EINVAL);
	close_fixture(&f);
}

static void podman_running_and_created(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "podman");
	add_process(&f, 4401, 30, "pweb", "0::/libpod_parent/libpod-" PWEB "\n", "var");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "pweb"), 0);
	assert_int_equal(f.t->runtime, RUNTIME_PODMAN);
	assert_int_equal(f.t->pid, 4401);
	assert_string_equal(f.t->image, "localhost/tgt:1");
	assert_mount(f.t, "/vol", MOUNT_VOLUME);
	assert_mount(f.t, "/etc/hosts", MOUNT_CONFIG);
	assert_log(f.t, "k8s-file", "userdata/ctr.log");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "pcreated"), 0);
	assert_string_equal(f.t->state_text, "created");
	assert_true(f.t->fd[TFD_UPPER] >= 0);
	close_fixture(&f);
}

static void an_id_without_state(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "podman");
	add_process(&f, 77, 30, "gone", "0::/docker/" WEB "\n", "var");
	assert_int_equal(resolve(&f, SELECT_CONTAINER, "aba54bfd9018"), 0);
	assert_int_equal(f.t->pid, 77);
	assert_string_equal(f.t->id, WEB);
	assert_int_equal(f.t->runtime, RUNTIME_DOCKER);
	assert_finding(f.t, "no runtime's state is here");
	close_fixture(&f);
}

static void the_hosts_own_processes(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "podman");
	add_process(&f, 50, 5, "host", "0::/system.slice/ssh.service\n", "var");
	assert_int_equal(resolve(&f, SELECT_PID, "50"), 0);
	assert_true(f.t->host_namespaces);
	assert_int_equal(f.t->members, 1); /* not the host's other processes */
	assert_int_equal(f.t->member[0].pid, 50);
	close_fixture(&f);
}

static void a_pods_cgroup_holds_several(void **state)
{
	struct fixture f;

	(void)state;
	open_fixture(&f, "containerd");
	add_process(&f, 4601, 20, "k3s", "0::/kubepods/burstable/pod" POD_UID "/" K3S "\n", "run");
	assert_int_equal(resolve(&f, SELECT_CGROUP, "/kubepods/burstable/pod" POD_UID), 0);
	assert_string_equal(f.t->id, K3S);
	assert_int_equal(resolve(&f, SELECT_CGROUP, "/kubepods/burstable/pod" POD_UID "/" K3S), 0);
	assert_string_equal(f.t->id, K3S);
	add_process(
		&f, 4602, 21, "pause", "0::/kubepods/burstable/pod" POD_UID "/" ENDED "\n", "run");
	assert_int_equal(resolve(&f, SELECT_CGROUP, "/kubepods/burstable/pod" POD_UID), -ENOTUNIQ);
	assert_non_null(strstr(buf_str(&f.candidates), K3S));
	assert_non_null(strstr(buf_str(&f.candidates), ENDED));
	assert_int_equal(resolve(&f, SELECT_CGROUP, "/kubepods/none"), -ENOENT);
	close_fixture(&f);
}

struct rows {
	unsigned n, stopped;
};

static int count_row(const struct resolve_row *row, void *arg)
{
	struct rows *r = arg;

	r->n++;
	if (!row->pid)
		r->stopped++;
	else
		assert_int_equal(r->stopped, 0); /* running first */
	assert_true(row->layer_known);
	assert_int_equal(row->layer_bytes, 13); /* the file named layer */
	return 0;
}

static void lists_running_first(void **state)
{
	struct fixture f;
	struct rows rows = {0, 0};

	(void)state;
	open_fixture(&f, "docker");
	add_process(&f, 4201, 900, "local", "0::/docker/" LOCAL "\n", "var");
	assert_int_equal(resolve_list(&f.host, true, count_row, &rows, &f.e), 0);
	assert_int_equal(rows.n, 3);
	assert_int_equal(rows.stopped, 2);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docker_running),
		cmocka_unit_test(docker_exited),
		cmocka_unit_test(docker_process_is_another),
		cmocka_unit_test(init_found_by_its_cgroup),
		cmocka_unit_test(crio_by_pod_name),
		cmocka_unit_test(crio_start_time_counts),
		cmocka_unit_test(pods_that_disagree),
		cmocka_unit_test(containerd_namespaces_and_logs),
		cmocka_unit_test(containerd_ended),
		cmocka_unit_test(names_may_be_ambiguous),
		cmocka_unit_test(podman_running_and_created),
		cmocka_unit_test(an_id_without_state),
		cmocka_unit_test(the_hosts_own_processes),
		cmocka_unit_test(a_pods_cgroup_holds_several),
		cmocka_unit_test(lists_running_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
