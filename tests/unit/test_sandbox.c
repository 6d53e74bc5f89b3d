/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "io.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int gather(const void *p, size_t n, void *arg)
{
	strncat(arg, p, n < 16 ? n : 16);
	return 0;
}

static int for_a_while(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) /* ends by itself should a test forget it */
		(void)poll(NULL, 0, 10);
	return 0;
}

static int call_execve(void *arg)
{
	char *const argv[] = {"true", NULL};

	(void)arg;
	return execv("/bin/true", argv) != 0;
}

/* One bit for each thing that should have been refused. */
static int try_what_is_refused(void *arg)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int got = 0;

	(void)arg;
	if (mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		MAP_FAILED)
		got |= 1;
	if (p == MAP_FAILED || mprotect(p, page, PROT_READ | PROT_EXEC) == 0)
		got |= 2;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0)
		got |= 4;
	if (socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0)
		got |= 8;
	if (kill(getppid(), 0) == 0)
		got |= 16;
	if (fork() >= 0)
		got |= 32;
	if (prctl(PR_SET_DUMPABLE, 1) == 0)
		got |= 64;
	return got;
}

/* Which descriptors are open, as text. */
static int list_files(void *arg)
{
	(void)arg;
	for (int fd = 0; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0 && dprintf(1, "%d ", fd) < 0)
			return 1;
	return 0;
}

static struct worker_spec spec_of(int (*fn)(void *))
{
	return (struct worker_spec){.name = "test",
		.main = fn,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1};
}

static uint64_t in_ms(unsigned ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec + ms * 1000000ULL;
}

static void needs_a_sandbox(void)
{
	if (geteuid() != 0)
		unit_skip("not root");
	if (unit_emulated())
		unit_skip("no seccomp under emulation");
}

static void what_a_parser_may_not(void **state)
{
	struct worker_spec spec = spec_of(try_what_is_refused);
	struct err why = ERR_INIT;
	char text[64] = "";

	(void)state;
	needs_a_sandbox();
	assert_int_equal(worker_pipe(&spec, in_ms(10000), gather, text, &why), 0);
}

static void execve_kills(void **state)
{
	struct worker_spec spec = spec_of(call_execve);
	struct err why = ERR_INIT;
	char text[64] = "";

	(void)state;
	needs_a_sandbox();
	spec.filter = FILTER_READER;
	assert_int_equal(worker_pipe(&spec, in_ms(10000), gather, text, &why), -ECHILD);
	assert_non_null(strstr(why.text, "killed by signal 31"));
}

static void only_the_kept_descriptors(void **state)
{
	struct worker_spec spec = spec_of(list_files);
	int fd[6], keep[3];
	struct err why = ERR_INIT;
	char text[64] = "", expect[64];

	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp under emulation");
	for (int i = 0; i < 6; i++)
		fd[i] = open("/dev/null", O_RDONLY); /* not close-on-exec, far from each other */
	assert_true(dup2(fd[5], 3000) == 3000);
	keep[0] = 3000;
	keep[1] = fd[2];
	keep[2] = -1;
	spec.keep = keep;
	spec.keeps = 3;
	snprintf(expect, sizeof(expect), "0 1 2 %d 3000 ", fd[2]);
	assert_int_equal(worker_pipe(&spec, in_ms(10000), gather, text, &why), 0);
	assert_string_equal(text, expect);
	for (int i = 0; i < 6; i++)
		close(fd[i]);
	close(3000);
}

/* The value of a line of /proc/PID/status, once the filter is loaded. */
static void status_line(pid_t pid, const char *key, char *ret, size_t size)
{
	for (int i = 0; i < 500; i++) {
		own_buf struct buf b = BUF_INIT(16384);
		char path[64], *line;
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(io_read_all(fd, &b, NULL), 0);
		close(fd);
		if (!strstr(buf_str(&b), "Seccomp:\t2")) {
			(void)poll(NULL, 0, 10);
			continue;
		}
		line = strstr(b.data, key);
		assert_non_null(line);
		snprintf(ret, size, "%.*s", (int)strcspn(line + strlen(key), "\n"),
			line + strlen(key));
		return;
	}
	fail_msg("no filter");
}

static void exactly_the_declared_capabilities(void **state)
{
	struct worker_spec spec = spec_of(for_a_while);
	struct worker w;
	struct err why = ERR_INIT;
	char got[64];

	(void)state;
	needs_a_sandbox();
	spec.caps = 1ULL << 2 | 1ULL << 19; /* CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE */
	assert_int_equal(worker_start(&spec, &w, &why), 0);
	status_line(w.pid, "CapEff:\t", got, sizeof(got));
	assert_string_equal(got, "0000000000080004");
	status_line(w.pid, "CapPrm:\t", got, sizeof(got));
	assert_string_equal(got, "0000000000080004");
	status_line(w.pid, "CapBnd:\t", got, sizeof(got));
	assert_string_equal(got, "0000000000000000");
	status_line(w.pid, "CapInh:\t", got, sizeof(got));
	assert_string_equal(got, "0000000000000000");
	status_line(w.pid, "CapAmb:\t", got, sizeof(got));
	assert_string_equal(got, "0000000000000000");
	status_line(w.pid, "NoNewPrivs:\t", got, sizeof(got));
	assert_string_equal(got, "1");
	status_line(w.pid, "Groups:\t", got, sizeof(got));
	assert_int_equal(strspn(got, " "), strlen(got));
	assert_true(worker_kill(&w));
	worker_describe(&w, got, sizeof(got));
	assert_string_equal(got, "killed by signal 9 (Killed)");
}

static void a_deadline_is_kept(void **state)
{
	struct worker_spec spec = spec_of(for_a_while);
	struct err why = ERR_INIT;
	char text[64] = "";

	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp under emulation");
	assert_int_equal(worker_pipe(&spec, in_ms(100), gather, text, &why), -ETIMEDOUT);
	assert_non_null(strstr(why.text, "no answer in time"));
}

static int refuse(const void *p, size_t n, void *arg)
{
	(void)p;
	(void)n;
	(void)arg;
	return -E2BIG;
}

static void output_can_be_refused(void **state)
{
	struct worker_spec spec = spec_of(list_files);
	struct err why = ERR_INIT;

	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp under emulation");
	assert_int_equal(worker_pipe(&spec, in_ms(10000), refuse, NULL, &why), -E2BIG);
}

static void a_sandbox_that_does_not_come_up(void **state)
{
	struct worker_spec spec = spec_of(for_a_while);
	struct err why = ERR_INIT;
	char text[64] = "";
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	spec.netns_fd = null;
	assert_int_equal(worker_pipe(&spec, in_ms(10000), gather, text, &why), -ECHILD);
	assert_non_null(strstr(why.text, "could not enter the network namespace"));
	spec.netns_fd = -1;
	spec.mntns_fd = null;
	assert_int_equal(worker_pipe(&spec, in_ms(10000), gather, text, &why), -ECHILD);
	assert_non_null(strstr(why.text, "could not enter the mount namespace"));
	close(null);
}

/* A parent that is killed: the end of the pipe that only the worker holds shows the worker's. */
static void it_dies_with_its_parent(void **state)
{
	int ends[2], status;
	struct pollfd p;
	pid_t pid;
	char c;

	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp under emulation");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct worker_spec spec = spec_of(for_a_while);
		struct worker w;

		spec.keep = &ends[1];
		spec.keeps = 1;
		if (worker_start(&spec, &w, NULL) < 0)
			_exit(1);
		(void)poll(NULL, 0, 50);
		(void)raise(SIGKILL);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(read(ends[0], &c, 1), 0);
	close(ends[0]);
}

static int write_beyond_the_limit(void *arg)
{
	int fd = *(int *)arg;
	char block[8192] = {0};

	return write(fd, block, sizeof(block)) == 4096 && write(fd, block, 1) < 0 && errno == EFBIG
		       ? 7
		       : 1;
}

static void a_file_limit_is_an_error(void **state)
{
	struct worker_spec spec = spec_of(write_beyond_the_limit);
	struct rlimit before, small;
	int fd = memfd_create("file", MFD_CLOEXEC);
	struct err why = ERR_INIT;
	char text[64] = "";

	(void)state;
	needs_a_sandbox();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){4096, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	spec.arg = &fd;
	spec.keep = &fd;
	spec.keeps = 1;
	assert_int_equal(worker_pipe(&spec, in_ms(10000), gather, text, &why), 7);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_parser_may_not),
		cmocka_unit_test(execve_kills),
		cmocka_unit_test(only_the_kept_descriptors),
		cmocka_unit_test(exactly_the_declared_capabilities),
		cmocka_unit_test(a_deadline_is_kept),
		cmocka_unit_test(output_can_be_refused),
		cmocka_unit_test(a_sandbox_that_does_not_come_up),
		cmocka_unit_test(it_dies_with_its_parent),
		cmocka_unit_test(a_file_limit_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
