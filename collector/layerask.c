/* SPDX-License-Identifier: Apache-2.0 */
/* layerask - where an ended container wrote to, when its files do not say it. */
#include "layerask.h"
#include "conductor.h"
#include "cri.h"
#include "criids.h"
#include "criinfo.h"
#include "crisocket.h"
#include "io.h"
#include "now.h"
#include "own.h"
#include "prepare.h"
#include "run.h"
#include "sink.h"
#include "wire.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SECOND 1000000000ULL

enum { CALL_S = 2, PATIENCE_S = 4, WORKER_MEMORY = 64 << 20 };

/* Shared with the worker. */
struct answer {
	char upper[TARGET_PATH];
	struct err err;
	int rc;
};

struct question {
	int sock;
	const char *id;
	struct answer *answer;
};

static int on_mount(void *arg, const struct cri_snapshot_mount *m, struct err *e)
{
	struct answer *a = arg;
	struct protobuf_text t;

	if (!cri_upper(m, &t))
		return 0;
	if (t.n >= sizeof(a->upper))
		return err_set(e, ENAMETOOLONG, "a path of %zu bytes", t.n);
	snprintf(a->upper, sizeof(a->upper), "%.*s", (int)t.n, t.p);
	return 0;
}

static int ask(const struct question *q, struct cri *cri, struct err *e)
{
	struct cri_container c = {0};
	struct criinfo info;
	int rc = cri_container_status(cri, q->id, &c, e);

	if (rc < 0)
		return rc;
	if (!criids_is(c.id, q->id))
		return err_set(e, EPROTO, "it answers for another container");
	criinfo_read(c.info, &info);
	const struct cri_snapshot s = {"k8s.io", info.snapshotter, info.key};

	return cri_snapshot_mounts(cri, &s, on_mount, q->answer, e);
}

static int ask_main(void *arg)
{
	const struct question *q = arg;
	struct answer *a = q->answer;
	struct cri *cri = NULL;

	a->rc = cri_open(q->sock, CALL_S * SECOND, &cri, &a->err);
	if (a->rc == 0)
		a->rc = ask(q, cri, &a->err);
	cri_close(cri);
	return 0;
}

static int ask_in_worker(const struct question *q, struct err *e)
{
	const struct worker_spec spec = {
		.name = "taphos-layer",
		.main = ask_main,
		.arg = (void *)q,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = &q->sock,
		.keeps = 1,
		.memory = WORKER_MEMORY,
	};
	struct answer *a = q->answer;
	int rc = worker_pipe(&spec, now_ns() + PATIENCE_S * SECOND, NULL, NULL, e);

	a->upper[sizeof(a->upper) - 1] = '\0';
	a->err.text[sizeof(a->err.text) - 1] = '\0';
	if (rc > 0)
		return err_set(e, EIO, "%s: exit %d", spec.name, rc);
	return rc < 0 || a->rc >= 0 ? rc : err_set(e, EIO, "%s", a->err.text);
}

static int open_layer(const struct run *r, const char *path, struct err *e)
{
	if (path[0] != '/' || !strstr(path, "/io.containerd.snapshotter.v1.") ||
		strstr(path, "/.."))
		return err_set(e, EPROTO, "no snapshot of containerd's: '%.200s'", path);
	return io_open_in(r->host.at.root_fd, path + 1, O_PATH | O_DIRECTORY, e);
}

static int find(struct run *r, struct answer *a, struct err *e)
{
	struct dump_daemon daemon = {.fd = -1};
	int rc = crisocket_open(r, &daemon, e);
	own_fd int sock = rc < 0 ? -1 : daemon.fd;
	const struct question q = {sock, r->target->id, a};

	if (rc == 0 && daemon.uid)
		rc = err_set(e, EPERM, "user %u listens at /%s, not root", (unsigned)daemon.uid,
			daemon.path);
	if (rc == 0)
		rc = ask_in_worker(&q, e);
	return rc < 0 ? rc : open_layer(r, a->upper, e);
}

static int take(struct run *r, const char *path, int fd, struct err *e)
{
	struct target *t = r->target;
	struct wire_msg m = {.type = WIRE_FINDING, .kind = WIRE_ENGINE};
	char text[TARGET_TEXT];

	t->fd[TFD_UPPER] = fd;
	t->rootfs = ROOTFS_OVERLAY;
	t->lowers_complete = false;
	snprintf(t->upper_path, sizeof(t->upper_path), "%s", path);
	snprintf(t->rootfs_note, sizeof(t->rootfs_note),
		"the layer is known from the runtime's daemon alone; lower layers are not");
	prepare_upper(t);
	snprintf(text, sizeof(text),
		"%.64s: that %.800s is its writable layer is its daemon's word alone", t->id, path);
	wire_puts(&m, 0, text);
	return conductor_tell(r, &m, -1, e);
}

static bool is_wanted(const struct run *r)
{
	const struct target *t = r->target;

	return !t->running && t->fd[TFD_UPPER] < 0 && t->fd[TFD_ROOT] < 0 && !r->rq->no_cri &&
	       !r->interrupted && t->runtime == RUNTIME_CONTAINERD &&
	       !strcmp(t->runtime_namespace, "k8s.io");
}

int layerask(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	struct answer *a;
	int fd, rc;

	if (!is_wanted(r))
		return 0;
	a = mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (a == MAP_FAILED)
		return err_errno(e, "ask for a layer");
	fd = r->daemon_lost ? err_set(&why, EIO, "the daemon did not answer before")
			    : find(r, a, &why);
	r->daemon_lost |= fd < 0;
	rc = fd < 0 ? conductor_gap(r, WIRE_ENGINE, GAP_UNREADABLE,
			      "its writable layer, by the runtime's daemon", why.text, e)
		    : take(r, a->upper, fd, e);
	(void)munmap(a, sizeof(*a));
	return rc;
}
