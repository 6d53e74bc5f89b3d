/* SPDX-License-Identifier: Apache-2.0 */
/* test_pod - pods by what a node says of them, on a root and a /proc made here. */
#include "unit.h"

#include "buf.h"
#include "fakeproc.h"
#include "pod.h"
#include "podnames.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define C4(x) x x x x
#define C32(x) C4(C4(x)) C4(C4(x))
#define WEB C32("a1")
#define SIDE C32("b2")
#define INIT C32("c3")
#define PAUSE C32("d4")
#define OTHER C32("e5")
#define UID_A "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
#define UID_B "11111111-2222-4333-8444-555555555555"
#define HASH "85faba26e06cc2756396dbe4b3829faf"
#define TASKS "run/containerd/io.containerd.runtime.v2.task/k8s.io/"

struct fixture {
	char root[64];
	struct target_host host;
	struct fakeproc proc;
	struct pod *pod;
	struct buf candidates;
	struct err e;
};

static void put(struct fixture *f, const char *path, const char *text)
{
	char full[1024];
	FILE *to;

	snprintf(full, sizeof(full), "%s/%s", f->root, path);
	for (char *p = full + strlen(f->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(full, 0755);
		*p = '/';
	}
	if (!text) {
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		return;
	}
	to = fopen(full, "we");
	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/test_pod-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	f->host.root_fd = open(f->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fakeproc_init(&f->proc);
	f->host.proc_fd = f->proc.fd;
	fakeproc_add(&f->proc, &(struct fakeproc_row){1, 0, 1, "host", "0::/\n", NULL, NULL});
	f->pod = calloc(1, sizeof(*f->pod));
	f->candidates = BUF_INIT(1 << 16);
	*state = f;
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fakeproc_done(&f->proc);
	close(f->host.root_fd);
	(void)nftw(f->root, drop, 16, FTW_DEPTH | FTW_PHYS);
	buf_done(&f->candidates);
	free(f->pod);
	free(f);
	return 0;
}

struct made {
	const char *id, *pod, *uid, *container; /* container NULL: the sandbox */
	const char *cgroup_uid;			/* NULL: as uid says */
	pid_t pid;				/* 0: it has ended */
};

/* What containerd and the kubelet leave of one. */
static void make(struct fixture *f, const struct made *m)
{
	char path[512], text[2048];

	snprintf(text, sizeof(text),
		"{\"annotations\":{\"io.kubernetes.cri.container-type\":\"%s\","
		"\"io.kubernetes.cri.sandbox-id\":\"%s\","
		"\"io.kubernetes.cri.sandbox-name\":\"%s\","
		"\"io.kubernetes.cri.sandbox-namespace\":\"shop\","
		"\"io.kubernetes.cri.sandbox-uid\":\"%s\"%s%s%s}}",
		m->container ? "container" : "sandbox",
		strcmp(m->pod, "db-0") != 0 ? PAUSE : C32("00"), m->pod, m->uid,
		m->container ? ",\"io.kubernetes.cri.container-name\":\"" : "",
		m->container ? m->container : "", m->container ? "\"" : "");
	snprintf(path, sizeof(path), TASKS "%s/config.json", m->id);
	put(f, path, text);
	if (!m->pid)
		return;
	snprintf(path, sizeof(path), TASKS "%s/init.pid", m->id);
	snprintf(text, sizeof(text), "%d", (int)m->pid);
	put(f, path, text);
	snprintf(text, sizeof(text), "0::/kubepods/burstable/pod%s/%s\n",
		m->cgroup_uid ? m->cgroup_uid : m->uid, m->id);
	fakeproc_add(&f->proc, &(struct fakeproc_row){m->pid, 1, 500, m->id, text, NULL, NULL});
}

static void make_web(struct fixture *f)
{
	make(f, &(struct made){PAUSE, "web-0", UID_A, NULL, NULL, 5001});
	make(f, &(struct made){WEB, "web-0", UID_A, "web", NULL, 5002});
	make(f, &(struct made){SIDE, "web-0", UID_A, "side", NULL, 5003});
	make(f, &(struct made){INIT, "web-0", UID_A, "init", NULL, 0});
	make(f, &(struct made){OTHER, "db-0", UID_B, "db", NULL, 5004});
	put(f, "var/log/pods/shop_web-0_" UID_A "/web", NULL);
	put(f, "var/log/pods/shop_db-0_" UID_B "/db", NULL);
	put(f, "var/lib/kubelet/pods/" UID_A "/containers/web", NULL);
	put(f, "var/lib/kubelet/pods/" UID_B "/containers/db", NULL);
	put(f, "var/log/containers/web-0_shop_web-" WEB ".log", "");
}

static int find(struct fixture *f, enum selector_kind kind, const char *text, const char *name)
{
	const struct target_selector sel = {kind, text};

	memset(f->pod, 0, sizeof(*f->pod));
	buf_clear(&f->candidates);
	return pod_find(&f->host, &sel, name, f->pod, &f->candidates, &f->e);
}

static void assert_finding(const struct fixture *f, const char *words, bool there)
{
	const struct target *t = &f->pod->whole;
	bool found = false;

	for (unsigned i = 0; i < t->findings; i++)
		found |= strstr(t->finding[i], words) != NULL;
	for (unsigned i = 0; found != there && i < t->findings; i++)
		print_message("finding: %s\n", t->finding[i]);
	assert_int_equal(found, there);
}

static void assert_containers(const struct fixture *f, const char *want)
{
	char have[512] = "";

	for (unsigned i = 0; i < f->pod->containers; i++) {
		const struct pod_container *c = &f->pod->container[i];
		size_t n = strlen(have);

		snprintf(have + n, sizeof(have) - n, "%s%s%s", i ? " " : "",
			c->sandbox ? "(sandbox)" : c->name, c->running ? "+" : "-");
	}
	assert_string_equal(have, want);
}

static void all_of_a_pod(void **state)
{
	struct fixture *f = *state;

	make_web(f);
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", NULL), 0);
	assert_containers(f, "side+ web+ init- (sandbox)+");
	assert_string_equal(f->pod->whole.pod_uid, UID_A);
	assert_int_equal(f->pod->whole.findings, 0);
	assert_int_equal(find(f, SELECT_POD_UID, UID_A, NULL), 0);
	assert_containers(f, "side+ web+ init- (sandbox)+");
	assert_string_equal(f->pod->whole.pod_name, "web-0");
	assert_string_equal(f->pod->whole.pod_namespace, "shop");
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", "init"), 0);
	assert_containers(f, "init-");
	assert_string_equal(f->pod->container[0].id, INIT);
}

static void who_is_not_here(void **state)
{
	static const char *const bad[] = {"web-0", "/web-0", "shop/", "a/b/c", ""};
	struct fixture *f = *state;

	make_web(f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(find(f, SELECT_POD, bad[i], NULL), -EINVAL);
	assert_int_equal(find(f, SELECT_POD_UID, "web-0", NULL), -EINVAL);
	assert_int_equal(find(f, SELECT_POD_UID, HASH, NULL), -ENOENT);
	assert_non_null(strstr(f->e.text, "kubernetes.io/config.hash"));
	assert_int_equal(find(f, SELECT_POD, "shop/web", NULL), -ENOENT);
	assert_string_equal(buf_str(&f->candidates), "shop/web-0  " UID_A "\n");
	assert_int_equal(find(f, SELECT_POD, "other/db-0", NULL), -ENOENT);
	assert_string_equal(buf_str(&f->candidates), "shop/db-0  " UID_B "\n");
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", "x"), -ENOENT);
	assert_non_null(strstr(buf_str(&f->candidates), "web  running\n"));
	assert_null(strstr(buf_str(&f->candidates), "dddddd"));
}

/* Of two in one name the one that runs; of two that ended none. */
static void one_after_the_other(void **state)
{
	struct fixture *f = *state;

	make(f, &(struct made){WEB, "web-0", UID_A, "web", NULL, 0});
	make(f, &(struct made){SIDE, "web-0", UID_B, "web", NULL, 0});
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", NULL), -ENOTUNIQ);
	assert_string_equal(buf_str(&f->candidates),
		"shop/web-0  " UID_A "  1 container, 0 running\n"
		"shop/web-0  " UID_B "  1 container, 0 running\n");
	make(f, &(struct made){SIDE, "web-0", UID_B, "web", NULL, 5003});
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", NULL), 0);
	assert_containers(f, "web+");
	assert_string_equal(f->pod->whole.pod_uid, UID_B);
	assert_finding(f, "another pod of this name was here, uid " UID_A, true);
}

/* A container that was started again: by name the one that runs, among all both. */
static void one_container_twice(void **state)
{
	struct fixture *f = *state;

	make(f, &(struct made){WEB, "web-0", UID_A, "web", NULL, 0});
	make(f, &(struct made){SIDE, "web-0", UID_A, "web", NULL, 5003});
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", NULL), 0);
	assert_containers(f, "web+ web-");
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", "web"), 0);
	assert_string_equal(f->pod->container[0].id, SIDE);
	make(f, &(struct made){INIT, "web-0", UID_A, "old", NULL, 0});
	make(f, &(struct made){OTHER, "web-0", UID_A, "old", NULL, 0});
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", "old"), -ENOTUNIQ);
	assert_non_null(strstr(buf_str(&f->candidates), "old  not running\n"));
	assert_null(strstr(buf_str(&f->candidates), "web"));
}

/* The node knows it by the digest of its file alone. */
static void a_static_pod(void **state)
{
	struct fixture *f = *state;

	make(f, &(struct made){WEB, "static-node1", HASH, "web", NULL, 5001});
	put(f, "var/log/pods/shop_static-node1_" HASH "/web", NULL);
	assert_int_equal(find(f, SELECT_POD, "shop/static-node1", NULL), 0);
	assert_string_equal(f->pod->whole.pod_uid, HASH);
	assert_int_equal(find(f, SELECT_POD_UID, HASH, NULL), 0);
	assert_containers(f, "web+");
	assert_true(podnames_is_static(HASH));
	assert_false(podnames_is_static(UID_A));
}

static void sources_disagree(void **state)
{
	struct fixture *f = *state;

	make_web(f);
	/* in the pod's cgroup and sandbox, and its state says it is another's */
	make(f, &(struct made){C32("f6"), "evil-0", UID_B, "evil", UID_A, 5006});
	put(f, "var/log/containers/other-0_shop_side-" SIDE ".log", "");
	put(f, "var/log/pods/shop_web-0_" UID_A "/gone", NULL);
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", NULL), 0);
	assert_containers(f, "evil+ side+ web+ init- (sandbox)+");
	assert_finding(
		f, "the runtime's state says pod shop/evil-0, others say it is of this", true);
	assert_finding(f, "its log's link says shop/other-0", true);
	assert_finding(f, "the folder of the logs names container gone, of which nothing", true);
	assert_finding(f, "is missing", false);
}

/* Somebody made a pod that the kubelet does not know. */
static void a_pod_without_folders(void **state)
{
	struct fixture *f = *state;

	make_web(f);
	make(f, &(struct made){C32("f6"), "ghost", "99999999-2222-4333-8444-555555555555", "x",
			NULL, 5006});
	assert_int_equal(find(f, SELECT_POD, "shop/ghost", NULL), 0);
	assert_finding(f, "the pod runs, but the folder of the logs is missing", true);
	assert_finding(f, "the pod runs, but the kubelet's folder is missing", true);
}

/* No state, but processes in its cgroup: they are found by uid, and by a log's link. */
static void by_cgroup_alone(void **state)
{
	struct fixture *f = *state;

	fakeproc_add(&f->proc,
		&(struct fakeproc_row){5007, 1, 500, "x",
			"0::/kubepods.slice/kubepods-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice/"
			"cri-containerd-" WEB ".scope\n",
			NULL, NULL});
	put(f, "var/log/containers/web-0_shop_web-" WEB ".log", "");
	assert_int_equal(find(f, SELECT_POD_UID, UID_A, NULL), 0);
	assert_containers(f, "web+");
	put(f, "var/log/pods/shop_web-0_" UID_A "/web", NULL);
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", "web"), 0);
	assert_string_equal(f->pod->container[0].id, WEB);
}

static void logs_alone_are_no_container(void **state)
{
	struct fixture *f = *state;

	put(f, "var/log/pods/shop_web-0_" UID_A "/web", NULL);
	assert_int_equal(find(f, SELECT_POD, "shop/web-0", NULL), -ENOENT);
	assert_non_null(strstr(f->e.text, "no container"));
}

static void more_than_fit(void **state)
{
	struct fixture *f = *state;
	char id[65], name[16];

	for (int i = 0; i < POD_CONTAINERS + 2; i++) {
		snprintf(id, sizeof(id), "%064x", i);
		snprintf(name, sizeof(name), "c%d", i);
		make(f, &(struct made){id, "big", UID_A, name, NULL, 0});
	}
	assert_int_equal(find(f, SELECT_POD, "shop/big", NULL), 0);
	assert_int_equal(f->pod->containers, POD_CONTAINERS);
	assert_true(f->pod->whole.truncated);
	assert_finding(f, "more than 64 containers", true);
}

static void names(void **state)
{
	static const char *const links[] = {"a_b_c.log", "a_b_c-.log", "_b_c-1.log", "a__c-1.log",
		"a_b_-1.log", "a_b_c-1.txt", "a_b-1.log", ""};
	static const char *const folders[] = {"a_b", "a_b_c", "_b_" UID_A, "a__" UID_A, "a_" UID_A,
		"a_b_" UID_A "0", "a_b_" UID_A "/"};
	struct podname n;

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		assert_false(podnames_link(links[i], &n));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_false(podnames_log_folder(folders[i], &n));
	assert_true(podnames_link("web-0.x_shop_my-app-" WEB ".log", &n));
	assert_string_equal(n.pod, "web-0.x");
	assert_string_equal(n.pod_namespace, "shop");
	assert_string_equal(n.container, "my-app");
	assert_string_equal(n.id, WEB);
	assert_true(podnames_log_folder("shop_web-0_" HASH, &n));
	assert_string_equal(n.uid, HASH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_a_pod),
		TEST(who_is_not_here),
		TEST(one_after_the_other),
		TEST(one_container_twice),
		TEST(a_static_pod),
		TEST(sources_disagree),
		TEST(a_pod_without_folders),
		TEST(by_cgroup_alone),
		TEST(logs_alone_are_no_container),
		TEST(more_than_fit),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
