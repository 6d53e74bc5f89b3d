/* SPDX-License-Identifier: Apache-2.0 */
/* Real cgroups of our own, and a process that counts as long as it runs. */
#include "unit.h"

#include "freezekit.h"
#include "freezer.h"
#include "guard.h"
#include "io.h"
#include "now.h"
#include "outsiders.h"
#include "own.h"
#include "procfs.h"
#include "wire.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ULL

#define STAGE(s, kind)                                                                        \
	struct freezekit s;                                                                   \
	struct err e = ERR_INIT;                                                              \
	if (freezekit_up(&(s), kind)) {                                                       \
		unit_skip("no cgroup of this kind can be made here, or not with this build"); \
		return;                                                                       \
	}

static void freezes_and_thaws(enum freezer_kind kind)
{
	STAGE(s, kind);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	assert_int_equal(s.f.kind, kind);
	assert_false(s.f.theirs);
	assert_true(freezekit_counts(&s));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(freezer_freeze(&s.f, now_ns() + 2 * SECOND, &e), 0);
		assert_true(freezekit_stands_still(&s));
		assert_int_equal(freezer_thaw(kind, s.f.state_fd, &e), 0);
		assert_true(freezekit_thawed_within(&s, 1000));
	}
	freezekit_down(&s);
}

static void test_v2(void **state)
{
	(void)state;
	freezes_and_thaws(FREEZER_V2);
}

static void test_v1(void **state)
{
	(void)state;
	freezes_and_thaws(FREEZER_V1);
}

static void already_frozen(enum freezer_kind kind)
{
	own_freezer struct freezer theirs = FREEZER_INIT;

	STAGE(s, kind);
	assert_int_equal(freezer_open(&s.host, s.t, &theirs, &e), 0);
	assert_int_equal(freezer_freeze(&theirs, now_ns() + 2 * SECOND, &e), 0);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	assert_true(s.f.theirs);
	assert_int_equal(freezer_freeze(&s.f, now_ns() + 2 * SECOND, &e), 0);
	assert_true(freezekit_stands_still(&s));
	assert_int_equal(freezer_thaw(kind, theirs.state_fd, &e), 0);
	assert_true(freezekit_thawed_within(&s, 1000));
	freezekit_down(&s);
}

static void test_theirs(void **state)
{
	(void)state;
	already_frozen(FREEZER_V2);
	already_frozen(FREEZER_V1);
}

/* As runc does it where there are both: in v2 it runs, as far as v2 knows. */
static void test_paused_through_the_other(void **state)
{
	own_fd int mount = -1;
	struct freezekit old;

	(void)state;
	STAGE(s, FREEZER_V2);
	old = s;
	old.kind = FREEZER_V1;
	old.f = FREEZER_INIT;
	mount = freezer_mount(&s.host, FREEZER_V1);
	if (mount < 0 || mkdirat(mount, s.name, 0755) < 0) {
		freezekit_down(&s);
		unit_skip("no cgroup of this kind can be made here, or not with this build");
		return;
	}
	freezekit_move(&old, s.name, s.counter);
	snprintf(s.t->cgroup_v1, TARGET_PATH, "/%s", s.name);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	assert_int_equal(s.f.kind, FREEZER_V2);
	freezer_close(&s.f);
	s.t->cgroup_v2[0] = '\0';
	assert_int_equal(freezer_open(&s.host, s.t, &old.f, &e), 0);
	assert_int_equal(freezer_freeze(&old.f, now_ns() + 2 * SECOND, &e), 0);
	snprintf(s.t->cgroup_v2, TARGET_PATH, "/%s", s.name);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	assert_int_equal(s.f.kind, FREEZER_V1);
	assert_true(s.f.theirs);
	assert_int_equal(freezer_freeze(&s.f, now_ns() + SECOND, &e), 0);
	assert_int_equal(freezer_thaw(FREEZER_V1, old.f.state_fd, &e), 0);
	assert_true(freezekit_thawed_within(&s, 1000));
	freezekit_move(&old, ".", s.counter);
	freezer_close(&old.f);
	freezekit_down(&s);
	for (int i = 0; unlinkat(mount, old.name, AT_REMOVEDIR) < 0 && i < 500; i++)
		(void)poll(NULL, 0, 1);
}

static void test_not_its_own(void **state)
{
	static const char *const none[] = {"", "/", "/../..", "/no-such-cgroup/of-mine"};

	(void)state;
	STAGE(s, FREEZER_V2);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		snprintf(s.t->cgroup_v2, TARGET_PATH, "%s", none[i]);
		assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), -ENOENT);
		assert_int_equal(s.f.state_fd, -1);
	}
	freezekit_down(&s);
}

static void outsiders(enum freezer_kind kind)
{
	pid_t other;

	STAGE(s, kind);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), 0);
	other = freezekit_counter(&s);
	freezekit_move(&s, s.name, other);
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), -EBUSY);
	assert_non_null(strstr(e.text, "none of the target's"));
	s.t->member[s.t->members++].pid = getppid(); /* and its child is newly born */
	s.t->member[0].pid = getpid();
	s.t->pid = getpid();
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), -ENOENT);
	(void)kill(other, SIGKILL);
	(void)waitpid(other, NULL, 0);
	s.t->pid = s.t->member[0].pid = s.counter;
	freezekit_move(&s, s.name, getpid());
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), -EBUSY);
	assert_non_null(strstr(e.text, "we run in its cgroup"));
	freezekit_move(&s, ".", getpid());
	freezekit_down(&s);
}

static void test_outsiders(void **state)
{
	(void)state;
	outsiders(FREEZER_V2);
	outsiders(FREEZER_V1);
}

/* A process that waits for its end, in the mount namespace of ns_fd, or with -1 in one of its
 * own. */
static pid_t in_mounts(int ns_fd)
{
	int ready[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ns_fd >= 0 ? setns(ns_fd, CLONE_NEWNS) : unshare(CLONE_NEWNS))
			_exit(1);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* In the root of another container of the pod: who runs a program there is no child of it. */
static void test_newborn_of_another_container(void **state)
{
	pid_t member, newborn, other;
	struct stat host;
	char path[64];
	int fd;

	(void)state;
	STAGE(s, FREEZER_V2);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	s.t->host_namespaces = false;
	member = in_mounts(-1);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)member);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	newborn = in_mounts(fd);
	close(fd);
	freezekit_move(&s, s.name, newborn);
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), -EBUSY);
	s.t->member[s.t->members++].pid = member;
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), 0);
	end(newborn);
	end(member);
	/* a target in the host's PID namespace: to be in it says nothing */
	assert_int_equal(stat("/proc/self/ns/pid", &host), 0);
	s.t->ns_pid = host.st_ino;
	other = freezekit_counter(&s);
	freezekit_move(&s, s.name, other);
	s.t->members = 1;
	assert_int_equal(outsiders_check(&s.f, &s.host, s.t, &e), -EBUSY);
	end(other);
	freezekit_down(&s);
}

/* ---- guards */

enum { TWO = 2 };

struct post {
	struct worker worker[TWO];
	int sock[TWO];
};

static void post_guards(struct freezekit *s, struct post *p, uint64_t deadline_ns)
{
	struct err e = ERR_INIT;

	for (int i = 0; i < TWO; i++) {
		int pair[2];
		struct guard_job job = {.state_fd = s->f.state_fd, .kind = s->kind};
		int kept[2] = {s->f.state_fd, -1};
		struct worker_spec spec = {
			.name = "thaw-guard",
			.main = guard_main,
			.arg = &job,
			.filter = FILTER_PARSER,
			.netns_fd = -1,
			.mntns_fd = -1,
			.keep = kept,
			.keeps = 2,
			.outlives = true,
			.argv = s->words,
		};

		assert_int_equal(wire_pair(pair, &e), 0);
		job.sock = kept[1] = pair[1];
		job.deadline_ns = deadline_ns;
		assert_int_equal(worker_start(&spec, &p->worker[i], &e), 0);
		(void)close(pair[1]);
		p->sock[i] = pair[0];
		assert_int_equal(guard_await(pair[0], now_ns() + 5 * SECOND, &e), 0);
	}
}

static bool gone_within(pid_t pid, unsigned ms)
{
	uint64_t until = now_ns() + ms * 1000000ULL;
	own_fd int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	do {
		own_fd int fd = procfs_open_pid(proc, pid, NULL);
		struct procfs_stat st;

		if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0 || st.state == 'Z')
			return true;
		(void)poll(NULL, 0, 5);
	} while (now_ns() < until);
	return false;
}

struct engine {
	pid_t pid;
	pid_t guard[TWO];
};

/* A process that has guards, freezes, and then waits to be killed. */
static struct engine start_engine(struct freezekit *s)
{
	struct engine *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct engine ret;
	int done[2];
	char c;

	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	ret.pid = fork();
	if (ret.pid == 0) {
		struct post p;

		post_guards(s, &p, now_ns() + 20 * SECOND);
		guard_leave_cgroup(&s->host, p.worker[0].pid);
		shared->guard[0] = p.worker[0].pid;
		shared->guard[1] = p.worker[1].pid;
		if (freezer_freeze(&s->f, now_ns() + 2 * SECOND, NULL) == 0)
			(void)!write(done[1], "", 1);
		for (;;)
			(void)pause();
	}
	(void)close(done[1]);
	assert_int_equal(read(done[0], &c, 1), 1);
	(void)close(done[0]);
	memcpy(ret.guard, shared->guard, sizeof(ret.guard));
	(void)munmap(shared, 4096);
	return ret;
}

/* kill: which of both guards is killed before the engine is, as bits. */
static void engine_dies(enum freezer_kind kind, unsigned killed)
{
	struct engine engine;

	STAGE(s, kind);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	engine = start_engine(&s);
	assert_true(freezekit_stands_still(&s));
	for (unsigned i = 0; i < TWO; i++)
		if (killed & 1U << i)
			(void)kill(engine.guard[i], SIGKILL);
	assert_true(freezekit_stands_still(&s));
	end(engine.pid);
	assert_true(freezekit_thawed_within(&s, 1000));
	assert_true(gone_within(engine.guard[0], 1000));
	assert_true(gone_within(engine.guard[1], 1000));
	freezekit_down(&s);
}

static void test_engine_killed(void **state)
{
	(void)state;
	for (unsigned killed = 0; killed < 3; killed++) {
		engine_dies(FREEZER_V2, killed);
		engine_dies(FREEZER_V1, killed);
	}
}

/* The engine's cgroup is ended, with all in it: as a runtime does, and systemd. */
static void test_cgroup_killed(void **state)
{
	own_fd int mount = -1;
	struct engine engine;
	own_fd int fd = -1;
	char name[80], file[100];

	(void)state;
	STAGE(s, FREEZER_V2);
	mount = freezer_mount(&s.host, FREEZER_V2);
	snprintf(name, sizeof(name), "%s-ours", s.name);
	snprintf(file, sizeof(file), "%s/cgroup.kill", name);
	assert_int_equal(mkdirat(mount, name, 0755), 0);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	freezekit_move(&s, name, getpid());
	engine = start_engine(&s);
	freezekit_move(&s, ".", getpid());
	assert_true(freezekit_stands_still(&s));
	fd = openat(mount, file, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) { /* Linux 5.14 */
		assert_int_equal(write(fd, "1", 1), 1);
		assert_true(freezekit_thawed_within(&s, 1000));
	}
	end(engine.pid);
	assert_true(freezekit_thawed_within(&s, 1000));
	assert_true(gone_within(engine.guard[0], 1000));
	assert_true(gone_within(engine.guard[1], 1000));
	for (int i = 0; unlinkat(mount, name, AT_REMOVEDIR) < 0 && i < 500; i++)
		(void)poll(NULL, 0, 1);
	freezekit_down(&s);
}

static void test_guard_deadline(void **state)
{
	struct post p;

	(void)state;
	STAGE(s, FREEZER_V2);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	post_guards(&s, &p, now_ns() + SECOND / 5);
	assert_int_equal(freezer_freeze(&s.f, now_ns() + 2 * SECOND, &e), 0);
	assert_true(freezekit_stands_still(&s));
	assert_true(freezekit_thawed_within(&s, 1000));
	for (int i = 0; i < TWO; i++) {
		assert_true(gone_within(p.worker[i].pid, 500));
		assert_true(worker_ended(&p.worker[i]));
		(void)close(p.sock[i]);
	}
	freezekit_down(&s);
}

static void test_guard_dismissed(void **state)
{
	struct post p;

	(void)state;
	STAGE(s, FREEZER_V2);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	post_guards(&s, &p, now_ns() + 20 * SECOND);
	assert_int_equal(freezer_freeze(&s.f, now_ns() + 2 * SECOND, &e), 0);
	for (int i = 0; i < TWO; i++) {
		(void)kill(p.worker[i].pid, SIGTERM); /* asked nicely it stays */
		guard_dismiss(p.sock[i]);
		assert_true(gone_within(p.worker[i].pid, 1000));
		assert_true(worker_ended(&p.worker[i]));
		assert_int_equal(p.worker[i].status, 0);
		(void)close(p.sock[i]);
	}
	assert_true(freezekit_stands_still(&s));
	assert_int_equal(freezer_thaw(FREEZER_V2, s.f.state_fd, &e), 0);
	freezekit_down(&s);
}

/* What pkill, pkill -f and a process group would find. */
static void test_guard_is_nobody(void **state)
{
	struct post p;

	(void)state;
	STAGE(s, FREEZER_V2);
	assert_int_equal(freezer_open(&s.host, s.t, &s.f, &e), 0);
	post_guards(&s, &p, now_ns() + 20 * SECOND);
	for (int i = 0; i < TWO; i++) {
		own_fd int fd = procfs_open_pid(s.host.proc_fd, p.worker[i].pid, &e);
		struct procfs_stat st;

		assert_int_equal(procfs_read_stat(fd, &st, &e), 0);
		assert_string_equal(st.comm, "thaw-guard");
		assert_int_equal(st.session, p.worker[i].pid);
		assert_int_equal(st.pgrp, p.worker[i].pid);
		guard_dismiss(p.sock[i]);
		assert_true(gone_within(p.worker[i].pid, 1000));
		assert_true(worker_ended(&p.worker[i]));
		(void)close(p.sock[i]);
	}
	assert_string_equal(s.text, "taphos"); /* ours is as it was */
	freezekit_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_theirs),
		cmocka_unit_test(test_paused_through_the_other),
		cmocka_unit_test(test_not_its_own),
		cmocka_unit_test(test_outsiders),
		cmocka_unit_test(test_newborn_of_another_container),
		cmocka_unit_test(test_engine_killed),
		cmocka_unit_test(test_cgroup_killed),
		cmocka_unit_test(test_guard_deadline),
		cmocka_unit_test(test_guard_dismissed),
		cmocka_unit_test(test_guard_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
