/* SPDX-License-Identifier: Apache-2.0 */
/* stage - where copied pages wait while the target runs again. */
#include "stage.h"

#include "io.h"
#include "tick.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

enum { STEP = 64 << 20 };

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
	s->block = malloc(STAGE_BLOCK);
	return s->block ? 0 : err_set(e, ENOMEM, "no memory");
}

void stage_done(struct stage *s)
{
	if (s->map)
		(void)munmap(s->map, s->bytes);
	free(s->block);
	*s = STAGE_INIT;
}

static int populate(char *from, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (madvise(from, n, MADV_POPULATE_WRITE) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	for (size_t i = 0; i < n; i += page) /* before 5.14 */
		*(volatile char *)(from + i) = 0;
	return 0;
}

void stage_populate(struct stage *s, uint64_t want, _Atomic uint64_t *beat)
{
	while (s->ready < want && s->ready < s->bytes) {
		uint64_t n = s->bytes - s->ready;

		n = n < want - s->ready ? n : want - s->ready;
		n = n < STEP ? n : STEP;
		if (populate(s->map + s->ready, n) < 0) {
			s->bytes = s->ready; /* touching more of it could end us by SIGBUS */
			return;
		}
		s->ready += n;
		tick(beat);
	}
}

char *stage_room(const struct stage *s, size_t *ret_room)
{
	uint64_t file = s->spill_bytes - s->spill_used;

	if (s->used < s->bytes) {
		*ret_room = s->bytes - s->used;
		return s->map + s->used;
	}
	if (s->spill_fd < 0 || s->spill_error || !file)
		return NULL;
	*ret_room = file < STAGE_BLOCK ? file : STAGE_BLOCK;
	return s->block;
}

int stage_keep(struct stage *s, size_t n, enum mem_store *ret_store, uint64_t *ret_offset)
{
	if (s->used < s->bytes) {
		*ret_store = MEM_STORE_STAGE;
		*ret_offset = s->used;
		s->used += n;
		return 0;
	}
	s->spill_error = -io_pwrite(s->spill_fd, s->block, n, (off_t)s->spill_used);
	if (s->spill_error)
		return -s->spill_error;
	*ret_store = MEM_STORE_SPILL;
	*ret_offset = s->spill_used;
	s->spill_used += n;
	return 0;
}
