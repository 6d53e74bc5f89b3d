/* SPDX-License-Identifier: Apache-2.0 */
/* tracer - the capture worker as the engine sees it. */
#include "tracer.h"
#include "journal.h"
#include "now.h"
#include "own.h"
#include "procfs.h"
#include "run.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define SECOND 1000000000ULL

enum {
	TICK_MS = 20,
	SILENCE_S = 5,	/* without a sign of life: stuck */
	WAIT_S = 1,	/* the same, asleep in the kernel, for a process's lock as it seems */
	PAUSE_MS = 500, /* between two looks: we did not run ourselves */
	WORKER_MEMORY = 64 << 20,
};

static int worker_main(void *arg)
{
	struct tracer *t = arg;
	struct err why = ERR_INIT;
	int rc = t->capture(&t->job, &why);

	if (rc < 0)
		snprintf(t->watch->why, sizeof(t->watch->why), "%.*s",
			(int)sizeof(t->watch->why) - 1, why.text);
	return rc < 0;
}

static int start_worker(struct tracer *t, int sock, struct err *e)
{
	const struct capture_job *j = &t->job;
	const int keep[] = {sock, j->proc_fd, j->cgroup_fd, j->table_fd, j->final_fd, j->stage_fd,
		j->spill_fd, j->target->fd[TFD_PROC], j->target->fd[TFD_PIDFD]};
	struct worker_spec spec = {
		.name = "taphos-capture",
		.main = worker_main,
		.arg = t,
		.caps = CAPTURE_CAPS,
		.filter = FILTER_TRACER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = sizeof(keep) / sizeof(keep[0]),
		.memory = WORKER_MEMORY,
		.urgent = true,
	};
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0)
		t->job.descriptors = l.rlim_cur < INT_MAX ? (unsigned)l.rlim_cur : INT_MAX;
	t->job.sock = sock;
	t->job.watch = t->watch;
	return worker_start(&spec, &t->worker, e);
}

int tracer_start(struct tracer *t, struct err *e)
{
	int pair[2], rc;

	t->watch = mmap(
		NULL, sizeof(*t->watch), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->watch == MAP_FAILED) {
		t->watch = NULL;
		return err_set(e, ENOMEM, "no memory");
	}
	rc = wire_pair(pair, e);
	if (rc < 0)
		return rc;
	t->sock = pair[0];
	(void)fcntl(t->sock, F_SETFL, O_NONBLOCK);
	rc = start_worker(t, pair[1], e);
	own_fd_(&pair[1]);
	return rc;
}

int tracer_tell(struct tracer *t, enum capture_step step, uint64_t a, uint64_t b, struct err *e)
{
	struct capture_msg m = {.step = step, .a = a, .b = b};

	if (send(t->sock, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
		return err_errno(e, "tell the capture worker");
	return 0;
}

const char *tracer_must_stop(const struct run *r)
{
	if (run_stopped())
		return "stopped by a signal";
	return now_ns() >= r->deadline_ns ? "the deadline was reached" : NULL;
}

/* What it is at, or CAPTURE_WORKS. */
static unsigned work_of(const struct tracer *t, pid_t *ret)
{
	uint64_t item = t->watch ? atomic_load(&t->watch->item) : 0;
	unsigned work = item ? journal_step(item) : CAPTURE_WORKS;

	*ret = journal_pid(item);
	if (work >= CAPTURE_WORKS || *ret <= 0)
		return CAPTURE_WORKS;
	return work;
}

/* Asleep where only what it waits for wakes it? Where /proc has other numbers, that is not known.
 */
static bool is_asleep(const struct tracer *t)
{
	own_fd int fd = -1;
	struct procfs_stat st;

	if (procfs_self(t->job.proc_fd) != getpid())
		return false;
	fd = procfs_open_pid(t->job.proc_fd, t->worker.pid, NULL);
	return fd >= 0 && procfs_read_stat(fd, &st, NULL) == 0 && st.state == 'D';
}

/* Who copies may wait for a disk. Everything else with a process goes on at once, or not at all. */
static bool waits_for_one(struct tracer *t, uint64_t now)
{
	pid_t pid;
	unsigned work = work_of(t, &pid);

	if (t->alive_ns == now || work == CAPTURE_WORKS || work == CAPTURE_COPIES || !is_asleep(t))
		t->awake_ns = now;
	return now - t->awake_ns > WAIT_S * SECOND;
}

static bool is_silent(struct tracer *t)
{
	uint64_t beat = atomic_load_explicit(&t->watch->beat, memory_order_relaxed);
	uint64_t now = now_ns();

	if (beat != t->seen || now - t->looked_ns > PAUSE_MS * 1000000ULL) {
		t->seen = beat;
		t->alive_ns = now;
	}
	t->looked_ns = now;
	if (t->silence_ns && !t->watch->let_go_ns)
		return waits_for_one(t, now) || now - t->alive_ns > t->silence_ns;
	return waits_for_one(t, now) || now - t->alive_ns > SILENCE_S * SECOND;
}

bool tracer_pass_on(struct tracer *t)
{
	struct capture_job *j = &t->job;
	pid_t pid;
	unsigned work = work_of(t, &pid);

	if (work == CAPTURE_WORKS || j->skips == CAPTURE_SKIPS || (!t->stuck && j->again))
		return false;
	for (unsigned i = 0; i < j->skips; i++)
		if (j->skip[i].pid == pid)
			return false;
	if (t->stuck)
		j->skip[j->skips++] = (struct capture_skip){pid, work};
	return true;
}

static int no_progress(const struct tracer *t, struct err *e)
{
	pid_t pid;
	unsigned work = work_of(t, &pid);

	if (work == CAPTURE_WORKS)
		return err_set(e, ETIMEDOUT, "the capture worker made no progress");
	return err_set(e, ETIMEDOUT, "the capture worker made no progress: process %d, %s",
		(int)pid, capture_works[work]);
}

/* It is gone: how it ended. */
static int ended(struct tracer *t, struct err *e)
{
	char how[96], why[sizeof(t->watch->why)];

	(void)worker_kill(&t->worker);
	worker_describe(&t->worker, how, sizeof(how));
	memcpy(why, t->watch->why, sizeof(why)); /* it may be anything, and change */
	why[sizeof(why) - 1] = '\0';
	return err_set(e, ECHILD, "the capture worker ended: %s%s%s", how, why[0] ? ": " : "", why);
}

/* 1: the message, 0: none yet. */
static int receive(struct tracer *t, enum capture_step step, struct capture_msg *ret, struct err *e)
{
	struct capture_msg m;
	ssize_t n = recv(t->sock, &m, sizeof(m), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return ended(t, e);
	if (n != sizeof(m) || m.step != step)
		return err_set(e, EPROTO, "the capture worker speaks out of turn");
	*ret = m;
	return 1;
}

int tracer_await(struct tracer *t, enum capture_step step, uint64_t until_ns,
	struct capture_msg *ret, struct err *e)
{
	t->alive_ns = t->awake_ns = t->looked_ns = now_ns();
	for (;;) {
		struct pollfd p = {.fd = t->sock, .events = POLLIN};
		const char *stop;
		int rc;

		(void)poll(&p, 1, TICK_MS);
		rc = p.revents ? receive(t, step, ret, e) : 0;
		if (rc)
			return rc < 0 ? rc : 0;
		stop = tracer_must_stop(t->run);
		if (stop)
			return err_set(e, ECANCELED, "%s", stop);
		t->stuck = is_silent(t);
		if (now_ns() >= until_ns || t->stuck)
			return no_progress(t, e);
	}
}

bool tracer_end(struct tracer *t, unsigned patience_ms)
{
	uint64_t until = now_ns() + patience_ms * 1000000ULL;
	bool dead = true;

	own_fd_(&t->sock);
	t->sock = -1;
	while (t->worker.pid && !worker_ended(&t->worker) && now_ns() < until)
		(void)poll(NULL, 0, 1);
	if (t->worker.pid)
		dead = worker_kill(&t->worker);
	t->worker.pid = 0;
	if (t->watch)
		(void)munmap(t->watch, sizeof(*t->watch));
	t->watch = NULL;
	return dead;
}
