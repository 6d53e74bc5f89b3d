/* SPDX-License-Identifier: Apache-2.0 */
/* runtime - the table of runtimes and what they share. */
#include "runtime.h"
#include "hostfs.h"
#include "record.h"

#include <stdio.h>
#include <string.h>

/* Engines first: their containers also have the state of the OCI runtime below. */
const struct runtime *const runtime_table[] = {
	&runtime_docker,
	&runtime_storage,
	&runtime_containerd,
	&runtime_oci_runc,
	&runtime_oci_crun,
	NULL,
};

bool runtime_is_sandbox(const struct container *c)
{
	return !strcmp(c->pod_part, "sandbox") || !strcmp(c->pod_part, "podsandbox");
}

bool runtime_id_is_sane(const char *id)
{
	if (!*id || strlen(id) >= TARGET_ID || !strcmp(id, ".") || !strcmp(id, ".."))
		return false;
	for (; *id; id++)
		if (*id == '/' || (unsigned char)*id <= ' ' || *id == 0x7f)
			return false;
	return true;
}

struct dir_walk {
	const struct container_ref *like;
	runtime_each *each;
	void *arg;
};

static int each_id(const char *name, void *arg)
{
	const struct dir_walk *w = arg;
	struct container_ref ref = *w->like;

	if (!runtime_id_is_sane(name))
		return 0;
	(void)RECORD_TEXT(ref.id, name);
	if ((size_t)snprintf(ref.dir, sizeof(ref.dir), "%s/%s", w->like->dir, name) >=
		sizeof(ref.dir))
		return 0;
	return w->each(&ref, w->arg);
}

int runtime_list_dir(const struct target_host *host, const struct container_ref *like,
	runtime_each *each, void *arg, struct err *e)
{
	struct dir_walk w = {like, each, arg};

	return hostfs_each_name(host->root_fd, like->dir, each_id, &w, e);
}
