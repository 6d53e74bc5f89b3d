/* SPDX-License-Identifier: Apache-2.0 */
/* resolve_list - the containers of a node. */
#include "resolve.h"
#include "attach.h"
#include "layersize.h"
#include "node.h"
#include "own.h"
#include "record.h"
#include "rootfs.h"
#include "runtime.h"
#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE_ENTRIES = 100000 }; /* names looked at in all layers together */

struct listing {
	const struct target_host *host;
	bool running; /* which half this pass is about */
	int (*each)(const struct resolve_row *row, void *arg);
	void *arg;
	struct resolve_row *row;
	struct target *scratch; /* NULL: sizes are not wanted */
	unsigned budget;
};

/* Finds the layer as a collection would, and lets go of it. */
static void measure(struct listing *l, const struct container *c)
{
	struct layersize size = {.budget = l->budget};
	struct target *t = l->scratch;

	memset(t, 0, sizeof(*t));
	attach_reset(t);
	t->running =
		l->row->pid && attach_process(l->host, t, l->row->pid, c->start_ticks, NULL) == 0;
	if (rootfs_resolve(l->host, c, t, NULL) == 0 && t->fd[TFD_UPPER] >= 0) {
		layersize_add(t->fd[TFD_UPPER], &size);
		l->row->layer_known = true;
		l->row->layer_bytes = size.bytes;
		l->row->layer_truncated = size.truncated;
		l->budget = size.budget;
	}
	attach_close(t);
}

static int list_one(const struct container *c, void *arg)
{
	struct listing *l = arg;
	struct resolve_row *row = l->row;
	bool alive = select_is_alive(l->host, c);

	if (alive != l->running)
		return 0;
	memset(row, 0, sizeof(*row));
	(void)RECORD_TEXT(row->id, c->ref.id);
	(void)RECORD_TEXT(row->name, c->name);
	(void)RECORD_TEXT(row->image, c->image);
	(void)RECORD_TEXT(row->runtime_namespace, c->ref.runtime_namespace);
	(void)RECORD_TEXT(row->state_text, select_state(l->host, c));
	if (c->pod_name[0])
		snprintf(row->pod, sizeof(row->pod), "%s/%s", c->pod_namespace, c->pod_name);
	(void)RECORD_TEXT(row->pod_uid, c->pod_uid);
	row->sandbox = runtime_is_sandbox(c);
	row->runtime = c->kind;
	row->pid = alive ? c->pid : 0;
	if (l->scratch)
		measure(l, c);
	return l->each(row, l->arg);
}

int resolve_list(const struct target_host *host, bool with_size,
	int (*each)(const struct resolve_row *row, void *arg), void *arg, struct err *e)
{
	own_free struct resolve_row *row = malloc(sizeof(*row));
	own_free struct node *node = malloc(sizeof(*node));
	own_free struct target *scratch = with_size ? malloc(sizeof(*scratch)) : NULL;
	struct listing l = {host, true, each, arg, row, scratch, SIZE_ENTRIES};
	int rc = row && node && (scratch || !with_size) ? node_scan(host, node, e)
							: err_set(e, ENOMEM, "no memory");

	for (int pass = 0; pass < 2 && !rc; pass++) {
		l.running = pass == 0;
		rc = select_each(node, list_one, &l, e);
	}
	return rc;
}
