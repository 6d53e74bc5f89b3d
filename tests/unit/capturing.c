/* SPDX-License-Identifier: Apache-2.0 */
/* capturing - a capture as the engine sees it. */
#include "capturing.h"

#include "caps.h"
#include "filter.h"
#include "io.h"
#include "procfs.h"
#include "target.h"
#include "tick.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void capturing_open(struct capturing *k, uint64_t stage_bytes)
{
	*k = (struct capturing){.target = calloc(1, sizeof(*k->target))};
	k->job = (struct capture_job){
		.target = k->target,
		.options = {.max_process = UINT64_MAX,
			.max_total = UINT64_MAX,
			.kinds = UINT32_MAX},
		.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.cgroup_fd = -1,
		.descriptors = 1024,
		.table_fd = io_spool(-1, NULL),
		.final_fd = io_spool(-1, NULL),
		.stage_fd = -1,
		.spill_fd = -1,
		.stage_bytes = stage_bytes,
	};
	k->job.watch = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!stage_bytes)
		return;
	k->job.stage_fd = io_spool(-1, NULL);
	if (ftruncate(k->job.stage_fd, (off_t)stage_bytes) < 0)
		abort();
}

void capturing_close(struct capturing *k)
{
	close(k->job.proc_fd);
	close(k->job.table_fd);
	close(k->job.final_fd);
	if (k->job.stage_fd >= 0)
		close(k->job.stage_fd);
	if (k->job.spill_fd >= 0)
		close(k->job.spill_fd);
	munmap(k->job.watch, 4096);
	free(k->target);
}

void capturing_member(struct capturing *k, pid_t pid)
{
	int fd = procfs_open_pid(k->job.proc_fd, pid, NULL);
	struct procfs_stat st = {0};

	if (fd >= 0 && procfs_read_stat(fd, &st, NULL) < 0)
		abort();
	close(fd);
	k->target->member[k->target->members++] =
		(struct target_member){.pid = pid, .start_ticks = st.start_ticks};
}

static bool hear(struct capturing *k, enum capture_step step, struct capture_msg *m)
{
	return recv(k->sock, m, sizeof(*m), 0) == sizeof(*m) && m->step == (uint32_t)step;
}

static void say(struct capturing *k, enum capture_step step, uint64_t a, uint64_t b)
{
	struct capture_msg m = {.step = step, .a = a, .b = b};

	(void)!send(k->sock, &m, sizeof(m), MSG_NOSIGNAL);
}

static void converse(struct capturing *k, enum capture_hold how, uint64_t until_ns)
{
	if (!hear(k, CAPTURE_READY, &k->ready))
		return;
	if (k->freeze)
		k->freeze(k);
	k->go_ns = tick_now();
	say(k, CAPTURE_GO, how, k->go_ns + until_ns);
	if (!hear(k, CAPTURE_COPIED, &k->copied))
		return;
	k->copied_ns = tick_now();
	if (k->thaw)
		k->thaw(k);
	say(k, CAPTURE_THAWED, 0, 0);
	if (hear(k, CAPTURE_DONE, &k->done) && dup2(k->job.final_fd, k->job.table_fd) < 0)
		abort();
	k->done_ns = tick_now();
	if (k->finished)
		k->finished(k);
}

/* Goes on as the first process of a PID namespace. */
static void enter_pids(void)
{
	pid_t inner = unshare(CLONE_NEWPID) < 0 ? -1 : fork();
	int status = 0;

	if (!inner)
		return;
	if (inner > 0)
		waitpid(inner, &status, 0);
	_exit(inner < 0 || status ? 1 : 0);
}

/* As the engine's workers are. */
static int sandbox(struct err *e)
{
	const struct rlimit data __attribute__((unused)) = {64 << 20, 64 << 20};
	int rc = caps_drop(CAPTURE_CAPS, e);

#ifndef __SANITIZE_ADDRESS__ /* it has far more itself */
	(void)setrlimit(RLIMIT_DATA, &data);
#endif
	return rc < 0 ? rc : filter_load(FILTER_TRACER, e);
}

int capturing_run(struct capturing *k, enum capture_hold how, uint64_t until_ns)
{
	int pair[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	k->sock = pair[0];
	k->job.sock = pair[1];
	k->worker = fork();
	if (!k->worker) {
		struct err e = ERR_INIT;
		int rc;

		close(pair[0]);
		if (k->own_pids)
			enter_pids();
		rc = k->sandboxed ? sandbox(&e) : 0;
		if (rc == 0)
			rc = capture_run(&k->job, &e);
		if (rc < 0)
			fprintf(stderr, "# capture: %s\n", e.text);
		/* it lives on, so that what only its end would undo is seen */
		if (rc == 0)
			(void)recv(pair[1], &(char){0}, 1, 0);
		_exit(rc < 0 ? 1 : 0);
	}
	close(pair[1]);
	converse(k, how, until_ns);
	close(pair[0]);
	waitpid(k->worker, &status, 0);
	return status;
}

bool capturing_each(struct capturing *k, pid_t pid,
	bool (*each)(struct capturing *k, const struct captured *x, void *arg), void *arg)
{
	own_memscan struct memscan s = MEMSCAN_INIT;
	struct captured x = {0};
	const struct mem_head *h;
	bool stop = false;

	if (memscan_open(&s, k->job.table_fd, NULL) < 0)
		abort();
	while (!stop && memscan_next(&s, &h, NULL) == 1) {
		if (h->type == MEM_PROC)
			memcpy(&x.proc, h, sizeof(x.proc));
		if (h->type == MEM_MAP) {
			memcpy(&x.map, h, sizeof(x.map));
			memcpy(x.name, mem_tail(h), x.map.name_len + 1);
		}
		if (h->type == MEM_RUN && x.proc.pid == pid) {
			memcpy(&x.run, h, sizeof(x.run));
			stop = each(k, &x, arg);
		}
	}
	return stop;
}

struct at {
	uint64_t address;
	struct captured *ret;
};

static bool has(struct capturing *k, const struct captured *x, void *arg)
{
	struct at *at = arg;

	(void)k;
	if (at->address < x->run.start || at->address >= x->run.end)
		return false;
	*at->ret = *x;
	return true;
}

bool capturing_at(struct capturing *k, pid_t pid, uint64_t address, struct captured *ret)
{
	struct at at = {address, ret};

	return capturing_each(k, pid, has, &at);
}

unsigned capturing_count(struct capturing *k, pid_t pid, enum mem_type type, void *ret, size_t n)
{
	own_memscan struct memscan s = MEMSCAN_INIT;
	const struct mem_head *h;
	unsigned count = 0;
	pid_t at = 0;

	if (memscan_open(&s, k->job.table_fd, NULL) < 0)
		abort();
	while (memscan_next(&s, &h, NULL) == 1) {
		if (h->type == MEM_PROC)
			at = ((const struct mem_proc *)h)->pid;
		if (h->type != (uint32_t)type || at != pid)
			continue;
		count++;
		if (ret)
			memcpy(ret, h, n < h->len ? n : h->len);
	}
	return count;
}

bool capturing_note(struct capturing *k, pid_t pid, const char *where, struct mem_note *ret)
{
	own_memscan struct memscan s = MEMSCAN_INIT;
	const struct mem_head *h;
	pid_t at = 0;

	if (memscan_open(&s, k->job.table_fd, NULL) < 0)
		abort();
	while (memscan_next(&s, &h, NULL) == 1) {
		const struct mem_note *n = (const void *)h;

		if (h->type == MEM_PROC)
			at = ((const struct mem_proc *)h)->pid;
		if (h->type != MEM_NOTE || at != pid || strcmp(n->where, where) != 0)
			continue;
		memcpy(ret, n, sizeof(*ret));
		return true;
	}
	return false;
}

void capturing_bytes(struct capturing *k, const struct mem_run *r, uint64_t at, void *to, size_t n)
{
	int fd = r->store == MEM_STORE_STAGE ? k->job.stage_fd : k->job.spill_fd;

	if (r->fate != MEM_DUMPED || r->store == MEM_STORE_LIVE ||
		pread(fd, to, n, (off_t)(r->offset + (at - r->start))) != (ssize_t)n)
		abort();
}
