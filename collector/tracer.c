/* SPDX-License-Identifier: Apache-2.0 */
/* tracer - the capture worker as the engine sees it. */
#include "tracer.h"
#include "own.h"
#include "run.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define SECOND 1000000000ULL

enum {
	TICK_MS = 20,
	SILENCE_S = 5, /* without a sign of life: stuck */
	WORKER_MEMORY = 64 << 20,
};

static int worker_main(void *arg)
{
	struct tracer *t = arg;
	struct err why = ERR_INIT;

	return t->capture(&t->job, &why) < 0;
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

	t->job.sock = sock;
	t->job.beat = t->beat;
	return worker_start(&spec, &t->worker, e);
}

int tracer_start(struct tracer *t, struct err *e)
{
	int pair[2], rc;

	t->beat = mmap(
		NULL, sizeof(*t->beat), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t->beat == MAP_FAILED) {
		t->beat = NULL;
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
	return run_now_ns() >= r->deadline_ns ? "the deadline was reached" : NULL;
}

static bool is_silent(struct tracer *t)
{
	uint64_t beat = atomic_load_explicit(t->beat, memory_order_relaxed), now = run_now_ns();

	if (beat != t->seen) {
		t->seen = beat;
		t->alive_ns = now;
	}
	return now - t->alive_ns > (t->silence_ns ? t->silence_ns : SILENCE_S * SECOND);
}

/* It is gone: how it ended. */
static int ended(struct tracer *t, struct err *e)
{
	char how[96];

	(void)worker_kill(&t->worker);
	worker_describe(&t->worker, how, sizeof(how));
	return err_set(e, ECHILD, "the capture worker ended: %s", how);
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
	t->alive_ns = run_now_ns();
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
		if (run_now_ns() >= until_ns || is_silent(t))
			return err_set(e, ETIMEDOUT, "the capture worker made no progress");
	}
}

bool tracer_end(struct tracer *t, unsigned patience_ms)
{
	uint64_t until = run_now_ns() + patience_ms * 1000000ULL;
	bool dead = true;

	own_fd_(&t->sock);
	t->sock = -1;
	while (t->worker.pid && !worker_ended(&t->worker) && run_now_ns() < until)
		(void)poll(NULL, 0, 1);
	if (t->worker.pid)
		dead = worker_kill(&t->worker);
	t->worker.pid = 0;
	if (t->beat)
		(void)munmap(t->beat, sizeof(*t->beat));
	t->beat = NULL;
	return dead;
}
