/* SPDX-License-Identifier: Apache-2.0 */
/* inventory - the containers of a node, listed by a worker. */
#include "inventory.h"
#include "dumper.h"
#include "io.h"
#include "jsonw.h"
#include "now.h"
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 30, WORKER_MEMORY = 64 << 20, EXIT_ERROR = 1, EXIT_GONE = 2 };

/* What the worker sends: rows, then this once. All of one size, so that a stream of any pieces
 * can be cut. */
union message {
	struct resolve_row row;
	struct {
		int rc;
		struct err err;
	} end;
};

static int send_row(const struct resolve_row *row, void *arg)
{
	union message m = {.row = *row};

	(void)arg;
	return io_write(STDOUT_FILENO, &m, sizeof(m));
}

static int list_main(void *arg)
{
	union message m = {0};
	struct err e = ERR_INIT;
	int rc = resolve_list(arg, true, send_row, NULL, &e);

	if (rc == 0)
		return 0;
	m.end.rc = rc;
	m.end.err = e;
	return io_write(STDOUT_FILENO, &m, sizeof(m)) < 0 ? EXIT_GONE : EXIT_ERROR;
}

static int take(const void *p, size_t n, void *arg)
{
	struct inventory *all = arg;

	return buf_add(&all->data, p, n);
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

/* The worker read hostile text: every string must end, every number be in range. */
static void make_safe(struct resolve_row *r)
{
	TERMINATE(r->id);
	TERMINATE(r->name);
	TERMINATE(r->image);
	TERMINATE(r->pod);
	TERMINATE(r->pod_uid);
	TERMINATE(r->runtime_namespace);
	TERMINATE(r->state_text);
	if ((unsigned)r->runtime >= RUNTIME_KINDS)
		r->runtime = RUNTIME_NONE;
}

/* The last message is the worker's error. */
static int take_error(struct inventory *all, struct err *e)
{
	union message m;

	if (!all->rows)
		return err_set(e, EIO, "listing the containers failed");
	memcpy(&m, all->data.data + --all->rows * sizeof(m), sizeof(m));
	TERMINATE(m.end.err.text);
	if (m.end.rc >= 0 || m.end.rc < -4095)
		m.end.rc = -EIO;
	return err_set(e, -m.end.rc, "%s", m.end.err.text);
}

int inventory_take(const struct target_host *host, struct inventory *all, struct err *e)
{
	const int keep[] = {host->root_fd, host->proc_fd};
	const struct worker_spec spec = {
		.name = "taphos-list",
		.main = list_main,
		.arg = (void *)host,
		.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 2,
		.memory = WORKER_MEMORY,
	};
	int rc = worker_pipe(&spec, now_ns() + PATIENCE_S * 1000000000ULL, take, all, e);

	all->rows = all->data.len / sizeof(union message);
	if (rc > 0)
		rc = take_error(all, e);
	else if (rc == -ENOSPC)
		rc = err_set(e, ENOSPC, "more containers than can be shown: the list is cut");
	else if (rc == -ETIMEDOUT)
		rc = err_set(e, ETIMEDOUT, "no answer in %d s: the list may lack containers",
			PATIENCE_S);
	for (size_t i = 0; i < all->rows; i++)
		make_safe((void *)(all->data.data + i * sizeof(union message)));
	return rc;
}

const struct resolve_row *inventory_row(const struct inventory *all, size_t i)
{
	return (const void *)(all->data.data + i * sizeof(union message));
}

static void json_row(struct buf *out, const struct resolve_row *r)
{
	struct jsonw w = JSONW(out);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "id", r->id);
	jsonw_str(&w, "name", r->name);
	jsonw_str(&w, "runtime", target_runtime_names[r->runtime]);
	jsonw_str(&w, "namespace", r->runtime_namespace);
	jsonw_str(&w, "state", r->state_text);
	jsonw_i64(&w, "pid", r->pid);
	jsonw_str(&w, "pod", r->pod);
	jsonw_str(&w, "pod_uid", r->pod_uid);
	jsonw_bool(&w, "sandbox", r->sandbox);
	jsonw_str(&w, "image", r->image);
	if (r->layer_known)
		jsonw_u64(&w, "layer_bytes", r->layer_bytes);
	else
		jsonw_null(&w, "layer_bytes");
	jsonw_bool(&w, "layer_truncated", r->layer_truncated);
	jsonw_close(&w);
}

void inventory_json(const struct inventory *all, struct buf *out)
{
	buf_adds(out, "[");
	for (size_t i = 0; i < all->rows; i++) {
		buf_adds(out, i ? ",\n" : "\n");
		json_row(out, inventory_row(all, i));
	}
	buf_adds(out, all->rows ? "\n]\n" : "]\n");
}
