/* SPDX-License-Identifier: Apache-2.0 */
/* kubelogs - whether the node has the file of a container's log. */
#include "kubelogs.h"

#include "io.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PODS "var/log/pods/"

/* The pod's folder: above the one of the target's own log, whose name a static pod's uid does not
 * tell; else as the kubelet names it. */
static void pod_folder(const struct target *t, char *ret, size_t size)
{
	const char *path = t->logs ? t->log[0].path : "";
	const char *end = strrchr(path, '/');

	end = end ? memrchr(path, '/', (size_t)(end - path)) : NULL;
	if (end && !strncmp(path, PODS, strlen(PODS)) && end > path + strlen(PODS))
		snprintf(ret, size, "%.*s", (int)(end - path), path);
	else
		snprintf(ret, size, PODS "%s_%s_%s", t->pod_namespace, t->pod_name, t->pod_uid);
}

bool kubelogs_is_there(const struct target *t, int host_fd, const char *container, uint64_t restart)
{
	char folder[TARGET_PATH], path[TARGET_PATH + 512];
	own_fd int fd = -1;

	if (strchr(container, '/'))
		return false;
	pod_folder(t, folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/%.256s/%llu.log", folder, container,
		(unsigned long long)restart);
	fd = io_open_in(host_fd, path, O_PATH, NULL);
	return fd >= 0;
}
