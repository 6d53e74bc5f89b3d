/* SPDX-License-Identifier: Apache-2.0 */
/* The answers in tests/data/cri/ are containerd 1.6.20's, of a node with pods in every state. */
#include "unit.h"

#include "cri.h"
#include "grpc.h"
#include "grpckit.h"
#include "jsonx.h"
#include "now.h"
#include "own.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CALL_MS = 5000 };

#define OOM "a32b757ddd0031dae6f31cd136f1cad57dd7b99bb9690ce0db80180dfa8735ed"
#define OOM_POD "c5021ae4e3f2231d57d676723f33fc37252bfe67b4a07d0f11f7fa00745f2f9a"
#define WEB_POD "969095e23c87ba85dfa4972092f74335bd61b51a42e76aec3fd5d24811ad7a13"
#define BUSYBOX "sha256:e553331c05b225c1412e140bdc96481e1604f3fa151bc62aa53e9e5db9efa6b4"

static const struct {
	const char *method, *file;
} recorded[] = {
	{"RuntimeService/Version", "version"},
	{"RuntimeService/ListPodSandbox", "pods"},
	{"RuntimeService/ListContainers", "containers"},
	{"RuntimeService/PodSandboxStatus", "pod"},
	{"RuntimeService/ContainerStatus", "container-oom"},
	{"ImageService/ImageStatus", "image"},
	{"/containerd.services.snapshots.v1.Snapshots/Mounts", "mounts"},
};
enum { RECORDED = sizeof(recorded) / sizeof(recorded[0]) };

struct node {
	struct grpckit kit;
	struct grpckit_reply reply[RECORDED];
	struct buf body[RECORDED];
	char method[RECORDED][128];
	struct cri *cri;
	struct err e;
};

/* A runtime that answers as recorded, all but what 'instead' says. */
static void node_serve(struct node *n, const char *api, const struct grpckit_reply *instead)
{
	memset(n, 0, sizeof(*n));
	for (unsigned i = 0; i < RECORDED; i++) {
		const char *m = recorded[i].method;

		n->body[i] = BUF_INIT(1 << 20);
		grpckit_load(recorded[i].file, &n->body[i]);
		snprintf(n->method[i], sizeof(n->method[i]),
			*m == '/' ? "%.0s%s" : "/runtime.%s.%s", api, m);
		n->reply[i] = (struct grpckit_reply){
			.method = n->method[i], .body = n->body[i].data, .len = n->body[i].len};
		if (instead && !strcmp(instead->method, n->method[i]))
			n->reply[i] = *instead;
	}
	grpckit_serve(&n->kit, n->reply, RECORDED);
}

static void node_up(struct node *n, const char *api, const struct grpckit_reply *instead)
{
	node_serve(n, api, instead);
	assert_int_equal(cri_open(n->kit.client, CALL_MS * 1000000ULL, &n->cri, &n->e), 0);
}

static void node_down(struct node *n)
{
	cri_close(n->cri);
	grpckit_done(&n->kit);
	for (unsigned i = 0; i < RECORDED; i++)
		buf_done(&n->body[i]);
}

static void is(struct protobuf_text t, const char *want)
{
	char got[1000];

	snprintf(got, sizeof(got), "%.*s", (int)t.n, t.n ? t.p : "");
	assert_string_equal(got, want);
}

/* The value under a key, which must be there. */
static struct protobuf_text value_of(struct protobuf_list l, const char *key)
{
	struct cri_pair p;

	while (cri_next_pair(&l, &p, NULL) > 0)
		if (p.key.n == strlen(key) && !memcmp(p.key.p, key, p.key.n))
			return p.value;
	fail_msg("no %s", key);
	return (struct protobuf_text){0};
}

static void the_version(void **state)
{
	struct cri_version v;
	struct node n;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_string_equal(cri_api(n.cri), "v1");
	assert_int_equal(cri_version(n.cri, &v, &n.e), 0);
	is(v.runtime, "containerd");
	is(v.version, "1.6.20~ds1");
	is(v.api, "v1");
	node_down(&n);
	assert_int_equal(n.kit.calls, 2);
}

static void an_older_runtime(void **state)
{
	struct cri_image i;
	struct node n;

	(void)state;
	node_up(&n, "v1alpha2", NULL);
	assert_string_equal(cri_api(n.cri), "v1alpha2");
	assert_int_equal(cri_image_status(n.cri, "busybox", &i, &n.e), 0);
	node_down(&n);
	assert_string_equal(n.kit.method, "/runtime.v1alpha2.ImageService/ImageStatus");
}

static void no_runtime_at_all(void **state)
{
	struct err e = ERR_INIT;
	struct grpckit k;
	struct cri *c;

	(void)state;
	grpckit_serve(&k, NULL, 0);
	assert_int_equal(cri_open(k.client, CALL_MS * 1000000ULL, &c, &e), -ENOSYS);
	grpckit_done(&k);
	assert_int_equal(k.calls, 2);
}

/* ---- pods */

struct seen {
	unsigned rows, ended;
	bool it;
};

static int see_pod(void *arg, const struct cri_pod *p, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->rows++;
	s->ended += p->state == CRI_POD_NOT_READY;
	if (strncmp(p->id.p, WEB_POD, p->id.n) != 0)
		return 0;
	s->it = true;
	is(p->name, "web-7559bb68dc-g98tc");
	is(p->uid, "f199af48-cea6-489d-a962-bbab53048648");
	is(p->space, "shop");
	assert_int_equal(p->created, 1795336784773214191);
	is(value_of(p->labels, "app"), "web");
	is(value_of(p->annotations, "example.org/owner"), "payments");
	return 0;
}

static void all_pods(void **state)
{
	struct seen s = {0};
	struct node n;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_pods(n.cri, see_pod, &s, &n.e), 0);
	assert_true(s.it);
	assert_int_equal(s.rows, 10);
	assert_true(s.ended >= 1);
	node_down(&n);
}

static void one_pod(void **state)
{
	own_json json_t *info = NULL;
	struct protobuf_text text;
	struct cri_pod p;
	struct node n;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_pod_status(n.cri, WEB_POD, &p, &n.e), 0);
	is(p.id, WEB_POD);
	is(p.name, "web-7559bb68dc-g98tc");
	is(p.ip, "10.244.0.5");
	assert_int_equal(p.more_ips.count, 0);
	assert_int_equal(p.state, CRI_POD_READY);
	assert_int_equal(p.network, CRI_NS_POD);
	assert_int_equal(p.pid, CRI_NS_CONTAINER);
	is(value_of(p.labels, "io.kubernetes.pod.name"), "web-7559bb68dc-g98tc");
	text = value_of(p.info, "info");
	info = jsonx_parse(text.p, text.n, &n.e);
	assert_non_null(info);
	assert_string_equal(jsonx_text(info, "snapshotKey"), WEB_POD);
	assert_non_null(jsonx_get(info, "cniResult.Interfaces"));
	node_down(&n);
}

/* ---- containers */

static int see_container(void *arg, const struct cri_container *k, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->rows++;
	s->ended += k->state == CRI_EXITED;
	if (strncmp(k->id.p, OOM, k->id.n) != 0)
		return 0;
	s->it = true;
	is(k->pod, OOM_POD);
	is(k->name, "c");
	is(k->image_ref, BUSYBOX);
	is(value_of(k->labels, "io.kubernetes.pod.namespace"), "shop");
	return 0;
}

static int see_one(void *arg, const struct cri_container *k, struct err *e)
{
	(void)k;
	++*(int *)arg;
	return err_set(e, ECANCELED, "enough");
}

static void all_containers(void **state)
{
	struct seen s = {0};
	struct node n;
	int calls = 0;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_containers(n.cri, see_container, &s, &n.e), 0);
	assert_true(s.it);
	assert_int_equal(s.rows, 13);
	assert_true(s.ended >= 3);
	assert_int_equal(cri_containers(n.cri, see_one, &calls, &n.e), -ECANCELED);
	assert_int_equal(calls, 1);
	node_down(&n);
}

static void one_container(void **state)
{
	own_json json_t *info = NULL;
	struct protobuf_text text;
	struct cri_container k;
	struct cri_mount m;
	struct node n;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_container_status(n.cri, OOM, &k, &n.e), 0);
	is(k.id, OOM);
	assert_int_equal(k.state, CRI_EXITED);
	assert_int_equal(k.exit_code, 137);
	is(k.reason, "OOMKilled");
	is(k.image, "docker.io/library/busybox:1.35");
	is(k.image_ref, BUSYBOX);
	is(k.log_path, "/var/log/pods/shop_oom_31824e8f-b000-4d43-b497-93b58c6d6753/c/0.log");
	assert_int_equal(k.created, 1795336785147894844);
	assert_int_equal(k.started, 1795336785252468185);
	assert_int_equal(k.finished, 1795336785289025356);
	assert_int_equal(k.mounts.count, 3);
	assert_int_equal(cri_next_mount(&k.mounts, &m, &n.e), 1);
	is(m.container_path, "/var/run/secrets/kubernetes.io/serviceaccount");
	assert_true(m.read_only);
	text = value_of(k.info, "info");
	info = jsonx_parse(text.p, text.n, &n.e);
	assert_string_equal(jsonx_text(info, "snapshotter"), "overlayfs");
	node_down(&n);
	assert_int_equal(n.kit.request_len, 5 + 2 + strlen(OOM) + 2);
	assert_memory_equal(
		n.kit.request, "\0\0\0\0\x44\x0a\x40" OOM "\x10\x01", n.kit.request_len);
}

static void an_image(void **state)
{
	static const struct grpckit_reply nothing = {
		.method = "/runtime.v1.ImageService/ImageStatus", .body = ""};
	struct protobuf_text tag;
	struct cri_image i;
	struct node n;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_image_status(n.cri, "busybox", &i, &n.e), 0);
	is(i.id, BUSYBOX);
	assert_int_equal(protobuf_next(&i.tags, &tag), 1);
	is(tag, "docker.io/library/busybox:1.35");
	assert_true(i.size == 2130671);
	assert_int_equal(value_of(i.info, "info").p[0], '{');
	node_down(&n);
	assert_memory_equal(n.kit.request,
		"\0\0\0\0\x0d\x0a\x09\x0a\x07"
		"busybox\x10\x01",
		18);

	node_up(&n, "v1", &nothing);
	assert_int_equal(cri_image_status(n.cri, "busybox", &i, &n.e), -ENOENT);
	assert_string_equal(n.e.text, "no such image");
	node_down(&n);
}

/* ---- snapshots */

static int see_upper(void *arg, const struct cri_snapshot_mount *m, struct err *e)
{
	struct protobuf_text upper;

	(void)e;
	assert_true(cri_upper(m, &upper));
	snprintf(arg, 200, "%.*s", (int)upper.n, upper.p);
	return 0;
}

static void where_a_snapshot_lies(void **state)
{
	const struct cri_snapshot s = {"k8s.io", "overlayfs", OOM};
	char upper[200] = "";
	struct node n;

	(void)state;
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_snapshot_mounts(n.cri, &s, see_upper, upper, &n.e), 0);
	assert_string_equal(upper,
		"/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/17/fs");
	node_down(&n);
	assert_string_equal(n.kit.space, "k8s.io");
	assert_memory_equal(
		n.kit.request + 5, "\x0a\x09overlayfs\x12\x40" OOM, n.kit.request_len - 5);
}

static void an_upper_layer(void **state)
{
	static const struct {
		const char *type, *options[2], *upper;
	} cases[] = {
		{"bind", {"rw", "rbind"}, "/snapshot"},
		{"bind", {"ro", "rbind"}, NULL},
		{"overlay", {"lowerdir=/a", "upperdir="}, NULL},
		{"overlay", {"lowerdir=/a:/b", "index=off"}, NULL},
		{"overlay", {"workdir=/w", "upperdir=/u"}, "/u"},
		{"", {"upperdi", ""}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		own_buf struct buf b = BUF_INIT(1000);
		struct cri_snapshot_mount m = {
			.type = {cases[i].type, strlen(cases[i].type)}, .source = {"/snapshot", 9}};
		struct protobuf_text upper;

		for (int o = 0; o < 2; o++)
			protobuf_put_text(&b, 4, cases[i].options[o], strlen(cases[i].options[o]));
		m.options = (struct protobuf_list){{b.data, b.len}, 4, 2};
		assert_int_equal(cri_upper(&m, &upper), cases[i].upper != NULL);
		if (cases[i].upper)
			is(upper, cases[i].upper);
	}
}

/* ---- a runtime that lies */

static void answers_that_are_garbage(void **state)
{
	static const struct grpckit_reply garbage = {
		.method = "/runtime.v1.RuntimeService/ListContainers",
		.body = "\x0a\x7f",
		.len = 2};
	static const struct grpckit_reply row = {
		.method = "/runtime.v1.RuntimeService/ListContainers",
		.body = "\x0a\1\x08",
		.len = 3};
	static const struct grpckit_reply none = {
		.method = "/runtime.v1.RuntimeService/ContainerStatus", .body = ""};
	struct cri_container k;
	struct seen s = {0};
	struct node n;

	(void)state;
	node_up(&n, "v1", &garbage);
	assert_int_equal(cri_containers(n.cri, see_container, &s, &n.e), -EBADMSG);
	assert_string_equal(n.e.text, "ListContainersResponse: malformed");
	node_down(&n);
	node_up(&n, "v1", &row);
	assert_int_equal(cri_containers(n.cri, see_container, &s, &n.e), -EBADMSG);
	assert_string_equal(n.e.text, "Container: malformed");
	node_down(&n);
	node_up(&n, "v1", &none);
	assert_int_equal(cri_container_status(n.cri, OOM, &k, &n.e), -ENOENT);
	node_down(&n);
	assert_int_equal(s.rows, 0);
}

static void names_have_limits(void **state)
{
	char name[CRI_NAME_MAX + 2];
	struct cri_container k;
	struct node n;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[CRI_NAME_MAX + 1] = '\0';
	node_up(&n, "v1", NULL);
	assert_int_equal(cri_container_status(n.cri, name, &k, &n.e), -EINVAL);
	assert_int_equal(cri_container_status(n.cri, "", &k, &n.e), -EINVAL);
	node_down(&n);
	assert_int_equal(n.kit.calls, 1);
}

/* ---- from a process that can do little else */

/* The number of what failed. */
static int ask_all(void *arg)
{
	const struct cri_snapshot snapshot = {"k8s.io", "overlayfs", OOM};
	struct node *n = arg;
	struct seen s = {0};
	char upper[200];
	struct cri_container k;
	struct cri_image i;
	struct cri_pod p;

	if (cri_open(n->kit.client, CALL_MS * 1000000ULL, &n->cri, &n->e))
		return 1;
	if (cri_pods(n->cri, see_pod, &s, &n->e))
		return 2;
	if (cri_containers(n->cri, see_container, &s, &n->e))
		return 3;
	if (cri_pod_status(n->cri, WEB_POD, &p, &n->e))
		return 4;
	if (cri_container_status(n->cri, OOM, &k, &n->e))
		return 5;
	if (cri_image_status(n->cri, "busybox", &i, &n->e))
		return 6;
	if (cri_snapshot_mounts(n->cri, &snapshot, see_upper, upper, &n->e))
		return 7;
	cri_close(n->cri);
	return 0;
}

/* A connected socket is all it takes: no file is opened, no address named. */
static void in_a_sandbox(void **state)
{
	struct node n;
	struct worker_spec spec = {
		.name = "cri",
		.main = ask_all,
		.arg = &n,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keeps = 1,
	};
	struct err why = ERR_INIT;

	(void)state;
	if (geteuid() != 0)
		unit_skip("not root");
	if (unit_emulated())
		unit_skip("no seccomp under emulation");
	node_serve(&n, "v1", NULL);
	spec.keep = &n.kit.client;
	assert_int_equal(worker_pipe(&spec, now_ns() + 10000000000ULL, NULL, NULL, &why), 0);
	close(n.kit.client);
	n.cri = NULL;
	node_down(&n);
	assert_int_equal(n.kit.calls, 7);
}

/* ---- its socket */

static int listening(const char *path)
{
	own_fd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(sock, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(sock, 0), 0);
	return take_fd(&sock);
}

static void connecting(void **state)
{
	char dir[] = "/tmp/taphos-cri-XXXXXX", path[64];
	own_fd int root = -1;
	struct ucred peer = {0};
	int daemon, client[2];
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/sock", dir);
	daemon = listening(path);
	assert_int_equal(symlinkat("/sock", root, "link"), 0);
	assert_int_equal(mkdirat(root, "folder", 0700), 0);

	assert_int_equal(cri_connect(root, "/absent", 1000000000, &peer, &e), -ENOENT);
	assert_int_equal(cri_connect(root, "/folder", 1000000000, &peer, &e), -ENOTSOCK);
	client[0] = cri_connect(root, "/sock", 1000000000, &peer, &e);
	assert_true(client[0] >= 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	/* its queue is full, and nobody accepts */
	client[1] = cri_connect(root, "sock", 50000000, &peer, &e);
	assert_int_equal(client[1], -EAGAIN);
	close(daemon);
	assert_int_equal(cri_connect(root, "sock", 1000000000, &peer, &e), -ECONNREFUSED);
	close(client[0]);
	assert_int_equal(unlinkat(root, "sock", 0), 0);
	assert_int_equal(unlinkat(root, "link", 0), 0);
	assert_int_equal(unlinkat(root, "folder", AT_REMOVEDIR), 0);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version),
		cmocka_unit_test(an_older_runtime),
		cmocka_unit_test(no_runtime_at_all),
		cmocka_unit_test(all_pods),
		cmocka_unit_test(one_pod),
		cmocka_unit_test(all_containers),
		cmocka_unit_test(one_container),
		cmocka_unit_test(an_image),
		cmocka_unit_test(where_a_snapshot_lies),
		cmocka_unit_test(an_upper_layer),
		cmocka_unit_test(answers_that_are_garbage),
		cmocka_unit_test(names_have_limits),
		cmocka_unit_test(in_a_sandbox),
		cmocka_unit_test(connecting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
