/* SPDX-License-Identifier: Apache-2.0 */
/* worker - a disposable process that reads hostile things. */
#include "worker.h"
#include "caps.h"
#include "now.h"
#include "ns.h"
#include "own.h"
#include "writelock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Exit codes of a child whose sandbox did not come up: its job did not start. */
enum {
	SETUP_DETACH = 120,
	SETUP_NETNS,
	SETUP_MNTNS,
	SETUP_CAPS,
	SETUP_PARENT,
	SETUP_WRITELOCK,
	SETUP_FILTER,
};

static const char *const setup_steps[] = {
	[0] = "detach from the terminal",
	[SETUP_NETNS - SETUP_DETACH] = "enter the network namespace",
	[SETUP_MNTNS - SETUP_DETACH] = "enter the mount namespace",
	[SETUP_CAPS - SETUP_DETACH] = "drop capabilities",
	[SETUP_PARENT - SETUP_DETACH] = "be bound to its parent",
	[SETUP_WRITELOCK - SETUP_DETACH] = "give up writing",
	[SETUP_FILTER - SETUP_DETACH] = "load the seccomp filter",
};

enum {
	KILL_WAIT_MS = 100,
	FORK_PATIENCE_MS = 5000,
	PAUSE_WAIT_MS = 50,
	WORKER_NICE = 10,
};

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Both ends included. Before Linux 5.9 one by one, up to the limit of open files. */
static int close_from_to(unsigned first, unsigned last)
{
	long max = sysconf(_SC_OPEN_MAX);

	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return 0;
	if (errno != ENOSYS && errno != EPERM)
		return -1;
	for (unsigned fd = first; fd <= last && fd < (unsigned)max; fd++)
		(void)close((int)fd);
	return 0;
}

/* Closes everything from 3 on but the kept ones: a leaked descriptor hands out the host. */
static int close_others(const struct worker_spec *s)
{
	own_free int *keep = calloc(s->keeps + 2, sizeof(int));
	unsigned from = 3;
	size_t n = s->keeps;

	if (!keep)
		return -ENOMEM;
	if (n)
		memcpy(keep, s->keep, n * sizeof(int));
	keep[n++] = s->netns_fd;
	keep[n++] = s->mntns_fd;
	qsort(keep, n, sizeof(int), by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if (close_from_to(from, (unsigned)keep[i] - 1) < 0)
			return -errno;
		from = (unsigned)keep[i] + 1;
	}
	return close_from_to(from, ~0U) < 0 ? -errno : 0;
}

static int limit(int what, rlim_t value)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)what, &r) < 0)
		return -1;
	if (r.rlim_max != RLIM_INFINITY && value > r.rlim_max)
		value = r.rlim_max;
	r.rlim_cur = r.rlim_max = value;
	return setrlimit((__rlimit_resource_t)what, &r);
}

static void set_limits(const struct worker_spec *s)
{
	/* rather us than the evidence; less than the parent's needs CAP_SYS_RESOURCE */
	const char *score = s->outlives ? "-1000" : "500";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!write(fd, score, strlen(score));
		(void)close(fd);
	}
	(void)limit(RLIMIT_CORE, 0);
	if (s->memory)
		(void)limit(RLIMIT_DATA, s->memory);
	if (!s->urgent && !s->outlives)
		(void)setpriority(PRIO_PROCESS, 0, WORKER_NICE);
}

/* What ps and pkill -f show: the words of the command line lie one behind the other. */
static void rename_self(const struct worker_spec *s)
{
	char *first = s->argv ? s->argv[0] : NULL, *end = first;

	for (size_t i = 0; first && s->argv[i] && s->argv[i] == end; i++)
		end += strlen(end) + 1;
	if (end == first)
		return;
	memset(first, 0, (size_t)(end - first));
	memcpy(first, s->name, strnlen(s->name, (size_t)(end - first) - 1));
}

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)signal(sig, SIG_DFL);
	/* a closed pipe and a limit of file sizes are errors of write(), with their reason */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* out_fd becomes fd 1 when it is not -1. */
static int detach(const struct worker_spec *s, int out_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd >= 0 ? out_fd : null, 1) < 0 ||
		dup2(null, 2) < 0)
		return -errno;
	reset_signals();
	(void)setsid();
	(void)prctl(PR_SET_NAME, s->name);
	rename_self(s);
	set_limits(s);
	return close_others(s);
}

bool worker_gives_up_writing(const struct worker_spec *s)
{
	return (s->filter == FILTER_READER || s->filter == FILTER_CLIENT) &&
	       !(s->caps & 1ULL << CAP_SYS_PTRACE) && writelock_version() > 0;
}

/* 0, or the exit code that says which step failed. */
static int enter_sandbox(const struct worker_spec *s, int out_fd, pid_t parent)
{
	if (detach(s, out_fd) < 0)
		return SETUP_DETACH;
	/* Nobody inside the namespaces we enter may trace us or read our memory. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return SETUP_DETACH;
	if (s->netns_fd >= 0 && (ns_enter_net(s->netns_fd, NULL) < 0 || close(s->netns_fd) < 0))
		return SETUP_NETNS;
	if (s->mntns_fd >= 0 && (ns_enter_mnt(s->mntns_fd, NULL) < 0 || close(s->mntns_fd) < 0))
		return SETUP_MNTNS;
	if (chdir("/") < 0 || caps_drop(s->caps, NULL) < 0)
		return SETUP_CAPS;
	/* a change of uid clears it, so here; and the parent may be gone already */
	if (!s->outlives && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		return SETUP_PARENT;
	if (worker_gives_up_writing(s) && writelock_load(NULL) < 0)
		return SETUP_WRITELOCK;
	return filter_load(s->filter, NULL) < 0 ? SETUP_FILTER : 0;
}

/* A fork bomb next door leaves a free process number now and then. */
static pid_t fork_patiently(void)
{
	uint64_t until = now_ns() + FORK_PATIENCE_MS * 1000000ULL;
	pid_t pid = fork();

	while (pid < 0 && errno == EAGAIN && now_ns() < until) {
		(void)poll(NULL, 0, 1);
		pid = fork();
	}
	return pid;
}

static int start(const struct worker_spec *s, int out_fd, struct worker *ret, struct err *e)
{
	pid_t parent = getpid(), pid;
	int failed;

	fflush(NULL);
	pid = fork_patiently();
	if (pid < 0)
		return err_errno(e, "start a worker");
	if (pid == 0) {
		failed = enter_sandbox(s, out_fd, parent);
		_exit(failed ? failed : s->main(s->arg) & 0xff);
	}
	*ret = (struct worker){.pid = pid};
	return 0;
}

static bool setup_failed(const struct worker *w)
{
	return WIFEXITED(w->status) && WEXITSTATUS(w->status) >= SETUP_DETACH &&
	       WEXITSTATUS(w->status) <= SETUP_FILTER;
}

int worker_start(const struct worker_spec *spec, struct worker *ret, struct err *e)
{
	return start(spec, -1, ret, e);
}

bool worker_ended(struct worker *w)
{
	if (!w->ended && waitpid(w->pid, &w->status, WNOHANG) == w->pid)
		w->ended = true;
	return w->ended;
}

bool worker_kill(struct worker *w)
{
	uint64_t until = now_ns() + KILL_WAIT_MS * 1000000ULL;

	if (worker_ended(w))
		return true;
	(void)kill(w->pid, SIGKILL);
	while (!worker_ended(w) && now_ns() < until)
		(void)poll(NULL, 0, 2);
	return w->ended;
}

bool worker_pause(struct worker *w)
{
	uint64_t until = now_ns() + PAUSE_WAIT_MS * 1000000ULL;
	const struct timespec moment = {.tv_nsec = 50000};
	int status;

	if (worker_ended(w))
		return true;
	(void)kill(w->pid, SIGSTOP);
	do {
		if (waitpid(w->pid, &status, WNOHANG | WUNTRACED) == w->pid) {
			if (!WIFSTOPPED(status)) {
				w->status = status;
				w->ended = true;
			}
			return true;
		}
		(void)nanosleep(&moment, NULL);
	} while (now_ns() < until);
	return false;
}

void worker_resume(struct worker *w)
{
	if (!w->ended)
		(void)kill(w->pid, SIGCONT);
}

void worker_describe(const struct worker *w, char *ret, size_t size)
{
	if (!w->ended)
		snprintf(ret, size, "stuck in the kernel, abandoned");
	else if (WIFSIGNALED(w->status))
		snprintf(ret, size, "killed by signal %d (%s)", WTERMSIG(w->status),
			strsignal(WTERMSIG(w->status)));
	else if (setup_failed(w))
		snprintf(ret, size, "its sandbox could not %s",
			setup_steps[WEXITSTATUS(w->status) - SETUP_DETACH]);
	else
		snprintf(ret, size, "exit %d", WEXITSTATUS(w->status));
}

/* 1: more may come, 0: end, negative: sink's word. */
static int pump(int fd, uint64_t deadline_ns, int (*sink)(const void *, size_t, void *), void *arg)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now = now_ns();
	char block[65536];
	ssize_t n;
	int rc;

	if (now >= deadline_ns)
		return -ETIMEDOUT;
	rc = poll(&p, 1, (int)((deadline_ns - now) / 1000000 % INT32_MAX) + 1);
	if (rc <= 0)
		return 1; /* time out or EINTR: the deadline decides */
	n = read(fd, block, sizeof(block));
	if (n < 0 && errno == EINTR)
		return 1;
	if (n <= 0)
		return 0;
	rc = sink ? sink(block, (size_t)n, arg) : 0;
	return rc < 0 ? rc : 1;
}

int worker_pipe(const struct worker_spec *spec, uint64_t deadline_ns,
	int (*sink)(const void *p, size_t n, void *arg), void *arg, struct err *e)
{
	own_fd int in = -1, out = -1;
	struct worker w;
	char how[96];
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(e, "pipe");
	in = ends[0];
	out = ends[1];
	rc = start(spec, out, &w, e);
	if (rc < 0)
		return rc;
	own_fd_(&out);
	out = -1;
	do
		rc = pump(in, deadline_ns, sink, arg);
	while (rc > 0);
	while (rc == 0 && !worker_ended(&w) && now_ns() < deadline_ns)
		(void)poll(NULL, 0, 1);
	if (rc == 0 && !w.ended)
		rc = -ETIMEDOUT;
	(void)worker_kill(&w);
	if (rc == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "%s: no answer in time", spec->name);
	if (rc < 0)
		return err_set(e, -rc, "%s: its output was refused", spec->name);
	if (WIFEXITED(w.status) && !setup_failed(&w))
		return WEXITSTATUS(w.status);
	worker_describe(&w, how, sizeof(how));
	return err_set(e, ECHILD, "%s: %s", spec->name, how);
}
