/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "dirsink.h"
#include "io.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	struct dirsink sink;
};

static int setup(void **state)
{
	static struct fixture f;

	snprintf(f.dir, sizeof(f.dir), "/tmp/test_sink.XXXXXX");
	if (!mkdtemp(f.dir))
		return -1;
	dirsink_init(&f.sink, open(f.dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	f.sink.sink.spool_fd = io_spool(-1, NULL);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"a", "b", "gaps.txt"};

	for (size_t i = 0; i < 3; i++)
		(void)unlinkat(f->sink.dir_fd, names[i], 0);
	close(f->sink.dir_fd);
	close(f->sink.sink.spool_fd);
	return rmdir(f->dir);
}

/* A row of n bytes, all of them c. */
static bool row(struct sink_text *t, char c, size_t n)
{
	char *room = buf_room(&t->rows, n);

	if (room) {
		memset(room, c, n);
		t->rows.len += n;
	}
	return sink_text_row(t);
}

static void rows_beyond_memory_come_back_in_order(void **state)
{
	struct fixture *f = *state;
	struct sink_text t;
	struct stat st;
	char byte;

	sink_text_begin(&t, &f->sink.sink, 64 << 20);
	for (int i = 0; i < 10; i++)
		assert_true(row(&t, (char)('a' + i), 1 << 20));
	buf_adds(&t.rows, "]");
	assert_int_equal(sink_text_end(&t, "a", NULL), 0);
	assert_int_equal(fstatat(f->sink.dir_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_size, (10 << 20) + 1);
	own_fd int fd = openat(f->sink.dir_fd, "a", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(pread(fd, &byte, 1, (off_t)i << 20), 1);
		assert_int_equal(byte, 'a' + i);
	}
	assert_int_equal(pread(fd, &byte, 1, 10 << 20), 1);
	assert_int_equal(byte, ']');
	assert_int_equal(f->sink.sink.spool_end, 0);
	assert_int_equal(fstat(f->sink.sink.spool_fd, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void rows_over_the_limit_are_one_gap(void **state)
{
	struct fixture *f = *state;
	struct sink_text t;
	struct stat st;

	sink_text_begin(&t, &f->sink.sink, 100);
	assert_true(row(&t, 'x', 60));
	assert_false(row(&t, 'y', 60));
	assert_false(row(&t, 'z', 1)); /* would fit, but nothing comes after the cut */
	buf_adds(&t.rows, "]}");
	assert_int_equal(sink_text_end(&t, "a", NULL), 0);
	assert_int_equal(fstatat(f->sink.dir_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_size, 62);
	assert_int_equal(f->sink.gaps, 1);
}

static void a_copy_inside_an_open_text_keeps_both(void **state)
{
	struct fixture *f = *state;
	struct sink_text t;
	struct stat st;
	own_fd int big = io_spool(-1, NULL);
	char byte;

	assert_int_equal(ftruncate(big, 6 << 20), 0);
	sink_text_begin(&t, &f->sink.sink, 64 << 20);
	for (int i = 0; i < 5; i++)
		assert_true(row(&t, 'r', 1 << 20));
	assert_int_equal(sink_copy(&f->sink.sink, "b", big, 64 << 20, NULL), 0);
	assert_int_equal(sink_text_end(&t, "a", NULL), 0);
	assert_int_equal(fstatat(f->sink.dir_fd, "b", &st, 0), 0);
	assert_int_equal(st.st_size, 6 << 20);
	own_fd int fd = openat(f->sink.dir_fd, "a", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &byte, 1, 3 << 20), 1);
	assert_int_equal(byte, 'r');
	assert_int_equal(f->sink.gaps, 0);
}

static void a_copy_stops_at_its_limit(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	own_fd int big = io_spool(-1, NULL);

	assert_int_equal(ftruncate(big, 9 << 20), 0);
	assert_int_equal(sink_copy(&f->sink.sink, "a", big, 5 << 20, NULL), 0);
	assert_int_equal(fstatat(f->sink.dir_fd, "a", &st, 0), 0);
	assert_int_equal(st.st_size, 5 << 20);
	assert_int_equal(f->sink.gaps, 1);
}

static void without_a_spool_memory_is_the_limit(void **state)
{
	struct fixture *f = *state;
	own_fd int spool = take_fd(&f->sink.sink.spool_fd);
	struct sink_text t;

	sink_text_begin(&t, &f->sink.sink, 64 << 20);
	for (int i = 0; i < 3; i++)
		assert_true(row(&t, 'r', 1 << 20));
	assert_false(row(&t, 'r', 2 << 20));
	assert_int_equal(sink_text_end(&t, "a", NULL), 0);
	assert_int_equal(f->sink.gaps, 1);
	f->sink.sink.spool_fd = take_fd(&spool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			rows_beyond_memory_come_back_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_over_the_limit_are_one_gap, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_copy_inside_an_open_text_keeps_both, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_stops_at_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(
			without_a_spool_memory_is_the_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
