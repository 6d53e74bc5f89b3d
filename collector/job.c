/* SPDX-License-Identifier: Apache-2.0 */
/* job - what a dumper's worker is given. */
#include "job.h"
#include "apiserver.h"
#include "crisocket.h"
#include "now.h"
#include "places.h"
#include "profile.h"

#include <stdio.h>
#include <string.h>

enum { WORKER_MEMORY = 64 << 20 };

struct dump job_dump(const struct run *r, size_t index, int spool_fd)
{
	uint64_t max = r->rq->max_size, used = r->progress.bytes;
	struct dump d = {
		.target = r->target,
		.options = profile_options(r->profile, index),
		.proc_fd = r->host.at.proc_fd,
		.host_fd = r->host.at.root_fd,
		.root_fd = r->root_clone >= 0 ? r->root_clone : r->target->fd[TFD_ROOT],
		.spool_fd = spool_fd,
		.mount_fd = dumpers[index]->needs & NEED_MOUNTS ? r->mount_fd : NULL,
		.memory_fd = {-1, -1, -1},
		.peers_fd = dumpers[index]->needs & (NEED_NETNS | NEED_API) ? r->peers_fd : -1,
		.api_fd = dumpers[index]->needs & NEED_API ? r->api_fd : -1,
		.max_bytes = !max	  ? UINT64_MAX
			     : used < max ? max - used
					  : 0,
	};

	if (dumpers[index]->needs & NEED_MEMORY)
		memcpy(d.memory_fd, r->memory.fd, sizeof(d.memory_fd));
	if (dumpers[index]->needs & NEED_CRI) {
		d.daemon = &r->daemon;
		d.all = r->all;
		d.alls = r->alls;
	}
	return d;
}

static size_t list_kept(const struct run *r, const struct dump *d, int channel_fd, int *keep)
{
	const int base[] = {channel_fd, d->spool_fd, d->host_fd, d->proc_fd, d->root_fd};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(base) / sizeof(base[0]); i++)
		keep[n++] = base[i];
	/* The namespaces' own descriptors are power that no reader needs. */
	for (size_t i = 0; i < TARGET_FDS; i++)
		if (r->target->fd[i] >= 0 && i != TFD_MNTNS && i != TFD_NETNS)
			keep[n++] = r->target->fd[i];
	for (size_t i = 0; d->mount_fd && i < r->target->mounts; i++)
		if (d->mount_fd[i] >= 0)
			keep[n++] = d->mount_fd[i];
	for (size_t i = 0; i < MEMORY_FDS; i++)
		if (d->memory_fd[i] >= 0)
			keep[n++] = d->memory_fd[i];
	if (d->peers_fd >= 0)
		keep[n++] = d->peers_fd;
	if (d->api_fd >= 0)
		keep[n++] = d->api_fd;
	if (d->daemon && d->daemon->fd >= 0)
		keep[n++] = d->daemon->fd;
	return n;
}

void job_prepare(
	const struct run *r, size_t index, const struct dump *d, int channel_fd, struct job *ret)
{
	const struct dumper *dumper = dumpers[index];
	bool net = dumper->needs & NEED_NETNS;

	snprintf(ret->name, sizeof(ret->name), "taphos-%.8s", dumper->name);
	ret->spec = (struct worker_spec){
		.name = ret->name,
		.caps = dumper->caps,
		.filter = net				? FILTER_NETWORK
			  : dumper->needs & NEED_MEMORY ? FILTER_MEMORY
			  : dumper->needs & NEED_API	? FILTER_CLIENT
			  : dumper->needs & NEED_CRI	? FILTER_PARSER
							: FILTER_READER,
		.netns_fd = net ? r->target->fd[TFD_NETNS] : -1,
		.mntns_fd = -1,
		.keep = ret->keep,
		.keeps = list_kept(r, d, channel_fd, ret->keep),
		.memory = WORKER_MEMORY,
	};
}

const char *job_obstacle(const struct run *r, const struct dumper *d, bool *ret_loss)
{
	const struct target *t = r->target;

	*ret_loss = false;
	if (d->needs & NEED_API && apiserver_obstacle(r))
		return apiserver_obstacle(r);
	if (d->needs & NEED_CRI && crisocket_obstacle(r))
		return crisocket_obstacle(r);
	if (d->needs & NEED_RUNNING && !t->running)
		return "the container is not running";
	if (d->needs & (NEED_ROOTFS | NEED_MOUNTS) && t->host_root && !r->rq->force)
		return "its root directory is the host's own, which --force would collect";
	*ret_loss = true;
	if (d->needs & NEED_MEMORY && r->memory.refused[0])
		return r->memory.refused;
	if (d->needs & NEED_NETNS && t->fd[TFD_NETNS] < 0)
		return "the network namespace could not be opened";
	if (d->needs & NEED_ROOTFS && t->fd[TFD_UPPER] < 0 && t->fd[TFD_ROOT] < 0)
		return "no writable layer and no root directory were found";
	return NULL;
}

uint64_t job_ends(const struct run *r, size_t index)
{
	uint64_t now = now_ns(), left = now < r->deadline_ns ? r->deadline_ns - now : 0;
	uint64_t brief = 0;
	bool last = true, loss;

	for (size_t i = index + 1; dumpers[i]; i++) {
		if (!profile_enabled(r->profile, i) || job_obstacle(r, dumpers[i], &loss))
			continue;
		brief += dumpers[i]->brief_s * 1000000000ULL;
		last &= dumpers[i]->brief_s != 0;
	}
	left -= brief < left / 4 ? brief : left / 4;
	/* what one container does not use is the next one's */
	return now + (last ? left - left / 10 : left / 2) / places_left(r, dumpers[index]);
}
