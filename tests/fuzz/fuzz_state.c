/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_state - state files of the runtimes. The first byte says which file the rest is. */
#include "attach.h"
#include "node.h"
#include "runtime.h"
#include "select.h"
#include "spec.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STORAGE "var/lib/containers/storage/overlay-"

static const char *const files[] = {
	"var/lib/docker/containers/aa11/config.v2.json",
	"var/lib/docker/containers/aa11/hostconfig.json",
	"run/runc/bb22/state.json",
	"run/crun/cc33/status",
	"run/containerd/io.containerd.runtime.v2.task/k8s.io/dd44/config.json",
	"var/lib/containerd/io.containerd.grpc.v1.cri/containers/ee55/status",
	STORAGE "containers/containers.json",
	STORAGE "layers/layers.json",
	STORAGE "containers/ff66/userdata/config.json",
	STORAGE "containers/ff66/userdata/state.json",
};

static char top[] = "/tmp/taphos-fuzz-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void remove_all(void)
{
	(void)nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_tree(void)
{
	int fd;

	if (!mkdtemp(top) || atexit(remove_all) ||
		(fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		abort();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s", files[i]);
		for (char *p = path; (p = strchr(p, '/')); p++) {
			*p = '\0';
			(void)mkdirat(fd, path, 0700);
			*p = '/';
		}
	}
	if (mkdirat(fd, "proc", 0700) < 0)
		abort();
	return fd;
}

struct visit {
	const struct node *node;
	struct target *t;
};

static int look_at(const struct container *c, void *arg)
{
	struct visit *v = arg;

	memset(v->t, 0, sizeof(*v->t));
	attach_reset(v->t);
	if (!memchr(c->upper, 0, sizeof(c->upper)) || !memchr(c->name, 0, sizeof(c->name)))
		abort();
	(void)!c->ref.runtime->fill(v->node, c, v->t, NULL);
	own_json json_t *spec = spec_read(&v->node->host, c->bundle, NULL);

	if (spec)
		spec_mounts(spec, c->bundle, v->t);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int root = -1;
	static struct node node;
	static struct target t;
	struct visit visit = {&node, &t};
	const char *file;
	int fd;

	if (root < 0)
		root = make_tree();
	if (!size)
		return 0;
	file = files[data[0] % (sizeof(files) / sizeof(files[0]))];
	fd = openat(root, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1) || close(fd) < 0)
		abort();
	if (node_scan(&(struct target_host){root, openat(root, "proc", O_RDONLY | O_CLOEXEC)},
		    &node, NULL) < 0)
		abort();
	if (select_each(&node, look_at, &visit, NULL) < 0)
		abort();
	close(node.host.proc_fd);
	return 0;
}
