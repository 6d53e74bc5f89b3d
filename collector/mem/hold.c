/* SPDX-License-Identifier: Apache-2.0 */
/* hold - threads that are stopped by ptrace, and let go again. */
#include "hold.h"

#include "io.h"
#include "own.h"
#include "procfs.h"
#include "tick.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

int hold_init(struct hold *h, _Atomic uint64_t *beat, struct err *e)
{
	sigset_t child;

	*h = (struct hold){.beat = beat};
	/* stops are announced by it: waited for, never delivered */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &child, NULL) < 0)
		return err_errno(e, "block a signal");
	return 0;
}

void hold_done(struct hold *h)
{
	hold_sweep(h);
	for (unsigned i = 0; i < h->count; i++)
		hold_release(&h->thread[i]);
	free(h->thread);
	free(h->slot);
	*h = (struct hold){0};
}

static unsigned place(const struct hold *h, pid_t tid)
{
	unsigned i = (unsigned)tid * 2654435761u & (h->slots - 1);

	while (h->slot[i] && h->thread[h->slot[i] - 1].tid != tid)
		i = (i + 1) & (h->slots - 1);
	return i;
}

static bool knows(const struct hold *h, pid_t tid)
{
	return h->slots && h->slot[place(h, tid)];
}

static void index_all(struct hold *h)
{
	for (unsigned i = 0; i < h->count; i++)
		h->slot[place(h, h->thread[i].tid)] = i + 1;
}

static int grow(struct hold *h)
{
	unsigned cap = h->cap ? 2 * h->cap : 256;
	struct hold_thread *more = realloc(h->thread, cap * sizeof(*more));
	uint32_t *slot = calloc(2 * cap, sizeof(*slot));

	if (more)
		h->thread = more;
	if (!more || !slot) {
		free(slot);
		return -ENOMEM;
	}
	free(h->slot);
	h->slot = slot;
	h->slots = 2 * cap;
	h->cap = cap;
	index_all(h);
	return 0;
}

void hold_sort(struct hold *h, int (*order)(const void *a, const void *b))
{
	if (!h->count)
		return;
	qsort(h->thread, h->count, sizeof(*h->thread), order);
	memset(h->slot, 0, h->slots * sizeof(*h->slot));
	index_all(h);
}

struct asking {
	struct hold *h;
	uint32_t proc;
	int task;
	bool sure; /* whether it is in execve is known */
	bool in_exec;
	int found;
};

static void ask(struct hold *h, struct hold_thread *t)
{
	if (ptrace(PTRACE_SEIZE, t->tid, NULL, NULL) < 0) {
		t->error = errno;
		return;
	}
	t->state = HOLD_ASKED;
	h->asked++;
	/* it may have ended meanwhile: then it is reported as gone */
	(void)ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL);
}

/* A thread that waits inside execve(2), which may be for ever (a program on FUSE): whoever would
 * trace its process waits for the end of it, and cannot be woken. */
static int is_in_exec(pid_t tid, void *arg)
{
	int task = *(int *)arg;
	char name[32], text[32];
	own_fd int fd = -1;
	ssize_t n;
	long call;

	snprintf(name, sizeof(name), "%d/syscall", (int)tid);
	fd = openat(task, name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : io_read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	call = text[0] >= '0' && text[0] <= '9' ? strtol(text, NULL, 10) : -1;
	return call == SYS_execve || call == SYS_execveat;
}

static int ask_one(pid_t tid, void *arg)
{
	struct asking *a = arg;
	struct hold *h = a->h;

	tick(h->beat);
	if (knows(h, tid))
		return 0;
	if (h->count == HOLD_MAX)
		return -ENOSPC;
	if (h->count == h->cap && grow(h) < 0)
		return -ENOMEM;
	h->thread[h->count] = (struct hold_thread){.tid = tid, .proc = a->proc};
	h->slot[place(h, tid)] = h->count + 1;
	if (!a->sure)
		a->in_exec = procfs_each_number(a->task, is_in_exec, &a->task, NULL) == 1;
	a->sure = true;
	if (a->in_exec)
		h->thread[h->count].error = EBUSY;
	else
		ask(h, &h->thread[h->count]);
	h->count++;
	a->found++;
	return 0;
}

int hold_process(struct hold *h, int pid_fd, uint32_t proc, bool frozen, struct err *e)
{
	own_fd int task = openat(pid_fd, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct asking a = {.h = h, .proc = proc, .task = task, .sure = frozen};
	int rc;

	if (task < 0)
		return err_errno(e, "open task");
	rc = procfs_each_number(task, ask_one, &a, e);
	if (rc == -ENOMEM || rc == -ENOSPC)
		return err_set(e, -rc, "no room for a thread");
	return rc < 0 ? rc : a.found;
}

/* What the kernel tells of a thread. */
static void take(struct hold *h, struct hold_thread *t, int status)
{
	h->asked--;
	t->state = WIFSTOPPED(status) ? HOLD_STOPPED : HOLD_GONE;
	/* at the point of taking a signal, which it must not lose */
	if (WIFSTOPPED(status) && status >> 16 == 0)
		t->signal = (uint8_t)WSTOPSIG(status);
}

/* Not longer than this, should the announcements not come (an ignored SIGCHLD is not sent). */
static long nap(uint64_t ns)
{
	return ns < 2000000 ? (long)ns : 2000000;
}

/* Those that have stopped: are there any? Asked one by one: the kernel looks through all of them
 * for "any". */
static bool take_all(struct hold *h)
{
	const unsigned before = h->asked;

	tick(h->beat);
	for (unsigned i = 0; h->asked && i < h->count; i++) {
		struct hold_thread *t = &h->thread[i];
		int status;

		if (t->state != HOLD_ASKED)
			continue;
		if (waitpid(t->tid, &status, __WALL | WNOHANG) == t->tid)
			take(h, t, status);
	}
	return h->asked < before;
}

bool hold_wait_some(struct hold *h, uint64_t until)
{
	sigset_t child;
	siginfo_t info;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		uint64_t now = tick_now();

		if (take_all(h))
			return true;
		if (!h->asked || now >= until)
			return false;
		(void)sigtimedwait(&child, &info, &(struct timespec){0, nap(until - now)});
	}
}

void hold_wait(struct hold *h, uint64_t until)
{
	while (hold_wait_some(h, until))
		;
}

void hold_release(struct hold_thread *t)
{
	if (t->state != HOLD_STOPPED)
		return;
	(void)ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(uintptr_t)t->signal); /* NOLINT */
	t->state = HOLD_FREE;
}

void hold_sweep(struct hold *h)
{
	if (!h->asked || !take_all(h))
		return;
	for (unsigned i = 0; i < h->count; i++)
		hold_release(&h->thread[i]);
}
