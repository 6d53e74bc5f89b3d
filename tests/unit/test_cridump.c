/* SPDX-License-Identifier: Apache-2.0 */
/* The dumper against a small server of ours that answers what was recorded from containerd 1.6.20,
 * or lies. tests/e2e/test_cripod.sh asks a real one. */
#include "unit.h"

#include "buf.h"
#include "dirsink.h"
#include "dumper.h"
#include "grpckit.h"
#include "hash.h"
#include "io.h"
#include "jsonx.h"
#include "own.h"
#include "target.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct dumper dumper_cri;

#define OOM "a32b757ddd0031dae6f31cd136f1cad57dd7b99bb9690ce0db80180dfa8735ed"
#define OOM_POD "c5021ae4e3f2231d57d676723f33fc37252bfe67b4a07d0f11f7fa00745f2f9a"
#define WEB_POD "969095e23c87ba85dfa4972092f74335bd61b51a42e76aec3fd5d24811ad7a13"

enum { RECORDED = 7, ANSWER_MAX = 1 << 20 };

static const char *const recorded[RECORDED][2] = {
	{"/runtime.v1.RuntimeService/Version", "version"},
	{"/runtime.v1.RuntimeService/ListPodSandbox", "pods"},
	{"/runtime.v1.RuntimeService/ListContainers", "containers"},
	{"/runtime.v1.RuntimeService/PodSandboxStatus", "pod"},
	{"/runtime.v1.RuntimeService/ContainerStatus", "container-oom"},
	{"/runtime.v1.ImageService/ImageStatus", "image"},
	{"/containerd.services.snapshots.v1.Snapshots/Mounts", "mounts"},
};

static char folder[] = "/tmp/taphos-cridump-XXXXXX";
static struct dirsink out;
static struct target whole, container, sandbox;
static struct dump_daemon daemon_of;

static int start(void **state)
{
	(void)state;
	return mkdtemp(folder) ? hash_setup(NULL) : -1;
}

static int end(void **state)
{
	char command[sizeof(folder) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void name(struct target *t, const char *id, bool running)
{
	memset(t, 0, sizeof(*t));
	snprintf(t->id, sizeof(t->id), "%s", id);
	t->running = running;
}

/* The pod of the recorded container that was killed: ended, as its files say too. */
static int setup(void **state)
{
	static unsigned number;
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/%u", folder, number++);
	assert_int_equal(mkdir(path, 0700), 0);
	dirsink_init(&out, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
	name(&whole, "", false);
	snprintf(whole.pod_uid, sizeof(whole.pod_uid), "31824e8f-b000-4d43-b497-93b58c6d6753");
	name(&container, OOM, false);
	snprintf(container.sandbox_id, sizeof(container.sandbox_id), OOM_POD);
	snprintf(container.pod_container, sizeof(container.pod_container), "c");
	name(&sandbox, OOM_POD, true);
	daemon_of = (struct dump_daemon){.path = "run/test.sock", .pid = 1};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return close(out.dir_fd);
}

static void dump(int fd, uint64_t request_ns)
{
	static const char *const words[] = {"PASS", "TOKEN", NULL};
	const union option_value options[] = {
		{.b = true}, {.list = words}, {.u = 20000000000}, {.u = request_ns}};
	const struct target *all[] = {&container, &sandbox};
	const struct dump d = {.target = &whole,
		.options = options,
		.spool_fd = -1,
		.max_bytes = UINT64_MAX,
		.daemon = &daemon_of,
		.all = all,
		.alls = 2};
	struct err e = ERR_INIT;

	daemon_of.fd = fd;
	if (dumper_cri.run(&d, &out.sink, &e) < 0)
		fail_msg("%s", e.text);
	close(fd);
}

/* A daemon that answers as recorded, all but what 'instead' says. */
static void ask(const struct grpckit_reply *instead)
{
	struct grpckit_reply reply[RECORDED];
	struct buf body[RECORDED];
	struct grpckit kit;

	memset(&kit, 0, sizeof(kit));
	for (unsigned i = 0; i < RECORDED; i++) {
		body[i] = BUF_INIT(ANSWER_MAX);
		grpckit_load(recorded[i][1], &body[i]);
		reply[i] = (struct grpckit_reply){
			.method = recorded[i][0], .body = body[i].data, .len = body[i].len};
		if (instead && !strcmp(instead->method, recorded[i][0]))
			reply[i] = *instead;
	}
	grpckit_serve(&kit, reply, RECORDED);
	dump(kit.client, 5000000000);
	grpckit_done(&kit);
	for (unsigned i = 0; i < RECORDED; i++)
		buf_done(&body[i]);
}

static bool has(const char *file, const char *text)
{
	own_buf struct buf b = BUF_INIT(ANSWER_MAX);

	return io_read_file(out.dir_fd, file, &b, NULL) == 0 && strstr(buf_str(&b), text);
}

static bool is_there(const char *file)
{
	return faccessat(out.dir_fd, file, F_OK, 0) == 0;
}

static json_t *member(const char *file)
{
	own_buf struct buf b = BUF_INIT(ANSWER_MAX);
	json_t *root;

	assert_int_equal(io_read_file(out.dir_fd, file, &b, NULL), 0);
	root = jsonx_parse(buf_str(&b), b.len, NULL);
	assert_non_null(root);
	return root;
}

#define CONTAINER "runtime/cri/containers/" OOM ".json"

static void how_a_container_ended(void **state)
{
	own_json json_t *root = NULL;
	uint64_t code;

	(void)state;
	ask(NULL);
	root = member(CONTAINER);
	assert_int_equal(jsonx_u64(root, "exit_code", &code), 0);
	assert_int_equal(code, 137);
	assert_string_equal(jsonx_text(root, "reason"), "OOMKilled");
	assert_string_equal(jsonx_text(root, "state"), "exited");
	assert_string_equal(jsonx_text(root, "info.info.snapshotter"), "overlayfs");
	assert_true(has("runtime/cri/snapshots/" OOM ".json", "\"upper\":\"/"));
	assert_true(has("runtime/cri/daemon.json", "\"version\":\"1.6.20~ds1\""));
	assert_true(has("runtime/cri/images/"
			"sha256_"
			"e553331c05b225c1412e140bdc96481e1604f3fa151bc62aa53e9e5db9efa6b4.json",
		"docker.io/library/busybox:1.35"));
}

static void a_layer_only_the_daemon_knows(void **state)
{
	(void)state;
	ask(NULL);
	assert_true(has("findings.txt", OOM ": the runtime alone knows the layer it wrote to: /"));
}

static void another_layer_than_was_read(void **state)
{
	(void)state;
	snprintf(container.upper_path, sizeof(container.upper_path), "/somewhere/else");
	ask(NULL);
	assert_true(has("findings.txt", "by the runtime's word, /somewhere/else was read"));
}

static void the_network_of_a_pod(void **state)
{
	(void)state;
	snprintf(whole.pod_uid, sizeof(whole.pod_uid), "f199af48-cea6-489d-a962-bbab53048648");
	name(&sandbox, WEB_POD, true);
	sandbox.pid = 1;
	ask(NULL);
	assert_true(has("runtime/cri/cni/" WEB_POD ".json", "10.244.0.5"));
	assert_true(has("runtime/cri/sandboxes/" WEB_POD ".json", "\"network\":\"pod\""));
	assert_true(has("findings.txt", WEB_POD ": its first process is "));
}

static void what_was_not_asked_for(void **state)
{
	(void)state;
	ask(NULL); /* it answers about another pod */
	assert_true(has("gaps.txt", "it answers for '" WEB_POD "', which was not asked for"));
	assert_false(is_there("runtime/cri/sandboxes/" OOM_POD ".json"));
	assert_false(is_there("runtime/cri/sandboxes/" WEB_POD ".json"));
}

static void another_state_than_the_files(void **state)
{
	(void)state;
	container.running = true;
	snprintf(container.sandbox_id, sizeof(container.sandbox_id), "0123");
	snprintf(container.pod_container, sizeof(container.pod_container), "d");
	ask(NULL);
	assert_true(has("findings.txt",
		OOM ": does not run by the runtime's word, but it ran when it was looked at"));
	assert_true(has("findings.txt", "it is of sandbox '" OOM_POD "' by the runtime's word"));
	assert_true(has("findings.txt", "its name is 'c' by the runtime's word, 'd' by its files"));
}

static void ids_are_whole(void **state)
{
	(void)state;
	name(&container, OOM, true);
	container.id[63] = '\0';
	name(&sandbox, "c5", true);
	whole.pod_uid[8] = '\0';
	ask(NULL);
	assert_true(has("findings.txt", "it is on the node, but unknown to the runtime"));
	assert_false(is_there(CONTAINER));
	assert_int_equal(out.findings, 2);
}

static void an_answer_without_sense(void **state)
{
	const struct grpckit_reply is = {.method = recorded[4][0], .body = "\x0a\x7f..", .len = 4};

	(void)state;
	ask(&is);
	assert_false(is_there(CONTAINER));
	assert_true(has("gaps.txt", "refused"));
}

static void a_list_without_sense(void **state)
{
	const struct grpckit_reply is = {
		.method = recorded[2][0], .body = "\xff\xff\xff", .len = 3};

	(void)state;
	ask(&is);
	assert_true(has("gaps.txt", "the runtime's containers"));
	assert_false(has("findings.txt", "unknown to the runtime"));
}

static void nobody_answers(void **state)
{
	struct grpckit_babble silent = {.stays = true};

	(void)state;
	grpckit_babble(&silent);
	dump(silent.client, 200000000);
	grpckit_hush(&silent);
	assert_true(has("gaps.txt", "stalled"));
	assert_int_equal(out.gaps, 1);
	assert_int_equal(out.members, 0);
}

static void who_listens(void **state)
{
	(void)state;
	daemon_of.uid = 1000;
	daemon_of.pid = 4711;
	whole.members = 1;
	whole.member[0].pid = 4711;
	ask(NULL);
	assert_true(has("findings.txt", "at /run/test.sock user 1000 listens, not root"));
	assert_true(has("findings.txt", "the target's own process 4711 listens"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(how_a_container_ended),
		TEST(a_layer_only_the_daemon_knows),
		TEST(another_layer_than_was_read),
		TEST(the_network_of_a_pod),
		TEST(what_was_not_asked_for),
		TEST(another_state_than_the_files),
		TEST(ids_are_whole),
		TEST(an_answer_without_sense),
		TEST(a_list_without_sense),
		TEST(nobody_answers),
		TEST(who_listens),
	};

	return cmocka_run_group_tests(tests, start, end);
}
