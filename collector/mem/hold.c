/* SPDX-License-Identifier: Apache-2.0 */
/* hold - threads that are stopped by ptrace, and let go again. */
#include "hold.h"

#include "own.h"
#include "procfs.h"
#include "tick.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

int hold_init(struct hold *h, struct err *e)
{
	sigset_t child;

	*h = (struct hold){0};
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

static struct hold_thread *find(const struct hold *h, pid_t tid)
{
	uint32_t at = h->slots ? h->slot[place(h, tid)] : 0;

	return at ? &h->thread[at - 1] : NULL;
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

static int ask_one(pid_t tid, void *arg)
{
	struct asking *a = arg;
	struct hold *h = a->h;

	if (find(h, tid))
		return 0;
	if (h->count == HOLD_MAX) {
		h->full = true;
		return 1;
	}
	if (h->count == h->cap && grow(h) < 0)
		return -ENOMEM;
	h->thread[h->count] = (struct hold_thread){.tid = tid, .proc = a->proc};
	h->slot[place(h, tid)] = h->count + 1;
	ask(h, &h->thread[h->count++]);
	a->found++;
	return 0;
}

int hold_process(struct hold *h, int pid_fd, uint32_t proc, struct err *e)
{
	struct asking a = {h, proc, 0};
	own_fd int task = openat(pid_fd, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (task < 0)
		return err_errno(e, "open task");
	rc = procfs_each_number(task, ask_one, &a, e);
	if (rc == -ENOMEM)
		return err_set(e, ENOMEM, "no memory");
	return rc < 0 ? rc : a.found;
}

/* What the kernel tells of a thread. */
static struct hold_thread *take(struct hold *h, pid_t tid, int status)
{
	struct hold_thread *t = find(h, tid);

	if (!t || t->state != HOLD_ASKED)
		return NULL;
	h->asked--;
	t->state = WIFSTOPPED(status) ? HOLD_STOPPED : HOLD_GONE;
	/* at the point of taking a signal, which it must not lose */
	if (WIFSTOPPED(status) && status >> 16 == 0)
		t->signal = (uint8_t)WSTOPSIG(status);
	return t;
}

static long nap(uint64_t ns)
{
	return ns < 999999999 ? (long)ns : 999999999;
}

void hold_wait(struct hold *h, uint64_t until)
{
	sigset_t child;
	siginfo_t info;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (h->asked) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
		uint64_t now;

		if (tid > 0) {
			(void)take(h, tid, status);
			continue;
		}
		now = tick_now();
		if (now >= until)
			return;
		(void)sigtimedwait(&child, &info, &(struct timespec){0, nap(until - now)});
	}
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
	int status;
	pid_t tid;

	while (h->asked && (tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct hold_thread *t = take(h, tid, status);

		if (t)
			hold_release(t);
	}
}
