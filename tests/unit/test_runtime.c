/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "dirsink.h"
#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "jsonx.h"
#include "own.h"
#include "target.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct dumper dumper_runtime;

#define IMAGE "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* base64 of "sha256:IMAGE" */
#define KEY                                                                \
	"c2hhMjU2OjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZmMDAxMTIyMzM0" \
	"NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmY="

static char root[64];
static struct dirsink out;
static struct target target;

static void put(const char *path, const char *text)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(full, 0700);
		*p = '/';
	}
	own_fd int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, strlen(text)), 0);
}

static void add_state(const char *label, const char *path)
{
	struct target_file *f = &target.state[target.states++];

	snprintf(f->label, sizeof(f->label), "%s", label);
	snprintf(f->path, sizeof(f->path), "%s", path);
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_runtime.XXXXXX");
	if (!mkdtemp(root) || mkdirat(AT_FDCWD, root, 0700) == 0)
		return -1;
	memset(&target, 0, sizeof(target));
	target.runtime = RUNTIME_DOCKER;
	snprintf(target.id, sizeof(target.id), "c0ffee");
	put("out/.keep", "");
	own_fd int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	dirsink_init(&out, openat(fd, "out", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	close(out.dir_fd);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void run(bool redact)
{
	static const char *const words[] = {"PASS", "TOKEN", NULL};
	union option_value options[2] = {{.b = redact}, {.list = words}};
	own_fd int host_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct dump d = {.target = &target,
		.options = options,
		.proc_fd = -1,
		.host_fd = host_fd,
		.spool_fd = -1};
	struct err e = ERR_INIT;

	if (dumper_runtime.run(&d, &out.sink, &e) < 0)
		fail_msg("%s", e.text);
}

static bool has(const char *name, const char *text)
{
	own_buf struct buf b = BUF_INIT(1 << 20);

	if (io_read_file(out.dir_fd, name, &b, NULL) < 0)
		return false;
	return strstr(buf_str(&b), text) != NULL;
}

static void secrets_become_digests_and_a_gap(void **state)
{
	(void)state;
	put("run/b/config.json", "{ \"env\": [\"A=1\", \"MY_PASS=hunter2\"] }");
	put("run/b/pidfile", "41");
	add_state("config.json", "run/b/config.json");
	add_state("pidfile", "run/b/pidfile");
	run(true);
	assert_true(has("runtime/config.json", "[\"A=1\",\"MY_PASS=sha256:f52fbd32b2b3b86f"));
	assert_false(has("runtime/config.json", "hunter2"));
	assert_true(has("runtime/pidfile", "41"));
	assert_true(
		has("gaps.txt", "by_profile member=runtime/config.json where=original: 37 bytes"));
	assert_int_equal(out.gaps, 1);
	assert_true(has("runtime/target.json", "\"id\":\"c0ffee\""));
}

static void without_secrets_a_file_stays_as_it_is(void **state)
{
	(void)state;
	put("config.json", "{ \"env\" : [ \"A=1\" ] }\n");
	add_state("config.json", "config.json");
	run(true);
	assert_true(has("runtime/config.json", "{ \"env\" : [ \"A=1\" ] }\n"));
	assert_int_equal(out.gaps, 0);
}

static void verbatim_when_asked(void **state)
{
	(void)state;
	put("config.json", "{ \"env\": [\"MY_PASS=hunter2\"] }");
	add_state("config.json", "config.json");
	run(false);
	assert_true(has("runtime/config.json", "hunter2"));
	assert_int_equal(out.gaps, 0);
}

static void broken_json_is_left_out(void **state)
{
	(void)state;
	put("state.json", "{ \"env\": [\"MY_PASS=hunter2\"");
	add_state("state.json", "state.json");
	run(true);
	assert_int_equal(faccessat(out.dir_fd, "runtime/state.json", F_OK, 0), -1);
	assert_true(has("gaps.txt", "left out, since it cannot be redacted"));
}

static void odd_states_are_gaps(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/link", root);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	snprintf(path, sizeof(path), "%s/fifo", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	add_state("../../x y", "link");
	add_state("same", "fifo");
	add_state("same", "gone");
	run(true);
	assert_int_equal(out.gaps, 3);
	assert_true(has("gaps.txt", "where=/link errno=40"));
	assert_true(has("gaps.txt", "vanished member=runtime/same-2 where=/gone"));
}

static void dockers_image_is_found(void **state)
{
	(void)state;
	put("var/lib/docker/containers/c0ffee/config.v2.json",
		"{\"Image\":\"sha256:" IMAGE "\",\"Driver\":\"overlay2\"}");
	put("var/lib/docker/image/overlay2/imagedb/content/sha256/" IMAGE,
		"{\"rootfs\":{\"type\":\"layers\"}}");
	add_state("config.v2.json", "var/lib/docker/containers/c0ffee/config.v2.json");
	run(true);
	assert_true(has("runtime/image-config.json", "layers"));
	assert_int_equal(out.gaps, 0);
}

static void containerds_image_is_found(void **state)
{
	static const char blobs[] = "mnt/c/io.containerd.content.v1.content/blobs/sha256/";
	char path[256];

	(void)state;
	target.runtime = RUNTIME_CONTAINERD;
	snprintf(target.image_digest, sizeof(target.image_digest), "sha256:" IMAGE);
	snprintf(target.upper_path, sizeof(target.upper_path),
		"/mnt/c/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs");
	snprintf(path, sizeof(path), "%s" IMAGE, blobs);
	put(path, "{\"config\":{\"digest\":\"sha256:ff"
		  "112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}}");
	snprintf(path, sizeof(path),
		"%sff"
		"112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		blobs);
	put(path, "{\"os\":\"linux\"}");
	run(true);
	assert_true(has("runtime/image-manifest.json", "digest"));
	assert_true(has("runtime/image-config.json", "linux"));
}

static void podmans_image_is_found(void **state)
{
	static const char images[] = "var/s/overlay-images/" IMAGE;
	char path[512];

	(void)state;
	target.runtime = RUNTIME_PODMAN;
	snprintf(target.image_digest, sizeof(target.image_digest), IMAGE);
	snprintf(target.upper_path, sizeof(target.upper_path), "/var/s/overlay/3/diff");
	put("run/s/overlay-containers/c0ffee/userdata/config.json", "{}");
	add_state("config.json", "run/s/overlay-containers/c0ffee/userdata/config.json");
	snprintf(path, sizeof(path), "%s/manifest", images);
	put(path, "{\"layers\":[]}");
	snprintf(path, sizeof(path), "%s/=%s", images, KEY);
	put(path, "{\"config\":{\"Env\":[\"PASS=x\"]}}");
	run(true);
	assert_true(has("runtime/image-manifest.json", "layers"));
	assert_true(has("runtime/image-config.json", "PASS=sha256:"));
	assert_int_equal(out.gaps, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(secrets_become_digests_and_a_gap),
		TEST(without_secrets_a_file_stays_as_it_is),
		TEST(verbatim_when_asked),
		TEST(broken_json_is_left_out),
		TEST(odd_states_are_gaps),
		TEST(dockers_image_is_found),
		TEST(containerds_image_is_found),
		TEST(podmans_image_is_found),
	};

	if (hash_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
