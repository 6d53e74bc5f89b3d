/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline - runs a command and waits for it no longer than it may take.
 *	deadline SECONDS REPORT COMMAND...
 *
 * Ends with the command's exit code, or 124 when it had to be killed. REPORT gets
 *	ms N         how long it took
 *	peak_kb N    the most memory that it or a process below it, already reaped, had at once
 *	own_kb N     the most that one of them had at once besides shared memory, as seen every few
 *	             milliseconds: RssAnon and RssFile
 *	left PID     a process that it left behind; orphans come to us, not to init
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 5, GRACE_MS = 500, KILLED = 124 };

static long peak_kb, own_kb;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reaps whatever ended. True: 'child' is among it. */
static int reap(pid_t child, int *status)
{
	struct rusage u;
	int got = 0, st;
	pid_t pid;

	while ((pid = wait4(-1, &st, WNOHANG, &u)) > 0) {
		if (u.ru_maxrss > peak_kb)
			peak_kb = u.ru_maxrss;
		if (pid == child) {
			*status = st;
			got = 1;
		}
	}
	return got;
}

static void look_at(int pid)
{
	char path[64], line[256];
	long kb, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kb) == 1 ||
			sscanf(line, "RssFile: %ld", &kb) == 1)
			sum += kb;
	if (f)
		fclose(f);
	if (sum > own_kb)
		own_kb = sum;
}

/* The command itself, and those it started. */
static void look_at_all(int child)
{
	char path[64];
	FILE *f;
	int pid;

	look_at(child);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", child, child);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		look_at(pid);
	if (f)
		fclose(f);
}

static int await(pid_t child, long until, int *status)
{
	while (!reap(child, status)) {
		if (now_ms() >= until)
			return 0;
		if (child > 0)
			look_at_all(child);
		(void)poll(NULL, 0, TICK_MS);
	}
	return 1;
}

static void list_left(FILE *report)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		fprintf(report, "left %d\n", pid);
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	long start = now_ms(), end;
	int status = 0, done;
	pid_t child;
	FILE *report;

	if (argc < 4 || !(report = fopen(argv[2], "we")))
		return 125;
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	done = await(child, start + atol(argv[1]) * 1000, &status);
	end = now_ms();
	if (!done) {
		(void)kill(child, SIGKILL);
		(void)await(child, now_ms() + GRACE_MS, &status);
	}
	(void)await(
		-2, now_ms() + GRACE_MS, &status); /* what dies with its parent needs a moment */
	fprintf(report, "ms %ld\npeak_kb %ld\nown_kb %ld\n", end - start, peak_kb, own_kb);
	list_left(report);
	fclose(report);
	if (!done)
		return KILLED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
