/* SPDX-License-Identifier: Apache-2.0 */
/* stage - where copied pages wait while the target runs again. */
#include "stage.h"

#include "crew.h"
#include "io.h"
#include "tick.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { STEP = 64 << 20, PART = 4 << 20 };

int stage_open(struct stage *s, int stage_fd, uint64_t bytes, int spill_fd, uint64_t spill_bytes,
	struct err *e)
{
	*s = (struct stage){.spill_fd = spill_fd, .spill_bytes = spill_fd < 0 ? 0 : spill_bytes};
	if (stage_fd >= 0 && bytes) {
		void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, stage_fd, 0);

		if (map == MAP_FAILED)
			return err_errno(e, "map the staging area");
		s->map = map;
		s->bytes = bytes;
		(void)madvise(map, bytes, MADV_HUGEPAGE);
	}
	s->block = malloc((size_t)STAGE_HANDS * STAGE_BLOCK);
	return s->block ? 0 : err_set(e, ENOMEM, "no memory");
}

void stage_done(struct stage *s)
{
	if (s->map)
		(void)munmap(s->map, s->bytes);
	free(s->block);
	*s = STAGE_INIT;
}

/* Up to STEP bytes, as parts. */
struct step {
	char *from;
	uint64_t n;
	atomic_bool failed;
	_Atomic uint64_t *beat;
};

static void populate(void *arg, unsigned part, unsigned hand)
{
	struct step *s = arg;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), at = (size_t)part * PART;
	size_t n = s->n - at < PART ? s->n - at : PART;

	(void)hand;
	tick(s->beat);
	if (madvise(s->from + at, n, MADV_POPULATE_WRITE) == 0)
		return;
	if (errno != EINVAL)
		s->failed = true;
	else
		for (size_t i = 0; i < n; i += page) /* before 5.14 */
			*(volatile char *)(s->from + at + i) = 0;
}

void stage_populate(struct stage *s, uint64_t want, struct crew *crew, _Atomic uint64_t *beat)
{
	while (s->ready < want && s->ready < s->bytes) {
		uint64_t n = s->bytes - s->ready;

		n = n < want - s->ready ? n : want - s->ready;
		n = n < STEP ? n : STEP;
		struct step step = {.from = s->map + s->ready, .n = n, .beat = beat};

		crew_run(crew, (unsigned)((n + PART - 1) / PART), populate, &step);
		if (step.failed) {
			s->bytes = s->ready; /* touching more of it could end us by SIGBUS */
			return;
		}
		s->ready += n;
	}
}

uint64_t stage_at(const struct stage *s, size_t *ret_room)
{
	*ret_room = s->bytes - s->used;
	if (!*ret_room && s->spill_fd >= 0 && !s->spill_error)
		*ret_room = s->spill_bytes - s->spill_used;
	return s->used + s->spill_used;
}

char *stage_hand(const struct stage *s, uint64_t at, unsigned hand)
{
	return at < s->bytes ? s->map + at : s->block + (size_t)hand * STAGE_BLOCK;
}

/* Others may have filled the disk since its room was measured: the rest is for the bundle. */
static bool is_full(const struct stage *s, size_t n)
{
	struct statfs fs;

	return s->spare && fstatfs(s->spill_fd, &fs) == 0 &&
	       (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize < s->spare + n;
}

int stage_put(const struct stage *s, uint64_t at, unsigned hand, size_t n)
{
	if (at < s->bytes)
		return 0;
	if (is_full(s, n))
		return -ENOSPC;
	return io_pwrite(s->spill_fd, stage_hand(s, at, hand), n, (off_t)(at - s->bytes));
}

void stage_take(struct stage *s, size_t n, enum mem_store *ret_store, uint64_t *ret_offset)
{
	bool file = s->used == s->bytes;
	uint64_t *used = file ? &s->spill_used : &s->used;

	*ret_store = file ? MEM_STORE_SPILL : MEM_STORE_STAGE;
	*ret_offset = *used;
	*used += n;
}

char *stage_room(const struct stage *s, size_t *ret_room)
{
	uint64_t at = stage_at(s, ret_room);

	if (at >= s->bytes && *ret_room > STAGE_BLOCK)
		*ret_room = STAGE_BLOCK;
	return *ret_room ? stage_hand(s, at, 0) : NULL;
}

int stage_keep(struct stage *s, size_t n, enum mem_store *ret_store, uint64_t *ret_offset)
{
	size_t room;
	int rc = stage_put(s, stage_at(s, &room), 0, n);

	if (rc < 0) {
		s->spill_error = -rc;
		return rc;
	}
	stage_take(s, n, ret_store, ret_offset);
	return 0;
}
