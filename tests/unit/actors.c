/* SPDX-License-Identifier: Apache-2.0 */
/* actors - what a forked process of a test does before it waits to be collected. */
#include "actors.h"
#include "own.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void actors_nothing(void)
{
}

void actors_descriptors(void)
{
	int deleted = open("/tmp", O_TMPFILE | O_RDWR, 0600), pair[2], mem;

	(void)!write(deleted, "only an open descriptor holds this", 34);
	mem = memfd_create("payload", 0);
	(void)!write(mem, "memory file", 11);
	(void)!socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	dup2(pair[0], 0);
	dup2(pair[0], 1);
	setenv("API_TOKEN", "hunter2", 1); /* not seen: environ is that of the start */
}

void actors_deleted_program(void)
{
	char name[] = "/tmp/test_process.exe.XXXXXX", fd_path[64];
	own_fd int in = open("/bin/sleep", O_RDONLY | O_CLOEXEC);
	int out = mkstemp(name);
	char block[65536];
	ssize_t n;

	while ((n = read(in, block, sizeof(block))) > 0)
		(void)!write(out, block, (size_t)n);
	fchmod(out, 0755);
	close(out);
	snprintf(fd_path, sizeof(fd_path), "%s", name);
	out = open(fd_path, O_PATH | O_CLOEXEC);
	unlink(name);
	snprintf(fd_path, sizeof(fd_path), "/proc/self/fd/%d", out);
	execl(fd_path, "[kworker/0:1]", "1000", NULL);
}

void actors_memory_program(void)
{
	own_fd int in = open("/bin/sleep", O_RDONLY | O_CLOEXEC);
	int out = memfd_create("implant", MFD_CLOEXEC);
	char *argv[] = {"sleep", "1000", NULL}, *env[] = {"A_TOKEN=abc", "B=c", NULL};
	char block[65536];
	ssize_t n;

	while ((n = read(in, block, sizeof(block))) > 0)
		(void)!write(out, block, (size_t)n);
	fexecve(out, argv, env);
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

void actors_leave_leader(void)
{
	pthread_t t;

	prctl(PR_SET_NAME, "leader");
	pthread_create(&t, NULL, wait_for_ever, NULL);
	syscall(SYS_exit, 0);
}

void actors_thousand_descriptors(void)
{
	for (int i = 0; i < 1000; i++)
		(void)!dup(2);
}

void actors_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}
