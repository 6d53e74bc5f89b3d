/* SPDX-License-Identifier: Apache-2.0 */
/* How pages are copied: many at a time, by several threads, and what is lost among them. */
#include "unit.h"

#include "copy.h"
#include "crew.h"
#include "io.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 80 << 20, HOLES = 4 };

struct fixture {
	char *memory;
	size_t page;
	struct copy_limits limits;
	struct copy *copy;
	struct stage stage;
	struct runs runs;
	struct memtable table;
	int table_fd, stage_fd, spill_fd, proc_fd;
	/* found by check() */
	uint64_t staged, spilled, live, lost;
};

/* One of a page's first words tells where it is. */
static char *memory_of_ours(size_t page)
{
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	for (size_t i = 0; i < SIZE; i += page) {
		memset(p + i, (int)(i / page % 251), page);
		memcpy(p + i, &i, sizeof(i));
	}
	return p;
}

static void open_with(struct fixture *f, unsigned hands, uint64_t stage, uint64_t spill)
{
	*f = (struct fixture){.page = (size_t)sysconf(_SC_PAGESIZE), .table = MEMTABLE_INIT};
	f->memory = memory_of_ours(f->page);
	f->limits = (struct copy_limits){
		.max_process = UINT64_MAX, .max_total = UINT64_MAX, .until = UINT64_MAX};
	f->copy = calloc(1, sizeof(*f->copy));
	f->table_fd = io_spool(-1, NULL);
	f->stage_fd = io_spool(-1, NULL);
	f->spill_fd = io_spool(-1, NULL);
	f->proc_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(ftruncate(f->stage_fd, (off_t)stage), 0);
	assert_int_equal(stage_open(&f->stage, f->stage_fd, stage, f->spill_fd, spill, NULL), 0);
	assert_int_equal(memtable_open(&f->table, f->table_fd, NULL), 0);
	f->runs = (struct runs){.table = &f->table, .left = RUNS_MAX};
	f->copy->limits = &f->limits;
	f->copy->stage = &f->stage;
	f->copy->runs = &f->runs;
	f->copy->crew = crew_new(hands);
	stage_populate(&f->stage, stage, f->copy->crew, NULL);
	assert_int_equal(f->stage.ready, stage);
	copy_begin(f->copy, getpid(), f->proc_fd);
}

static void close_with(struct fixture *f)
{
	copy_done(f->copy);
	crew_free(f->copy->crew);
	stage_done(&f->stage);
	memtable_done(&f->table);
	free(f->copy);
	(void)munmap(f->memory, SIZE);
	(void)close(f->table_fd);
	(void)close(f->stage_fd);
	(void)close(f->spill_fd);
	(void)close(f->proc_fd);
}

static uint64_t at(const struct fixture *f, size_t offset)
{
	return (uintptr_t)f->memory + offset;
}

static void add(struct fixture *f, size_t from, size_t to, enum mem_fate fate)
{
	struct mem_run run = {.start = at(f, from), .end = at(f, to), .fate = (uint16_t)fate};

	assert_int_equal(copy_add(f->copy, &run, NULL), 0);
}

static void check_bytes(struct fixture *f, const struct mem_run *r)
{
	char *kept = malloc(f->page);

	for (uint64_t a = r->start; a < r->end; a += f->page) {
		assert_int_equal(io_pread(r->store == MEM_STORE_STAGE ? f->stage_fd : f->spill_fd,
					 kept, f->page, (off_t)(r->offset + (a - r->start))),
			f->page);
		assert_memory_equal(kept, f->memory + (a - at(f, 0)), f->page);
	}
	free(kept);
}

/* All of it is there once, in order; what was copied is what it was. */
static void check(struct fixture *f)
{
	own_memscan struct memscan scan = MEMSCAN_INIT;
	const struct mem_head *h;
	uint64_t next = at(f, 0);

	assert_int_equal(copy_flush(f->copy, NULL), 0);
	assert_int_equal(memtable_end(&f->table, &f->runs.sum, NULL), 0);
	assert_int_equal(memscan_open(&scan, f->table_fd, NULL), 0);
	while (memscan_next(&scan, &h, NULL) == 1) {
		const struct mem_run *r = (const void *)h;

		if (h->type != MEM_RUN)
			continue;
		assert_int_equal(r->start, next);
		next = r->end;
		f->lost += r->fate == MEM_FAILED ? r->end - r->start : 0;
		if (r->fate != MEM_DUMPED)
			continue;
		*(r->store == MEM_STORE_STAGE	      ? &f->staged
			: r->store == MEM_STORE_SPILL ? &f->spilled
						      : &f->live) += r->end - r->start;
		if (r->store != MEM_STORE_LIVE)
			check_bytes(f, r);
	}
	assert_int_equal(next, at(f, SIZE));
}

static void everything(void **state)
{
	(void)state;
	for (unsigned hands = 0; hands < 4; hands++) {
		struct fixture f;

		open_with(&f, hands, SIZE, 0);
		add(&f, 0, SIZE, MEM_DUMPED);
		check(&f);
		assert_int_equal(f.staged, SIZE);
		close_with(&f);
	}
}

/* Every third page is not there to be copied: more runs than wait at a time. */
static void many_runs(void **state)
{
	struct fixture f;

	(void)state;
	open_with(&f, 2, SIZE, 0);
	for (size_t i = 0; i < SIZE; i += f.page)
		add(&f, i, i + f.page, i / f.page % 3 ? MEM_DUMPED : MEM_ZERO);
	check(&f);
	assert_int_equal(f.staged, SIZE - (SIZE / f.page + 2) / 3 * f.page);
	close_with(&f);
}

/* One page each, within a part, at its ends, and in the last batch. */
static void pages_that_vanish(void **state)
{
	static const size_t holes[HOLES] = {
		3 << 20, (9 << 20) + 4096 * 16, (16 << 20) - 65536, SIZE - 65536};

	(void)state;
	for (unsigned hands = 0; hands < 3; hands += 2) {
		struct fixture f;

		open_with(&f, hands, SIZE, 0);
		for (unsigned i = 0; i < HOLES; i++)
			assert_int_equal(munmap(f.memory + holes[i], f.page), 0);
		add(&f, 0, SIZE, MEM_DUMPED);
		check(&f);
		assert_int_equal(f.lost, HOLES * f.page);
		assert_int_equal(f.staged, SIZE - HOLES * f.page);
		assert_int_equal(f.limits.total, f.staged);
		close_with(&f);
	}
}

static void no_more_room(void **state)
{
	const uint64_t stage = (10 << 20) + 65536, spill = 20 << 20;
	struct fixture f;

	(void)state;
	open_with(&f, 2, stage, spill);
	add(&f, 0, SIZE, MEM_DUMPED);
	check(&f);
	assert_int_equal(f.staged, stage);
	assert_int_equal(f.spilled, spill);
	assert_int_equal(f.live, SIZE - stage - spill);
	close_with(&f);
}

/* ---- the threads themselves */

enum { TIMES = 1000, MOST = 100 };

struct counting {
	_Atomic unsigned of[MOST], busy[8], twice;
};

static void count(void *arg, unsigned i, unsigned hand)
{
	struct counting *c = arg;

	c->of[i]++;
	c->twice += c->busy[hand]++;
	c->busy[hand]--;
}

static void each_part_once(void **state)
{
	(void)state;
	for (unsigned hands = 0; hands < 6; hands++) {
		struct crew *crew = crew_new(hands);
		struct counting c = {0};

		for (unsigned n = 0; n < TIMES; n++)
			crew_run(crew, n % MOST, count, &c);
		for (unsigned i = 0; i < MOST; i++)
			assert_int_equal(c.of[i], TIMES / MOST * (MOST - 1 - i));
		assert_int_equal(c.twice, 0);
		assert_true(crew_hands(crew) <= hands + 1);
		crew_free(crew);
	}
	assert_int_equal(crew_cores(1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything),
		cmocka_unit_test(many_runs),
		cmocka_unit_test(pages_that_vanish),
		cmocka_unit_test(no_more_room),
		cmocka_unit_test(each_part_once),
	};

	return cmocka_run_group_tests_name("memcopy", tests, NULL, NULL);
}
