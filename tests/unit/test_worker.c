/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int tell_uid(void *arg)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u", (unsigned)getuid());

	(void)arg;
	return write(1, text, (size_t)n) != n;
}

static int gather(const void *p, size_t n, void *arg)
{
	strncat(arg, p, n < 16 ? n : 16);
	return 0;
}

/* Runs main and returns what it wrote. */
static const char *run(int (*main)(void *), enum filter_kind filter)
{
	static char text[64];
	struct worker_spec spec = {
		.name = "test",
		.main = main,
		.filter = filter,
		.netns_fd = -1,
		.mntns_fd = -1,
	};
	struct err why = ERR_INIT;
	struct timespec now;

	text[0] = '\0';
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_int_equal(
		worker_pipe(&spec, (uint64_t)(now.tv_sec + 10) * 1000000000ULL, gather, text, &why),
		0);
	return text;
}

static bool refused(long rc)
{
	return rc < 0 && errno == EPERM;
}

static int say(const bool *ok, size_t n)
{
	char text[32];

	for (size_t i = 0; i < n; i++)
		text[i] = ok[i] ? 'y' : 'n';
	return write(1, text, n) != (ssize_t)n;
}

/* Each 'n' is something a worker in other hands could do. */
static int try_all(void *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = 9};
	int net = socket(AF_INET, SOCK_DGRAM, 0), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct iovec io = {"", 1};
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &io, .msg_iovlen = 1};
	bool ok[] = {
		null >= 0,
		net >= 0,
		fcntl(null, F_DUPFD_CLOEXEC, 3) >= 0,
		refused(open("/dev/null", O_WRONLY | O_CLOEXEC)),
		refused(openat(AT_FDCWD, "/tmp/x", O_CREAT | O_CLOEXEC, 0600)),
		refused(openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)),
		refused(ioctl(null, FIFREEZE, 0)),
		refused(fcntl(null, F_SETLEASE, F_RDLCK)),
		refused(sendto(net, "", 1, 0, (struct sockaddr *)&to, sizeof(to))),
		refused(sendmsg(net, &m, 0)),
		refused(syscall(SYS_tgkill, getppid(), getppid(), 0)),
	};

	(void)arg;
	return say(ok, sizeof(ok));
}

static void a_worker_writes_and_sends_nowhere(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp");
	assert_string_equal(run(try_all, FILTER_NETWORK), "yyyyyyyyyyy");
}

/* Connects, and does nothing else that a socket can do. */
static int try_client(void *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = 9};
	int net = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok[] = {
		connect(net, (struct sockaddr *)&to, sizeof(to)) == 0,
		refused(socket(AF_UNIX, SOCK_STREAM, 0)),
		refused(socket(AF_NETLINK, SOCK_RAW, 0)),
		refused(socket(AF_PACKET, SOCK_RAW, 0)),
		refused(bind(net, (struct sockaddr *)&to, sizeof(to))),
		refused(listen(net, 1)),
		refused(sendto(net, "", 1, 0, (struct sockaddr *)&to, sizeof(to))),
		refused(open("/dev/null", O_WRONLY | O_CLOEXEC)),
	};

	(void)arg;
	return say(ok, sizeof(ok));
}

static int try_connect(void *arg)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = 9};
	const bool ok = refused(connect(0, (struct sockaddr *)&to, sizeof(to)));

	(void)arg;
	return say(&ok, 1);
}

static void only_a_client_connects(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp");
	assert_string_equal(run(try_client, FILTER_CLIENT), "yyyyyyyy");
	assert_string_equal(run(try_connect, FILTER_READER), "y");
	assert_string_equal(run(try_connect, FILTER_NETWORK), "y");
}

static int wait_long(void *arg)
{
	(void)arg;
	(void)poll(NULL, 0, 10000);
	return 0;
}

/* A call that is let through fails in the kernel: nobody is traced, none of the arguments is. */
static bool reaches(long rc)
{
	return rc < 0 && errno == ESRCH;
}

static int try_ptrace(void *arg)
{
	char from = 'x', to = 0;
	struct iovec local = {&to, 1}, remote = {&from, 1};
	pid_t who = getppid();
	const bool ok[] = {
		reaches(ptrace(PTRACE_INTERRUPT, who, NULL, NULL)),
		reaches(ptrace(PTRACE_GETREGSET, who, NULL, NULL)),
		reaches(ptrace(PTRACE_GETSIGINFO, who, NULL, NULL)),
		reaches(ptrace(PTRACE_DETACH, who, NULL, NULL)),
		refused(ptrace(PTRACE_LISTEN, who, NULL, NULL)),
		refused(ptrace(PTRACE_ATTACH, who, NULL, NULL)),
		refused(ptrace(PTRACE_TRACEME, who, NULL, NULL)),
		refused(ptrace(PTRACE_POKEDATA, who, NULL, NULL)),
		refused(ptrace(PTRACE_POKEUSER, who, NULL, NULL)),
		refused(ptrace(PTRACE_SETREGSET, who, NULL, NULL)),
		refused(ptrace(PTRACE_SETSIGINFO, who, NULL, NULL)),
		refused(ptrace(PTRACE_SETOPTIONS, who, NULL, NULL)),
		refused(ptrace(PTRACE_CONT, who, NULL, NULL)),
		refused(ptrace(PTRACE_SINGLESTEP, who, NULL, NULL)),
		refused(ptrace(PTRACE_KILL, who, NULL, NULL)),
		process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 && to == 'x',
	};

	(void)arg;
	return say(ok, sizeof(ok));
}

static void a_tracer_stops_and_reads_and_nothing_else(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp");
	assert_string_equal(run(try_ptrace, FILTER_TRACER), "yyyyyyyyyyyyyyyy");
}

static void *nothing(void *arg)
{
	return arg;
}

static int try_threads(void *arg)
{
	struct clone_args new = {.exit_signal = SIGCHLD};
	pthread_t t;
	bool ok[3] = {pthread_create(&t, NULL, nothing, NULL) == 0};

	(void)arg;
	if (ok[0])
		(void)pthread_join(t, NULL);
	ok[1] = refused(fork());
	ok[2] = syscall(SYS_clone3, &new, sizeof(new)) < 0;
	return say(ok, sizeof(ok));
}

static void threads_are_no_processes(void **state)
{
	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp");
	assert_string_equal(run(try_threads, FILTER_WRITER), "yyy");
	assert_string_equal(run(try_threads, FILTER_TRACER), "yyy");
	assert_string_equal(run(try_threads, FILTER_PARSER), "nyy");
	assert_string_equal(run(try_threads, FILTER_READER), "yyy");
	assert_string_equal(run(try_threads, FILTER_NETWORK), "nyy");
}

static int try_memory(void *arg)
{
	char from = 'x', to = 0;
	struct iovec local = {&to, 1}, remote = {&from, 1};
	const bool ok = process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;

	(void)arg;
	return say(&ok, 1);
}

static int call_ptrace(void *arg)
{
	(void)arg;
	(void)ptrace(PTRACE_INTERRUPT, getppid(), NULL, NULL);
	return 0;
}

static void only_readers_of_memory_read_memory(void **state)
{
	static const enum filter_kind others[] = {FILTER_PARSER, FILTER_READER, FILTER_NETWORK,
		FILTER_WRITER, FILTER_MOUNTS, FILTER_MEMORY, FILTER_CLIENT};
	struct worker_spec spec = {
		.name = "test", .main = call_ptrace, .netns_fd = -1, .mntns_fd = -1};
	struct worker w;

	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp");
	assert_string_equal(run(try_memory, FILTER_MEMORY), "y");
	assert_string_equal(run(try_memory, FILTER_READER), "n");
	assert_string_equal(run(try_memory, FILTER_NETWORK), "n");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		spec.filter = others[i];
		assert_int_equal(worker_start(&spec, &w, NULL), 0);
		for (int ms = 0; !worker_ended(&w) && ms < 2000; ms++)
			(void)poll(NULL, 0, 1);
		assert_true(WIFSIGNALED(w.status) && WTERMSIG(w.status) == SIGSYS);
	}
}

/* What ps shows of a command line that is ours to overwrite. */
static void who_outlives_us_bears_another_name(void **state)
{
	char text[] = "taphos\0collect";
	char *argv[] = {text, text + 7, NULL};
	struct worker_spec spec = {
		.name = "other",
		.main = wait_long,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.outlives = true,
		.argv = argv,
	};
	char seen[sizeof(text)] = "";
	struct iovec local = {seen, sizeof(seen)}, remote = {text, sizeof(text)};
	struct worker w;

	(void)state;
	if (unit_emulated())
		unit_skip("no seccomp");
	if (geteuid() != 0)
		unit_skip("needs root");
	assert_int_equal(worker_start(&spec, &w, NULL), 0);
	for (int ms = 0; strcmp(seen, "other") != 0 && ms < 2000; ms++) {
		(void)poll(NULL, 0, 1);
		(void)!process_vm_readv(w.pid, &local, 1, &remote, 1, 0);
	}
	assert_memory_equal(seen, "other\0\0\0\0\0\0\0\0\0", sizeof(seen));
	assert_string_equal(text, "taphos");
	assert_true(worker_kill(&w));
}

static char state_of(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	assert_non_null(f);
	(void)!fgets(text, sizeof(text), f);
	fclose(f);
	return strrchr(text, ')')[2];
}

static void a_paused_worker_stands_still(void **state)
{
	struct worker_spec spec = {
		.name = "test",
		.main = wait_long,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
	};
	struct worker w;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user has no seccomp filters");
	assert_int_equal(worker_start(&spec, &w, NULL), 0);
	assert_true(worker_pause(&w));
	assert_int_equal(state_of(w.pid), 'T');
	worker_resume(&w);
	assert_int_not_equal(state_of(w.pid), 'T');
	assert_false(worker_ended(&w));
	assert_true(worker_kill(&w));
	assert_true(worker_pause(&w)); /* of one that is gone: nothing */
}

/* A user that a container knows could use up what the kernel allows it. */
static void each_worker_is_a_user_of_its_own(void **state)
{
	unsigned long one, two;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user has no seccomp filters");
	if (geteuid() != 0)
		unit_skip("needs root");
	one = strtoul(run(tell_uid, FILTER_PARSER), NULL, 10);
	two = strtoul(run(tell_uid, FILTER_PARSER), NULL, 10);
	assert_in_range(one, 0x70000000, 0x7fffffff);
	assert_in_range(two, 0x70000000, 0x7fffffff);
	assert_int_not_equal(one, two);
}

static long open_how(int dir, const char *name, uint64_t flags, uint64_t mode)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode};

	return syscall(SYS_openat2, dir, name, &how, sizeof(how));
}

static bool not_permitted(long rc)
{
	return rc < 0 && (errno == EACCES || errno == EXDEV);
}

struct playground {
	int dir, open; /* a folder for everybody, and a file in it that is open for writing */
};

/* openat2(2) keeps its flags where the filter does not see them. */
static int try_writing(void *arg)
{
	const struct playground *p = arg;
	bool ok[] = {
		open_how(p->dir, "file", O_RDONLY, 0) >= 0,
		open_how(p->dir, ".", O_RDONLY | O_DIRECTORY, 0) >= 0,
		open_how(p->dir, "file", O_PATH, 0) >= 0,
		not_permitted(open_how(p->dir, "file", O_WRONLY, 0)),
		not_permitted(open_how(p->dir, "file", O_RDWR, 0)),
		not_permitted(open_how(p->dir, "file", O_RDONLY | O_TRUNC, 0)),
		not_permitted(open_how(p->dir, "new", O_WRONLY | O_CREAT, 0600)),
		not_permitted(open_how(p->dir, ".", O_RDWR | O_TMPFILE, 0600)),
		write(p->open, "more", 4) == 4,
		ftruncate(p->open, 2) == 0,
	};
	char text[32] = "";

	for (size_t i = 0; i < sizeof(ok) / sizeof(ok[0]); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c", ok[i] ? 'y' : 'n');
	return write(1, text, strlen(text)) < 0;
}

static void a_reader_of_files_cannot_write(void **state)
{
	char dir[] = "/tmp/test_worker.XXXXXX", text[64] = "";
	struct playground p;
	struct worker_spec spec = {
		.name = "test",
		.main = try_writing,
		.arg = &p,
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keeps = 2,
	};
	struct err why = ERR_INIT;
	struct timespec now;

	(void)state;
	if (!worker_gives_up_writing(&spec))
		unit_skip("the kernel has no Landlock");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0777), 0);
	p.dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	p.open = openat(p.dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	assert_int_equal(fchmod(p.open, 0666), 0);
	spec.keep = (const int[]){p.dir, p.open};
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_int_equal(
		worker_pipe(&spec, (uint64_t)(now.tv_sec + 10) * 1000000000ULL, gather, text, &why),
		0);
	assert_string_equal(text, "yyyyyyyyyy");
	assert_int_equal(unlinkat(p.dir, "file", 0), 0);
	assert_int_equal(rmdir(dir), 0);
	close(p.dir);
	close(p.open);
}

/* Who looks into processes may not be held so: Landlock would forbid it that. */
static void a_reader_of_processes_is_not_held(void **state)
{
	const struct worker_spec spec = {.filter = FILTER_READER, .caps = 1ULL << CAP_SYS_PTRACE};

	(void)state;
	assert_false(worker_gives_up_writing(&spec));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_writes_and_sends_nowhere),
		cmocka_unit_test(only_a_client_connects),
		cmocka_unit_test(a_paused_worker_stands_still),
		cmocka_unit_test(a_tracer_stops_and_reads_and_nothing_else),
		cmocka_unit_test(threads_are_no_processes),
		cmocka_unit_test(only_readers_of_memory_read_memory),
		cmocka_unit_test(who_outlives_us_bears_another_name),
		cmocka_unit_test(each_worker_is_a_user_of_its_own),
		cmocka_unit_test(a_reader_of_files_cannot_write),
		cmocka_unit_test(a_reader_of_processes_is_not_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
