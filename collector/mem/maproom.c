/* SPDX-License-Identifier: Apache-2.0 */
/* maproom - how much of the table one process's mappings may take. */
#include "maproom.h"

#include "draft.h"
#include "fair.h"

#include <sys/vfs.h>

static const uint64_t floor_bytes = 16 << 20; /* for each, where it lasts */
static const uint64_t least = 256 << 10;      /* on a disk that is full as it seems */

struct maproom maproom_begin(const struct capture *c)
{
	const uint64_t spare = c->job->spill_spare;
	struct maproom r = {
		.most = fair_share(c->maps_left, floor_bytes, c->set.count - c->listed - 1)};
	struct statfs fs;

	/* an unlimited file system in memory has no blocks */
	if (spare && fstatfs(c->table.fd, &fs) == 0 && fs.f_blocks) {
		uint64_t left = (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;

		left = left > spare ? (left - spare) / 2 : 0; /* it is written twice */
		left = left > least ? left : least;
		r.most = left < r.most ? left : r.most;
	}
	return r;
}

/* Half of the room is for names: what is in the memory of one without a name is not lost. */
bool maproom_take(struct maproom *r, struct mem_map *m)
{
	uint64_t n = sizeof(*m) + m->name_len + 1;

	if (m->name_len && r->used + n > r->most / 2) {
		r->bare = r->bare ? r->bare : m->start;
		m->name_len = 0;
		n = sizeof(*m) + 1;
	}
	if (r->used + n > r->most)
		return false;
	r->used += n;
	return true;
}
