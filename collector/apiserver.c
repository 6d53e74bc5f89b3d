/* SPDX-License-Identifier: Apache-2.0 */
/* apiserver - which API server is asked, and as whom. */
#include "apiserver.h"
#include "dumper.h"
#include "kubeconfig.h"
#include "kubepass.h"
#include "now.h"
#include "own.h"
#include "run.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PATIENCE_S = 3, WORKER_MEMORY = 64 << 20 };

struct question {
	const char *path; /* NULL: the service account's */
	int root_fd, pass_fd;
};

static const char *service(const char *what)
{
	const char *v = getenv(what);

	return v && *v ? v : NULL;
}

const char *apiserver_obstacle(const struct run *r)
{
	if (r->rq->no_api)
		return "--no-api";
	if (!r->target->pod_name[0] || !r->target->pod_namespace[0])
		return "the container belongs to no pod";
	if (!r->rq->kubeconfig && !service("KUBERNETES_SERVICE_HOST"))
		return "no API server is known: --kubeconfig names one, a pod has its own";
	return NULL;
}

static int load(const struct question *q, struct kubeconfig **ret, struct err *e)
{
	if (q->path)
		return kubeconfig_load(q->root_fd, q->path, NULL, ret, e);
	return kubeconfig_in_cluster(q->root_fd, service("KUBERNETES_SERVICE_HOST"),
		service("KUBERNETES_SERVICE_PORT"), NULL, ret, e);
}

static int load_main(void *arg)
{
	const struct question *q = arg;
	own_kubeconfig struct kubeconfig *config = NULL;
	struct err why = ERR_INIT;
	int rc = load(q, &config, &why);

	return kubepass_write(q->pass_fd, rc < 0 ? NULL : config, &why, NULL) < 0;
}

/* It is opened below our own root, where names begin with a '/'. */
static int absolute(const char *path, char ret[PATH_MAX], struct err *e)
{
	char here[PATH_MAX] = "";
	int n;

	if (path[0] != '/' && !getcwd(here, sizeof(here)))
		return err_errno(e, "the current folder");
	n = snprintf(ret, PATH_MAX, "%s%s%s", here, path[0] != '/' ? "/" : "", path);
	return n > 0 && n < PATH_MAX ? 0 : err_set(e, ENAMETOOLONG, "--kubeconfig: too long");
}

static int ask(struct question *q, struct err *e)
{
	const int keep[] = {q->root_fd, q->pass_fd};
	const struct worker_spec spec = {
		.name = "taphos-kubeconf",
		.main = load_main,
		.arg = q,
		.caps = DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 2,
		.memory = WORKER_MEMORY,
	};
	int rc = worker_pipe(&spec, now_ns() + PATIENCE_S * 1000000000ULL, NULL, NULL, e);

	return rc > 0 ? err_set(e, EIO, "read the kubeconfig: exit %d", rc) : rc;
}

int apiserver_open(const struct run *r, struct err *e)
{
	own_fd int pass = memfd_create("kubeconfig", MFD_CLOEXEC);
	own_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct question q = {.root_fd = root, .pass_fd = pass};
	char path[PATH_MAX];
	int rc = 0;

	if (pass < 0 || root < 0)
		return err_errno(e, "hand the kubeconfig on");
	if (r->rq->kubeconfig) {
		rc = absolute(r->rq->kubeconfig, path, e);
		q.path = path;
	}
	if (rc == 0)
		rc = ask(&q, e);
	return rc < 0 ? rc : take_fd(&pass);
}
