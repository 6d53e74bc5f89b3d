/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "kubeconfig.h"
#include "kubeyaml.h"
#include "buf.h"
#include "jsonx.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CLUSTER "clusters:\n- name: c\n  cluster:\n    server: https://10.0.0.1:6443/\n"
#define CA "    certificate-authority-data: Q0E=\n"
#define CONTEXT                                                                     \
	"contexts:\n- name: x\n  context: {cluster: c, user: u, namespace: shop}\n" \
	"current-context: x\n"
#define USER "users:\n- name: u\n  user:\n"

static int read_text(const char *text, const char *context, struct kubeconfig **ret, struct err *e)
{
	own_fd int root = open("/", O_PATH | O_CLOEXEC);
	own_buf struct buf b = BUF_INIT(1 << 20);

	buf_adds(&b, text);
	return kubeconfig_parse(root, "/etc", &b, context, ret, e);
}

static void refused(const char *text, int code, const char *why)
{
	struct kubeconfig *c = NULL;
	struct err e = ERR_INIT;

	assert_int_equal(read_text(text, NULL, &c, &e), -code);
	assert_null(c);
	print_message("# %s\n", e.text);
	assert_non_null(strstr(e.text, why));
}

static void reads_what_kubectl_writes(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		read_text("apiVersion: v1\nkind: Config\npreferences: {}\n" CLUSTER CA CONTEXT USER
			  "    client-certificate-data: Q0VSVA==\n    client-key-data: |\n"
			  "      S0\n      VZ\n    token: abc.def\n",
			NULL, &c, &e),
		0);
	assert_string_equal(c->server, "https://10.0.0.1:6443");
	assert_string_equal(c->ca, "CA");
	assert_string_equal(c->ca_from, "certificate-authority-data");
	assert_string_equal(c->cert, "CERT");
	assert_string_equal(c->key, "KEY");
	assert_string_equal(c->token, "abc.def");
	assert_string_equal(c->namespace, "shop");
	assert_string_equal(c->context, "x");
	assert_null(c->server_name);
}

static void reads_json_and_other_contexts(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	struct err e = ERR_INIT;
	static const char text[] =
		"{\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"HTTPS://h/\","
		"\"tls-server-name\":\"api.test\",\"certificate-authority-data\":\"Q0E=\"}}],"
		"\"contexts\":[{\"name\":\"y\",\"context\":{\"cluster\":\"c\"}}]}";

	(void)state;
	assert_int_equal(read_text(text, "z", &c, &e), -ENOENT);
	assert_int_equal(read_text(text, NULL, &c, &e), -ENOENT);
	assert_int_equal(read_text(text, "y", &c, &e), 0);
	assert_string_equal(c->server, "https://h");
	assert_string_equal(c->server_name, "api.test");
	assert_string_equal(c->namespace, "default");
	assert_null(c->token);
}

static void refuses_and_says_what_to_do(void **state)
{
	(void)state;
	refused(CLUSTER "    insecure-skip-tls-verify: true\n" CONTEXT USER "    token: t\n",
		ENOTSUP, "certificate-authority");
	refused(CLUSTER CA "    proxy-url: http://p\n" CONTEXT, ENOTSUP, "proxies");
	refused("clusters:\n- name: c\n  cluster: {server: 'http://h'}\n" CONTEXT, ENOTSUP,
		"not https");
	refused("clusters:\n- name: c\n  cluster: {server: 'https://u@h'}\n" CONTEXT, EINVAL,
		"HOST:PORT");
	refused(CLUSTER CA CONTEXT USER "    exec: {command: aws, args: [eks, get-token]}\n",
		ENOTSUP, "kubectl create token");
	refused(CLUSTER CA CONTEXT USER "    auth-provider: {name: gcp}\n", ENOTSUP,
		"kubectl create token");
	refused(CLUSTER CA CONTEXT USER "    username: u\n    password: p\n", ENOTSUP, "passwords");
	refused(CLUSTER CA CONTEXT USER "    token: t\n    as: root\n", ENOTSUP, "impersonation");
	refused(CLUSTER CA CONTEXT USER "    client-certificate-data: Q0VSVA==\n", EINVAL,
		"without its client-key");
	refused(CLUSTER CA CONTEXT USER "    token: \"a\\r\\nHost: b\"\n", EINVAL, "token");
	refused(CLUSTER CA CONTEXT USER "    client-key-data: '%%'\n", EINVAL, "client-key-data");
	refused(CLUSTER CA CONTEXT USER "    tokenFile: none/such\n", ENOENT, "/etc/none/such");
	refused(CLUSTER CA CONTEXT, ENOENT, "user u");
	refused("[]", EINVAL, "not a kubeconfig");
	refused("", EINVAL, "empty");
}

static void yaml_is_bounded(void **state)
{
	own_json json_t *j = NULL;
	struct err e = ERR_INIT;
	static const char shared[] = "a: &x {k: v}\nb: *x\nc: [*x, ~, null, 'null', true]\n";
	static const char *const bad[] = {
		"a: &x [*x]\n",				    /* a knot */
		"a: 1\na: 2\n",				    /* twice */
		"a: &x {b: 1}\nc:\n  <<: *x\n",		    /* merged */
		"? [a]\n: b\n",				    /* not a name */
		"a: b\n---\nc: d\n",			    /* a second document */
		"a: \"\xff\"\n",			    /* not UTF-8 */
		"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", /* deep */
		"a: 'open\n",
		"*x",
	};

	(void)state;
	j = kubeyaml_parse(shared, strlen(shared), &e);
	assert_non_null(j);
	assert_string_equal(jsonx_text(j, "b.k"), "v");
	assert_true(json_is_null(json_array_get(json_object_get(j, "c"), 2)));
	assert_true(json_is_string(json_array_get(json_object_get(j, "c"), 3)));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(kubeyaml_parse(bad[i], strlen(bad[i]), &e));
		print_message("# %s\n", e.text);
		assert_true(e.code);
	}
}

static void many_aliases_of_aliases_stay_small(void **state)
{
	own_buf struct buf text = BUF_INIT(1 << 20);
	own_json json_t *j = NULL;
	struct err e = ERR_INIT;

	(void)state;
	buf_adds(&text, "a0: &a0 [x]\n");
	for (int i = 1; i < KUBEYAML_ANCHORS; i++)
		buf_addf(&text, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1);
	j = kubeyaml_parse(text.data, text.len, &e);
	assert_non_null(j); /* 3^63 of them when they were copied */
	buf_adds(&text, "one: &more x\n");
	assert_null(kubeyaml_parse(text.data, text.len, &e));
	assert_non_null(strstr(e.text, "anchors"));
}

/* The service account as the kubelet mounts it: links to a folder that is swapped. */
static void make_account(const char *root)
{
	static const char *const names[] = {"token", "ca.crt", "namespace"};
	static const char *const texts[] = {"first\n", "CA", "shop"};
	char path[256], to[64];
	FILE *f;

	snprintf(path, sizeof(path),
		"mkdir -p %s/run/secrets/kubernetes.io/serviceaccount/..1 "
		"%s/var && ln -s /run %s/var/run",
		root, root, root);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/run/secrets/kubernetes.io/serviceaccount/..data", root);
	assert_int_equal(symlink("..1", path), 0);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/run/secrets/kubernetes.io/serviceaccount/%s", root,
			names[i]);
		snprintf(to, sizeof(to), "..data/%s", names[i]);
		assert_int_equal(symlink(to, path), 0);
		f = fopen(path, "we");
		assert_non_null(f);
		fputs(texts[i], f);
		fclose(f);
	}
}

static void reads_a_pods_account_below_a_root(void **state)
{
	char root[] = "/tmp/taphos-kube-XXXXXX", path[256];
	own_kubeconfig struct kubeconfig *c = NULL, *six = NULL, *none = NULL;
	struct err e = ERR_INIT;
	own_fd int fd = -1;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(root));
	make_account(root);
	fd = open(root, O_PATH | O_CLOEXEC);
	assert_int_equal(kubeconfig_in_cluster(fd, "10.96.0.1", "443", NULL, &c, &e), 0);
	assert_string_equal(c->server, "https://10.96.0.1:443");
	assert_string_equal(c->token, "first");
	assert_string_equal(c->ca, "CA");
	assert_string_equal(c->namespace, "shop");
	assert_int_equal(kubeconfig_reread_token(c, &e), 0);
	snprintf(path, sizeof(path), "%s%s", root,
		"/run/secrets/kubernetes.io/serviceaccount/token");
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("second", f);
	fclose(f);
	assert_int_equal(kubeconfig_reread_token(c, &e), 1);
	assert_string_equal(c->token, "second");
	assert_int_equal(kubeconfig_in_cluster(fd, "fd00::1", "443", NULL, &six, &e), 0);
	assert_string_equal(six->server, "https://[fd00::1]:443");
	assert_int_equal(kubeconfig_in_cluster(fd, NULL, "443", NULL, &none, &e), -ENOENT);
	assert_int_equal(kubeconfig_in_cluster(fd, "h/x", "443", NULL, &none, &e), -EINVAL);
	assert_int_equal(kubeconfig_in_cluster(fd, "h", "443", "/nowhere", &none, &e), -ENOENT);
	snprintf(path, sizeof(path), "rm -rf %s", root);
	assert_int_equal(system(path), 0);
}

static void loads_a_file_and_what_it_names(void **state)
{
	char dir[] = "/tmp/taphos-kube-XXXXXX", path[256];
	own_kubeconfig struct kubeconfig *c = NULL, *fifo = NULL;
	own_fd int root = -1;
	struct err e = ERR_INIT;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	root = open(dir, O_PATH | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/ca.pem", dir);
	f = fopen(path, "we");
	fputs("PEM", f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/config", dir);
	f = fopen(path, "we");
	fputs(CLUSTER "    certificate-authority: ca.pem\n" CONTEXT USER "    token: t\n", f);
	fclose(f);
	assert_int_equal(kubeconfig_load(root, "/config", NULL, &c, &e), 0);
	assert_string_equal(c->ca, "PEM");
	assert_string_equal(c->ca_from, "ca.pem");
	assert_int_equal(kubeconfig_load(root, "relative", NULL, &fifo, &e), -EINVAL);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kubeconfig_load(root, "/fifo", NULL, &fifo, &e), -EINVAL);
	snprintf(path, sizeof(path), "rm -rf %s", dir);
	assert_int_equal(system(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_kubectl_writes),
		cmocka_unit_test(reads_json_and_other_contexts),
		cmocka_unit_test(refuses_and_says_what_to_do),
		cmocka_unit_test(yaml_is_bounded),
		cmocka_unit_test(many_aliases_of_aliases_stay_small),
		cmocka_unit_test(reads_a_pods_account_below_a_root),
		cmocka_unit_test(loads_a_file_and_what_it_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
