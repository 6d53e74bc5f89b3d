/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "actors.h"
#include "buf.h"
#include "dirsink.h"
#include "dossier.h"
#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "journal.h"
#include "own.h"
#include "procfs.h"
#include "target.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const struct dumper dumper_process;

enum {
	OPT_PROCESSES,
	OPT_THREADS,
	OPT_FDS,
	OPT_SMAPS,
	OPT_ENVIRON,
	OPT_WORDS,
	OPT_EXE,
	OPT_FILE,
	OPT_TOTAL,
	OPTS
};

struct fixture {
	char dir[64];
	struct dirsink sink;
	struct target *target;
	struct dump dump;
	union option_value options[OPTS];
	pid_t kids[16];
	unsigned count;
};

static const char *const words[] = {"TOKEN", NULL};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_process.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	dirsink_init(&f->sink, open(f->dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	f->sink.sink.spool_fd = io_spool(-1, NULL);
	f->target = calloc(1, sizeof(*f->target));
	f->target->running = true;
	for (unsigned i = 0; i < TARGET_FDS; i++)
		f->target->fd[i] = -1;
	f->options[OPT_PROCESSES].u = 100;
	f->options[OPT_THREADS].u = 100;
	f->options[OPT_FDS].u = 5000;
	f->options[OPT_SMAPS].u = 1;
	f->options[OPT_ENVIRON].u = 1;
	f->options[OPT_WORDS].list = words;
	f->options[OPT_EXE].u = 2;
	f->options[OPT_FILE].u = 16 << 20;
	f->options[OPT_TOTAL].u = 64 << 20;
	f->dump = (struct dump){.target = f->target,
		.options = f->options,
		.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.host_fd = -1,
		.spool_fd = io_spool(-1, NULL),
		.max_bytes = UINT64_MAX};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	for (unsigned i = 0; i < f->count; i++) {
		kill(f->kids[i], SIGKILL);
		waitpid(f->kids[i], NULL, 0);
	}
	close(f->sink.dir_fd);
	close(f->sink.sink.spool_fd);
	close(f->dump.proc_fd);
	close(f->dump.spool_fd);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	free(f->target);
	free(f);
	return system(command);
}

static void enroll(struct fixture *f, pid_t pid)
{
	struct target_member *m = &f->target->member[f->target->members++];
	own_fd int fd = procfs_open_pid(f->dump.proc_fd, pid, NULL);
	struct procfs_stat st;

	assert_int_equal(procfs_read_stat(fd, &st, NULL), 0);
	*m = (struct target_member){
		pid, f->target->pid ? MEMBER_CGROUP : MEMBER_INIT, st.start_ticks};
	if (!f->target->pid)
		f->target->pid = pid;
}

/* A process that does as 'act' says, then waits; it is a member when it is ready. */
static pid_t spawn(struct fixture *f, void (*act)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		act();
		(void)!write(ready[1], "", 1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_true(read(ready[0], &byte, 1) >= 0); /* 0: an exec closed it */
	close(ready[0]);
	f->kids[f->count++] = pid;
	enroll(f, pid);
	return pid;
}

static void collect(struct fixture *f)
{
	struct err e = ERR_INIT;

	if (dumper_process.run(&f->dump, &f->sink.sink, &e) < 0)
		fail_msg("%s", e.text);
}

struct path {
	char text[128];
};

/* A file of process pid; of the whole with pid 0. */
static struct path path_of(int pid, const char *file)
{
	struct path p;

	if (pid)
		snprintf(p.text, sizeof(p.text), "process/%d/%s", pid, file);
	else
		snprintf(p.text, sizeof(p.text), "%s", file);
	return p;
}

/* The whole of a member; "" when it is not there. */
static const char *member(struct fixture *f, int pid, const char *file)
{
	static struct buf b;

	buf_done(&b);
	b = BUF_INIT(64 << 20);
	(void)!io_read_file(f->sink.dir_fd, path_of(pid, file).text, &b, NULL);
	return buf_str(&b);
}

static bool has(struct fixture *f, int pid, const char *file, const char *text)
{
	const char *all = member(f, pid, file);

	if (strstr(all, text))
		return true;
	fprintf(stderr, "not found: %s\nin: %.3000s\n", text, all);
	return false;
}

static bool exists(struct fixture *f, int pid, const char *file)
{
	return faccessat(f->sink.dir_fd, path_of(pid, file).text, F_OK, 0) == 0;
}

static void a_plain_process_has_everything(void **state)
{
	struct fixture *f = *state;
	pid_t init = spawn(f, actors_nothing), pid = spawn(f, actors_descriptors);
	static const char *const names[] = {"stat", "status", "cmdline", "maps", "environ",
		"info.json", "fds.json", "threads.json", "ns.json", "mountinfo", "smaps_rollup",
		"limits", "auxv", "files.json"};

	collect(f);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!exists(f, pid, names[i]))
			fail_msg("no %s", names[i]);
		assert_true(exists(f, init, names[i]));
	}
	assert_false(exists(f, pid, "smaps"));
	assert_true(has(f, 0, "process/tree.json", "test_process"));
	assert_true(has(f, pid, "fds.json", "\"type\":\"memfd\""));
	assert_true(has(f, pid, "info.json", "\"cap_effective\":{\"set\":"));
	assert_true(has(f, pid, "info.json", "\"Max open files\":{\"soft\":"));
	assert_true(has(f, pid, "files.json", "\"place\":\"memory\""));
	assert_true(has(f, 0, "findings.txt", "standard input and output are socket"));
}

static void hide_in_a_namespace(void)
{
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("none", "/tmp", "tmpfs", 0, NULL), 0);
}

static void hide_in_no_namespace(void)
{
	hide_in_a_namespace();
	assert_int_equal(chdir("/tmp"), 0);
	assert_int_equal(umount2("/tmp", MNT_DETACH), 0);
}

static void file_systems_nobody_else_sees_are_gaps(void **state)
{
	struct fixture *f = *state;
	pid_t init = spawn(f, actors_nothing);

	if (geteuid() != 0 || unit_emulated())
		unit_skip("needs root");
	spawn(f, hide_in_a_namespace);
	spawn(f, hide_in_no_namespace);
	f->target->fd[TFD_PROC] = procfs_open_pid(f->dump.proc_fd, init, NULL);
	collect(f);
	assert_true(has(f, 0, "gaps.txt", "in a mount namespace of its own, not read: 1 (tmpfs)"));
	assert_true(has(f, 0, "gaps.txt", "no mount of its namespace, not read: 1 (cwd)"));
	close(f->target->fd[TFD_PROC]);
}

static void deleted_files_are_kept(void **state)
{
	struct fixture *f = *state;
	pid_t pid = spawn(f, actors_descriptors);
	const char *json;
	char name[64] = "";

	f->target->ns_mnt = 1; /* the container is elsewhere */
	collect(f);
	json = member(f, pid, "files.json");
	assert_non_null(strstr(json, "memfd:payload"));
	for (int fd = 0; fd < 40 && !*name; fd++) {
		char path[64];

		snprintf(path, sizeof(path), "deleted/fd-%d.bin", fd);
		if (exists(f, pid, path) && !strcmp(member(f, pid, path), "memory file"))
			snprintf(name, sizeof(name), "%s", path);
	}
	assert_true(*name);
	/* the other one lies on a file system of the host's mount namespace */
	assert_true(has(f, 0, "gaps.txt", "refused"));
}

static off_t size_of(struct fixture *f, int pid, const char *file)
{
	struct stat st;

	return fstatat(f->sink.dir_fd, path_of(pid, file).text, &st, 0) == 0 ? st.st_size : -1;
}

static void programs_without_a_file_are_kept(void **state)
{
	struct fixture *f = *state;
	pid_t deleted = spawn(f, actors_deleted_program), memory = spawn(f, actors_memory_program);
	pid_t again = spawn(f, actors_nothing);
	struct stat st;

	(void)again;
	usleep(20000); /* until exec has replaced the argument vectors */
	f->target->ns_mnt = 0;
	assert_int_equal(stat("/bin/sleep", &st), 0);
	collect(f);
	assert_int_equal(size_of(f, memory, "exe.bin"), st.st_size);
	assert_true(has(f, 0, "findings.txt", "runs a deleted program: /"));
	assert_true(has(f, 0, "findings.txt", "runs from memory"));
	assert_true(has(f, 0, "findings.txt", "named like a kernel thread"));
	assert_true(has(f, 0, "process/tree.json", "\"argv\":[\"[kworker/0:1]\",\"1000\"]"));
	assert_true(has(f, deleted, "files.json", "\"sha256\":\""));
	assert_true(has(f, memory, "environ", "A_TOKEN=sha256:ba7816bf"));
	assert_true(has(f, 0, "gaps.txt", "1 values"));
}

static void an_exited_leader_hides_nothing(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	if (unit_emulated())
		unit_skip("under qemu-user the emulator outlives its first thread");
	spawn(f, actors_nothing);
	pid = fork();
	if (pid == 0)
		actors_leave_leader();
	f->kids[f->count++] = pid;
	usleep(20000);
	enroll(f, pid);
	collect(f);
	assert_true(size_of(f, pid, "maps") > 0);
	assert_true(size_of(f, pid, "cmdline") > 0);
	assert_true(has(f, pid, "info.json", "leader_exited"));
	assert_true(has(f, pid, "threads.json", "\"state\":\"Z\""));
	assert_true(has(f, pid, "threads.json", "\"state\":\"S\""));
	assert_true(has(f, 0, "findings.txt", "first thread has exited"));
}

static void zombies_make_no_gaps(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	spawn(f, actors_nothing);
	pid = fork();
	if (pid == 0)
		_exit(0);
	f->kids[f->count++] = pid;
	usleep(20000);
	enroll(f, pid);
	collect(f);
	assert_true(has(f, pid, "info.json", "zombie"));
	assert_true(exists(f, pid, "stat"));
	assert_null(strstr(member(f, 0, "gaps.txt"), "process/"));
}

static void another_process_with_the_number_is_not_read(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	spawn(f, actors_nothing);
	pid = spawn(f, actors_nothing);
	f->target->member[1].start_ticks--;
	collect(f);
	assert_false(exists(f, pid, "stat"));
	assert_true(has(f, 0, "gaps.txt", "vanished"));
	assert_true(has(f, 0, "process/tree.json", "\"gone\""));
}

static void many_that_ended_are_counted(void **state)
{
	enum { NONE = 5000000, MANY = 300 }; /* no kernel has such numbers */
	struct fixture *f = *state;
	pid_t pid = spawn(f, actors_nothing);
	unsigned lines = 0;

	for (int i = 0; i < MANY; i++)
		f->target->member[f->target->members++] =
			(struct target_member){.pid = NONE + i, .start_ticks = 1};
	f->options[OPT_PROCESSES].u = 1000;
	collect(f);
	for (const char *p = member(f, 0, "gaps.txt"); (p = strstr(p, "vanished")); p++)
		lines++;
	assert_int_equal(lines, DOSSIER_VANISHED + 1);
	assert_true(has(f, 0, "gaps.txt", "300 processes in all"));
	assert_true(has(f, pid, "info.json", "\"argv\""));
}

/* What it was is in the tree; nothing more is begun. */
static void without_time_the_tree_is_there(void **state)
{
	struct fixture *f = *state;
	pid_t pid = spawn(f, actors_nothing);
	char row[32];

	f->dump.until_ns = 1;
	collect(f);
	assert_false(exists(f, pid, "stat"));
	assert_true(has(f, 0, "process/tree.json", "\"unread\""));
	snprintf(row, sizeof(row), "\"pid\":%d,", pid);
	assert_true(has(f, 0, "process/tree.json", row));
	assert_true(has(f, 0, "gaps.txt", "1 processes: its maps"));
}

static void descriptors_over_the_limit_are_a_gap(void **state)
{
	struct fixture *f = *state;
	pid_t pid = spawn(f, actors_thousand_descriptors);
	unsigned rows = 0;

	f->options[OPT_FDS].u = 900;
	collect(f);
	for (const char *p = member(f, pid, "fds.json"); (p = strstr(p, "{\"fd\":")); p++)
		rows++;
	assert_int_equal(rows, 900);
	assert_true(has(f, 0, "gaps.txt", "over_budget"));
}

static void born_meanwhile_is_found(void **state)
{
	struct fixture *f = *state;
	pid_t pid = spawn(f, actors_nothing), child;

	child = spawn(f, actors_nothing);
	f->target->members--; /* as if it had come after resolving ... */
	f->target->member[0].pid = pid;
	f->target->ns_pid = 0;
	snprintf(f->target->cgroup_v2, sizeof(f->target->cgroup_v2), "/no-such-group");
	collect(f);
	assert_false(exists(f, child, "stat")); /* ... but it is no relative */
	assert_true(exists(f, pid, "stat"));
}

static void children_of_members_are_found(void **state)
{
	struct fixture *f = *state;
	const char *tree;

	spawn(f, actors_child);
	collect(f);
	tree = member(f, 0, "process/tree.json");
	assert_non_null(strstr(tree, "\"flags\":[\"new\"]"));
	assert_non_null(strstr(tree, "\"depth\":1"));
}

/* A worker that stalled on the second process's maps: the restart sends nothing twice. */
static void a_restart_goes_on(void **state)
{
	struct fixture *f = *state;
	pid_t first = spawn(f, actors_nothing), second = spawn(f, actors_nothing),
	      third = spawn(f, actors_nothing);
	uint64_t item;
	struct journal j;
	struct err e = ERR_INIT;

	assert_int_equal(journal_open(&j, &f->dump, &e), 0);
	for (unsigned pass = DOSSIER_QUICK; pass <= DOSSIER_TEXT; pass++) {
		assert_int_equal(journal_add(&j, journal_item(pass, first), &e), 0);
		assert_int_equal(journal_add(&j, journal_item(pass, second), &e), 0);
		assert_int_equal(journal_add(&j, journal_item(pass, third), &e), 0);
	}
	assert_int_equal(journal_add(&j, journal_item(DOSSIER_PASSES, 0), &e), 0); /* the tree */
	assert_int_equal(journal_add(&j, journal_item(DOSSIER_MAPS, first), &e), 0);
	item = journal_item(DOSSIER_MAPS, second);
	assert_int_equal(journal_add(&j, item, &e), 0);
	journal_done(&j);
	f->dump.resume = (struct dumper_resume){.again = true, .item = item};
	collect(f);
	assert_false(exists(f, first, "stat"));
	assert_false(exists(f, first, "maps"));
	assert_false(exists(f, second, "maps"));
	assert_false(exists(f, second, "files.json"));
	assert_true(exists(f, third, "maps"));
	assert_true(exists(f, first, "files.json"));
	assert_false(exists(f, 0, "process/tree.json"));
}

/* In the engine's gap: it has no more than the number. */
static void items_have_names(void **state)
{
	const struct {
		uint64_t item;
		const char *name;
	} items[] = {
		{journal_item(DOSSIER_QUICK, 41), "process 41: its first texts"},
		{journal_item(DOSSIER_FILES, 41), "process 41: its files"},
		{journal_item(DOSSIER_PASSES, 0), "the tree"},
		{journal_item(DOSSIER_PASSES + 1, 0), "looking for processes"},
		{41, ""},
		{UINT64_MAX, ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		char text[64] = "";

		dumper_process.describe(&f->dump, items[i].item, text, sizeof(text));
		assert_string_equal(text, items[i].name);
	}
}

/* The bar is 0.25 s for 50 processes with the settings of triage. */
static void fifty_processes_are_quick(void **state)
{
	struct fixture *f = *state;
	pid_t kids[50];
	struct timespec a, b;
	double ms;

	for (int i = 0; i < 50; i++) {
		kids[i] = fork();
		if (kids[i] == 0)
			for (;;)
				pause();
		enroll(f, kids[i]);
	}
	f->options[OPT_SMAPS].u = 0;
	f->options[OPT_EXE].u = 0;
	f->options[OPT_FILE].u = 0;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	collect(f);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	for (int i = 0; i < 50; i++) {
		kill(kids[i], SIGKILL);
		waitpid(kids[i], NULL, 0);
	}
	ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	print_message("50 processes: %.1f ms of processor time, %u members\n", ms, f->sink.members);
	assert_true(ms < 2000); /* far above the bar: sanitizers */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plain_process_has_everything),
		TEST(file_systems_nobody_else_sees_are_gaps),
		TEST(deleted_files_are_kept),
		TEST(programs_without_a_file_are_kept),
		TEST(an_exited_leader_hides_nothing),
		TEST(zombies_make_no_gaps),
		TEST(another_process_with_the_number_is_not_read),
		TEST(many_that_ended_are_counted),
		TEST(without_time_the_tree_is_there),
		TEST(descriptors_over_the_limit_are_a_gap),
		TEST(born_meanwhile_is_found),
		TEST(children_of_members_are_found),
		TEST(a_restart_goes_on),
		TEST(items_have_names),
		TEST(fifty_processes_are_quick),
	};

	if (hash_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
