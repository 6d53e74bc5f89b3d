/* SPDX-License-Identifier: Apache-2.0 */
/* Dumpers whose time is over before they begin: each says what it leaves out, and ends. */
#include "unit.h"

#include "dirsink.h"
#include "dumper.h"
#include "io.h"
#include "own.h"
#include "target.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern const struct dumper dumper_volumes, dumper_network;

static struct target target;
static struct dirsink out;
static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/taphos-late-XXXXXX");
	assert_non_null(mkdtemp(dir));
	dirsink_init(&out, open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	out.sink.spool_fd = io_spool(-1, NULL);
	target = (struct target){.running = true, .pid = getpid()};
	for (int i = 0; i < TARGET_FDS; i++)
		target.fd[i] = -1;
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	close(out.dir_fd);
	return nftw(dir, drop, 8, FTW_DEPTH | FTW_PHYS);
}

/* Runs it; the gaps must have these words. */
static void late(const struct dumper *dumper, const union option_value *options, const char *words)
{
	own_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_fd int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	own_buf struct buf gaps = BUF_INIT(65536);
	struct err e = ERR_INIT;
	const struct dump d = {
		.target = &target,
		.options = options,
		.proc_fd = proc,
		.host_fd = host,
		.root_fd = -1,
		.peers_fd = -1,
		.spool_fd = out.sink.spool_fd,
		.memory_fd = {-1, -1, -1},
		.max_bytes = UINT64_MAX,
		.until_ns = 1,
	};

	if (dumper->run(&d, &out.sink, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(io_read_file(out.dir_fd, "gaps.txt", &gaps, NULL), 0);
	if (!strstr(buf_str(&gaps), "over_budget") || !strstr(buf_str(&gaps), words))
		fail_msg("%s not in: %s", words, buf_str(&gaps));
}

static void volumes(void **state)
{
	union option_value options[16] = {0};

	(void)state;
	for (size_t i = 0; dumper_volumes.options[i].name; i++)
		if (dumper_volumes.options[i].type == OPTION_WORD)
			options[i].u = 3; /* files */
	target.mounts = 1;
	target.mount[0] = (struct target_mount){.kind = MOUNT_VOLUME, .point = "/data"};
	snprintf(target.mount[0].source, sizeof(target.mount[0].source), "%s", dir);
	late(&dumper_volumes, options, "no time left");
	assert_int_equal(faccessat(out.dir_fd, "volumes/0", F_OK, 0), -1);
}

static void network(void **state)
{
	static const union option_value options[8] = {
		{.u = 64 << 20}, {.b = true}, {.b = true}, {.b = true}};

	(void)state;
	if (unit_emulated())
		unit_skip("an emulator of user programs has no netlink");
	target.fd[TFD_PROC] = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	target.members = 1;
	target.member[0].pid = getpid();
	late(&dumper_network, options, "owners of sockets: no time left for 1 processes");
	assert_int_equal(faccessat(out.dir_fd, "network/sockets.json", F_OK, 0), 0);
	assert_int_equal(faccessat(out.dir_fd, "network/routes.json", F_OK, 0), -1);
	close(target.fd[TFD_PROC]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(volumes, setup, teardown),
		cmocka_unit_test_setup_teardown(network, setup, teardown),
	};

	return cmocka_run_group_tests_name("late", tests, NULL, NULL);
}
