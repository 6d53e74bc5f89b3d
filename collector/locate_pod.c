/* SPDX-License-Identifier: Apache-2.0 */
/* locate_pod - a pod, found by a worker. */
#include "locate.h"
#include "buf.h"
#include "dumper.h"
#include "own.h"
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { CANDIDATES = 64 * 1024, WORKER_MEMORY = 96 << 20 };

/* Shared with the worker. */
struct asking {
	const struct target_host *host;
	const struct target_selector *sel;
	const char *container;
	struct pod pod;
	struct err err;
	int rc;
	size_t candidates_len;
	char candidates[CANDIDATES];
};

static int find_main(void *arg)
{
	struct asking *a = arg;
	struct buf candidates = BUF_INIT(CANDIDATES - 1);

	a->rc = pod_find(a->host, a->sel, a->container, &a->pod, &candidates, &a->err);
	a->candidates_len = candidates.len;
	if (candidates.len)
		memcpy(a->candidates, candidates.data, candidates.len);
	return 0;
}

static int ask(struct asking *a, uint64_t deadline_ns, struct err *e)
{
	const int keep[] = {a->host->root_fd, a->host->proc_fd};
	struct worker_spec spec = {
		.name = "taphos-pod",
		.main = find_main,
		.arg = a,
		.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 2,
		.memory = WORKER_MEMORY,
	};
	int rc = worker_pipe(&spec, deadline_ns, NULL, NULL, e);

	return rc > 0 ? err_set(e, EIO, "finding the pod: the worker ended badly") : rc;
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

/* The worker read hostile text. */
static int take_answer(struct asking *a, struct pod *ret, struct buf *candidates, struct err *e)
{
	if (candidates && a->candidates_len < CANDIDATES)
		(void)buf_add(candidates, a->candidates, a->candidates_len);
	if (a->rc < 0) {
		TERMINATE(a->err.text);
		return err_set(e, -a->rc, "%s", a->err.text);
	}
	locate_take(&ret->whole, &a->pod.whole);
	ret->containers = a->pod.containers < POD_CONTAINERS ? a->pod.containers : POD_CONTAINERS;
	for (unsigned i = 0; i < ret->containers; i++) {
		ret->container[i] = a->pod.container[i];
		TERMINATE(ret->container[i].id);
		TERMINATE(ret->container[i].name);
	}
	return 0;
}

int locate_pod(const struct locate_pod_query *q, uint64_t deadline_ns, struct pod *ret,
	struct buf *candidates, struct err *e)
{
	struct asking *a =
		mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (a == MAP_FAILED)
		return err_set(e, ENOMEM, "no memory");
	a->host = q->host;
	a->sel = q->sel;
	a->container = q->container;
	a->rc = -ECHILD;
	rc = ask(a, deadline_ns, e);
	if (rc == 0)
		rc = take_answer(a, ret, candidates, e);
	(void)munmap(a, sizeof(*a));
	return rc;
}
