/* SPDX-License-Identifier: Apache-2.0 */
/* locate - the target, found by a worker, and its mounts. */
#include "locate.h"
#include "buf.h"
#include "dumper.h"
#include "now.h"
#include "ns.h"
#include "own.h"
#include "resolve.h"
#include "wire.h"
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { CANDIDATES = 64 * 1024, WORKER_MEMORY = 96 << 20 };

/* What the resolving worker fills: shared memory. */
struct answer {
	struct target target;
	struct err err;
	int rc;
	size_t candidates_len;
	char candidates[CANDIDATES];
};

struct question {
	const struct target_host *host;
	const struct target_selector *sel;
	int sock;
	struct answer *answer;
};

static int send_fds(const struct target *t, int sock, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < TARGET_FDS; i++) {
		struct wire_msg m = {.type = WIRE_FD, .kind = i};

		if (t->fd[i] >= 0)
			rc = wire_send(sock, &m, t->fd[i], e);
	}
	return rc;
}

static int resolve_main(void *arg)
{
	struct question *q = arg;
	struct answer *a = q->answer;
	struct buf candidates = BUF_INIT(CANDIDATES - 1);

	for (unsigned i = 0; i < TARGET_FDS; i++)
		a->target.fd[i] = -1;
	a->rc = resolve_target(q->host, q->sel, &a->target, &candidates, &a->err);
	a->candidates_len = candidates.len;
	if (candidates.len)
		memcpy(a->candidates, candidates.data, candidates.len);
	if (a->rc == 0)
		a->rc = send_fds(&a->target, q->sock, &a->err);
	return 0;
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')
#define CLAMP(count, max)                    \
	do {                                 \
		if ((count) > (max)) {       \
			(count) = (max);     \
			t->truncated = true; \
		}                            \
	} while (0)

/* The worker read hostile text: every string must end, every count must fit. */
static void make_safe(struct target *t)
{
	char *strings[] = {t->id, t->name, t->runtime_namespace, t->pod_namespace, t->pod_name,
		t->pod_container, t->sandbox_id};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		strings[i][TARGET_ID - 1] = '\0';
	TERMINATE(t->oci_runtime);
	TERMINATE(t->image);
	TERMINATE(t->image_digest);
	TERMINATE(t->state_text);
	TERMINATE(t->pod_uid);
	TERMINATE(t->cgroup_v2);
	TERMINATE(t->cgroup_v1);
	TERMINATE(t->rootfs_note);
	TERMINATE(t->upper_path);
	CLAMP(t->lowers, TARGET_LOWERS);
	if (t->runtime >= RUNTIME_KINDS)
		t->runtime = RUNTIME_NONE;
	if (t->rootfs >= ROOTFS_KINDS)
		t->rootfs = ROOTFS_UNKNOWN;
	for (unsigned i = 0; i < t->mounts; i++) {
		if (t->mount[i].kind >= MOUNT_KINDS)
			t->mount[i].kind = MOUNT_FOREIGN; /* never touched */
		TERMINATE(t->mount[i].type);
		TERMINATE(t->mount[i].point);
		TERMINATE(t->mount[i].source);
		t->mount[i].elsewhere[0] = '\0'; /* ours to say */
	}
	for (unsigned i = 0; i < t->logs; i++) {
		TERMINATE(t->log[i].label);
		TERMINATE(t->log[i].path);
	}
	for (unsigned i = 0; i < t->states; i++) {
		TERMINATE(t->state[i].label);
		TERMINATE(t->state[i].path);
	}
	for (unsigned i = 0; i < t->findings; i++)
		TERMINATE(t->finding[i]);
}

#define COPY_TABLE(count, max, table)                                               \
	do {                                                                        \
		to->count = from->count;                                            \
		CLAMP(to->count, max);                                              \
		memcpy(to->table, from->table, to->count * sizeof(from->table[0])); \
	} while (0)

/* The tables are large and mostly empty: what is not used stays untouched, or a pod of many
 * containers would need much memory. */
void locate_take(struct target *to, const struct target *from)
{
	struct target *t = to;

	memcpy(to, from, offsetof(struct target, mounts));
	to->truncated = from->truncated;
	COPY_TABLE(mounts, TARGET_MOUNTS, mount);
	COPY_TABLE(logs, TARGET_LOGS, log);
	COPY_TABLE(states, TARGET_STATES, state);
	COPY_TABLE(findings, TARGET_FINDINGS, finding);
	COPY_TABLE(members, TARGET_MEMBERS, member);
	make_safe(to);
}

/* Until the worker closes its end; a late one is killed. */
static int receive_fds(int sock, struct target *t, uint64_t deadline_ns, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		uint64_t now = now_ns();
		struct wire_msg m;
		own_fd int fd = -1;
		int rc;

		if (now >= deadline_ns)
			return err_set(e, ETIMEDOUT, "finding the target: no answer in time");
		(void)poll(&p, 1, (int)((deadline_ns - now) / 1000000) + 1);
		rc = wire_recv(sock, &m, &fd, false, e);
		if (rc == -EAGAIN)
			continue;
		if (rc <= 0)
			return rc;
		if (m.type == WIRE_FD && m.kind < TARGET_FDS && t->fd[m.kind] < 0)
			t->fd[m.kind] = take_fd(&fd);
	}
}

static int take_answer(struct answer *a, struct target *t, struct buf *candidates, struct err *e)
{
	if (candidates && a->candidates_len < CANDIDATES)
		(void)buf_add(candidates, a->candidates, a->candidates_len);
	if (a->rc < 0) {
		a->err.text[sizeof(a->err.text) - 1] = '\0';
		return err_set(e, -a->rc, "%s", a->err.text);
	}
	locate_take(t, &a->target);
	return 0;
}

static int ask(
	struct question *q, int sock[2], uint64_t deadline_ns, struct target *t, struct err *e)
{
	const int keep[] = {q->host->root_fd, q->host->proc_fd, sock[1]};
	struct worker_spec spec = {
		.name = "taphos-resolve",
		.main = resolve_main,
		.arg = q,
		.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 3,
		.memory = WORKER_MEMORY,
	};
	struct worker w;
	char how[96];
	int rc = worker_start(&spec, &w, e);

	own_fd_(&sock[1]);
	sock[1] = -1;
	if (rc < 0)
		return rc;
	rc = receive_fds(sock[0], t, deadline_ns, e);
	for (int i = 0; rc == 0 && i < 100 && !worker_ended(&w); i++)
		(void)poll(NULL, 0, 1);
	(void)worker_kill(&w);
	if (rc == 0 && (!w.ended || w.status != 0)) {
		worker_describe(&w, how, sizeof(how));
		return err_set(e, EIO, "finding the target: the worker ended badly: %s", how);
	}
	return rc;
}

int locate_target(const struct target_host *host, const struct target_selector *sel,
	uint64_t deadline_ns, struct target **ret, struct buf *candidates, struct err *e)
{
	struct question q = {.host = host, .sel = sel};
	struct target *t = calloc(1, sizeof(*t));
	int sock[2] = {-1, -1}, rc;

	q.answer = mmap(
		NULL, sizeof(*q.answer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!t || q.answer == MAP_FAILED) {
		free(t);
		return err_set(e, ENOMEM, "no memory");
	}
	for (unsigned i = 0; i < TARGET_FDS; i++)
		t->fd[i] = -1;
	q.answer->rc = -ECHILD;
	rc = wire_pair(sock, e);
	q.sock = sock[1];
	if (rc == 0)
		rc = ask(&q, sock, deadline_ns, t, e);
	if (rc == 0)
		rc = take_answer(q.answer, t, candidates, e);
	own_fd_(&sock[0]);
	own_fd_(&sock[1]);
	(void)munmap(q.answer, sizeof(*q.answer));
	if (rc < 0) {
		locate_free(t);
		return rc;
	}
	*ret = t;
	return 0;
}

void locate_free(struct target *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < TARGET_FDS; i++)
		own_fd_(&t->fd[i]);
	free(t);
}

struct cloning {
	const struct target *target;
	int sock;
};

static int clone_main(void *arg)
{
	struct cloning *c = arg;

	return ns_send_mounts(c->target, c->sock, NULL) < 0;
}

int locate_mounts(
	const struct target *t, uint64_t deadline_ns, int **ret, int *ret_root, struct err *e)
{
	int *fds = calloc(t->mounts + 1, sizeof(int));
	int sock[2] = {-1, -1};
	struct cloning c = {.target = t};
	int keep[2] = {-1, t->fd[TFD_ROOT]};
	struct worker_spec spec = {
		.name = "taphos-mounts",
		.main = clone_main,
		.arg = &c,
		.caps = DUMPER_CAP(CAP_SYS_ADMIN) | DUMPER_CAP(CAP_SYS_CHROOT),
		.filter = FILTER_MOUNTS,
		.netns_fd = -1,
		.mntns_fd = t->fd[TFD_MNTNS],
	};
	struct worker w;
	int rc;

	if (!fds)
		return err_set(e, ENOMEM, "no memory");
	for (unsigned i = 0; i < t->mounts; i++)
		fds[i] = -1;
	*ret = fds;
	rc = wire_pair(sock, e);
	if (rc < 0)
		return rc;
	c.sock = keep[0] = sock[1];
	spec.keep = keep;
	spec.keeps = 2;
	rc = worker_start(&spec, &w, e);
	own_fd_(&sock[1]);
	if (rc == 0) {
		rc = ns_receive_mounts(t, sock[0], deadline_ns, fds, ret_root, e);
		for (int i = 0; rc == 0 && i < 100 && !worker_ended(&w); i++)
			(void)poll(NULL, 0, 1);
		(void)worker_kill(&w);
		if (rc == 0 && w.status != 0)
			rc = err_set(e, EPERM, "the mounts could not be cloned (Linux 5.12 can)");
	}
	own_fd_(&sock[0]);
	return rc;
}
