/* SPDX-License-Identifier: Apache-2.0 */
/* crisocket - which container runtime's daemon is asked. */
#include "crisocket.h"
#include "cri.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CONNECT_NS = 1000000000 };

/* Where daemons that serve CRI listen, by their documentation; state: where such a daemon keeps the
 * files of what runs. */
static const struct listener {
	enum target_runtime runtime;
	const char *socket, *state;
} listeners[] = {
	{RUNTIME_CONTAINERD, "run/containerd/containerd.sock", "run/containerd/"},
	/* k3s, rke2 */
	{RUNTIME_CONTAINERD, "run/k3s/containerd/containerd.sock", "run/k3s/containerd/"},
	{RUNTIME_CONTAINERD, "run/k0s/containerd.sock", "run/k0s/containerd/"},
	{RUNTIME_CONTAINERD, "var/snap/microk8s/common/run/containerd.sock",
		"var/snap/microk8s/common/run/containerd/"},
	{RUNTIME_CRIO, "run/crio/crio.sock", "run/crio/"},
	{RUNTIME_DOCKER, "run/cri-dockerd.sock", "run/docker/"},
};
enum { LISTENERS = sizeof(listeners) / sizeof(listeners[0]) };

static bool serves(const struct listener *l, const struct run *r)
{
	return l->runtime == r->target->runtime;
}

const char *crisocket_obstacle(const struct run *r)
{
	const struct target *t = r->target;

	if (r->rq->no_cri)
		return "--no-cri";
	if (!t->pod_name[0] && !t->pod_uid[0])
		return "the container belongs to no pod";
	for (size_t i = 0; !r->rq->cri_socket && i < LISTENERS; i++)
		if (serves(&listeners[i], r))
			return NULL;
	return r->rq->cri_socket ? NULL : "its runtime has no daemon that serves pods";
}

static bool keeps(const struct listener *l, const struct target *t)
{
	size_t n = strlen(l->state);

	for (unsigned i = 0; i < t->states && i < TARGET_STATES; i++)
		if (!strncmp(t->state[i].path + (t->state[i].path[0] == '/'), l->state, n))
			return true;
	return false;
}

/* Of several daemons of one kind that which has files of the target comes first. */
static bool keeps_any(const struct listener *l, const struct run *r)
{
	for (size_t i = 0; i < r->places; i++)
		if (keeps(l, r->place[i].target))
			return true;
	return false;
}

static int connect_to(const struct run *r, const char *path, struct dump_daemon *ret, struct err *e)
{
	struct ucred peer;
	int fd = cri_connect(r->host.at.root_fd, path, CONNECT_NS, &peer, e);

	if (fd < 0)
		return fd;
	*ret = (struct dump_daemon){.fd = fd, .pid = peer.pid, .uid = peer.uid};
	snprintf(ret->path, sizeof(ret->path), "%s", path);
	return 0;
}

int crisocket_open(const struct run *r, struct dump_daemon *ret, struct err *e)
{
	const char *path = r->rq->cri_socket;
	int rc = -ENOENT;

	if (path)
		return connect_to(r, path + strspn(path, "/"), ret, e);
	for (unsigned i = 0; rc == -ENOENT && i < 2 * LISTENERS; i++) {
		const struct listener *l = &listeners[i % LISTENERS];

		if (serves(l, r) && keeps_any(l, r) == (i < LISTENERS))
			rc = connect_to(r, l->socket, ret, e);
	}
	return rc;
}
