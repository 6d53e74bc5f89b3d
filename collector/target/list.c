/* SPDX-License-Identifier: Apache-2.0 */
/* list - the containers of a node. */
#include "resolve.h"
#include "node.h"
#include "own.h"
#include "procfs.h"
#include "record.h"
#include "runtime.h"
#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	const struct target_host *host;
	bool running; /* which half this pass is about */
	int (*each)(const struct resolve_row *row, void *arg);
	void *arg;
	struct resolve_row *row;
};

/* The state's process, as long as it is still the one it means. */
static bool is_alive(const struct target_host *host, const struct container *c)
{
	own_fd int fd = c->pid > 0 ? procfs_open_pid(host->proc_fd, c->pid, NULL) : -1;
	struct procfs_stat st;

	return fd >= 0 && procfs_read_stat(fd, &st, NULL) == 0 &&
	       (!c->start_ticks || st.start_ticks == c->start_ticks);
}

static int list_one(const struct container *c, void *arg)
{
	struct listing *l = arg;
	struct resolve_row *row = l->row;
	bool alive = is_alive(l->host, c);

	if (alive != l->running)
		return 0;
	memset(row, 0, sizeof(*row));
	(void)RECORD_TEXT(row->id, c->ref.id);
	(void)RECORD_TEXT(row->name, c->name);
	(void)RECORD_TEXT(row->image, c->image);
	(void)RECORD_TEXT(row->runtime_namespace, c->ref.runtime_namespace);
	(void)RECORD_TEXT(row->state_text, c->running && !alive ? "dead" : c->state_text);
	if (c->pod_name[0])
		snprintf(row->pod, sizeof(row->pod), "%s/%s", c->pod_namespace, c->pod_name);
	row->runtime = c->kind;
	row->pid = alive ? c->pid : 0;
	return l->each(row, l->arg);
}

int resolve_list(const struct target_host *host, bool with_size,
	int (*each)(const struct resolve_row *row, void *arg), void *arg, struct err *e)
{
	own_free struct resolve_row *row = malloc(sizeof(*row));
	struct listing l = {host, true, each, arg, row};
	own_free struct node *node = malloc(sizeof(*node));
	int rc = row && node ? node_scan(host, node, e) : err_set(e, ENOMEM, "no memory");

	(void)with_size;
	for (int pass = 0; pass < 2 && !rc; pass++) {
		l.running = pass == 0;
		rc = select_each(node, list_one, &l, e);
	}
	return rc;
}
